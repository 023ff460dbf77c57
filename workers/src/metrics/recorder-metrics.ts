/** Recorder metrics: how far the record is behind the log, and what a recorder writes. */
import type { Recorder, RecorderObserver, RecorderState } from "@myelin/runs";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

const STATES: readonly RecorderState[] = ["opening", "recording", "standby", "waiting", "stopped"];

/** Register the metrics of a Recorder. Give it `observer`, and call `watch` with it. */
export function recorderMetrics(registry: Registry): {
  readonly observer: RecorderObserver;
  watch(recorder: Pick<Recorder, "lag" | "state">): void;
} {
  const registers = [registry];
  const batches = new Histogram({
    name: "myelin_recorder_batch_entries",
    help: "Entries of the log written together.",
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000],
    registers,
  });
  const seconds = new Histogram({
    name: "myelin_recorder_batch_seconds",
    help: "Time to write a batch to Postgres.",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const signals = new Counter({ name: "myelin_recorder_signals_total", help: "Signals recorded.", registers });
  const deadLetters = new Counter({
    name: "myelin_recorder_dead_letters_total",
    help: "Entries of the log that could not be recorded as Signals.",
    registers,
  });
  const deadTasks = new Counter({
    name: "myelin_recorder_dead_tasks_total",
    help: "Tasks that failed for good.",
    registers,
  });
  const missing = new Counter({
    name: "myelin_recorder_missing_total",
    help: "Sequences that the log did not hold any more when the recorder came by.",
    registers,
  });
  const purged = new Counter({
    name: "myelin_recorder_purged_total",
    help: "Entries this recorder purged from the log: recorded, old enough, and of no open run.",
    registers,
  });
  return {
    observer: {
      retained: (event) => purged.inc(event.purged),
      batchWritten(batch) {
        batches.observe(batch.entries);
        seconds.observe(batch.ms / 1_000);
        signals.inc(batch.signals);
        deadLetters.inc(batch.deadLetters);
        deadTasks.inc(batch.deadTasks);
        missing.inc(batch.missing);
      },
    },
    watch(recorder) {
      new Gauge({
        name: "myelin_recorder_lag",
        help: "Entries of the log that are not recorded yet. NaN while the log cannot be asked.",
        registers,
        async collect() {
          this.set(await recorder.lag().catch(() => NaN));
        },
      });
      new Gauge({
        name: "myelin_recorder_state",
        help: "1 for the state this recorder is in: opening, recording, standby, waiting, stopped.",
        labelNames: ["state"],
        registers,
        collect() {
          for (const state of STATES) this.set({ state }, state === recorder.state ? 1 : 0);
        },
      });
    },
  };
}

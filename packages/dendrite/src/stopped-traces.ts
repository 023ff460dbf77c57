/**
 * StoppedTraces: what was cancelled, so that a task that was still queued then is not started. A fold over the STOPs in the
 * log: read back when a worker starts and after each reconnect, then heard.
 *
 * A STOP ends what it found: tasks before it in the log, and whatever the runs that it stopped still dispatched. A new
 * dispatch on the same trace, after it, is not stopped.
 */
import type { Bus, SignalOf } from "@myelin/bus";

/** The newest ones are kept. */
const MAX_STOPS = 10_000;

export class StoppedTraces {
  readonly #bus: Bus;
  /** By trace id, or trace id and run id. */
  readonly #stops = new Map<string, { stop: SignalOf<"STOP">; seq: number }>();
  /** Up to here the log was read. */
  #seq = 0;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Read the STOPs that the log has had since the last time. */
  async catchUp(onStop: (stop: SignalOf<"STOP">) => void = () => {}): Promise<void> {
    const upTo = (await this.#bus.info()).lastSeq;
    for await (const { seq, parsed } of this.#bus.read({ type: "STOP" }, { fromSeq: this.#seq + 1 })) {
      if (!parsed.ok || parsed.signal.type !== "STOP") continue;
      this.add(parsed.signal, seq);
      onStop(parsed.signal);
    }
    this.#seq = Math.max(this.#seq, upTo);
  }

  /** `seq` is null for the live copy: it runs ahead of the stored one, whose place then counts. */
  add(stop: SignalOf<"STOP">, seq: number | null): void {
    const { run_id } = stop.payload;
    const key = run_id === undefined ? stop.trace_id : `${stop.trace_id} ${run_id}`;
    this.#stops.delete(key);
    this.#stops.set(key, { stop, seq: seq ?? Infinity });
    if (this.#stops.size > MAX_STOPS) this.#stops.delete(this.#stops.keys().next().value!);
  }

  /** The STOP that a task at `seq` falls under. */
  of(task: SignalOf<"TASK">, seq: number | null): SignalOf<"STOP"> | undefined {
    if (this.#stops.size === 0) return undefined;
    const { run_id, parent_run_id } = task.meta;
    const ofParent = this.#stops.get(`${task.trace_id} ${parent_run_id}`);
    if (ofParent) return ofParent.stop;
    // A task after it wakes a run that had paused before the STOP reached it.
    const ofRun = this.#stops.get(`${task.trace_id} ${run_id}`);
    if (ofRun && (seq === null || seq < ofRun.seq)) return ofRun.stop;
    const ofTrace = this.#stops.get(task.trace_id);
    if (!ofTrace) return undefined;
    return parent_run_id !== undefined || (seq !== null && seq < ofTrace.seq) ? ofTrace.stop : undefined;
  }
}

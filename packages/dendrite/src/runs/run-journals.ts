/**
 * Run journals: the journal of a run, for whoever did not write it: read from the log, or from the records what the log has
 * lost, and added to at its end.
 *
 * A paused run may outlive its journal in the log. Who adds to it then puts all of it there again, with what is new, as one
 * entry behind what is left (nothing, usually: expected sequence 0). Of those who race one does.
 */
import {
  createSignal,
  entriesIn,
  journalOf,
  signalOf,
  type Bus,
  type InstanceId,
  type Meta,
  type SignalId,
  type SignalOf,
  type TraceId,
} from "@myelin/bus";
import { journalState, type JournalState, type NewRunEvent, type RunEventEntry } from "@myelin/bus/run-events";
import { placed } from "../axon/memory-journal.ts";
import { RecordsUnavailableError } from "../errors.ts";
import { appendBehind } from "../journal-log.ts";
import type { Records } from "../records.ts";
import { toKnownRun, type KnownRun } from "../run-history.ts";
import type { RunLog } from "../run-log.ts";

export interface ReadJournal {
  readonly run: KnownRun;
  /** What the run's Signals carry: its ids, tenant, and whom its replies are for. */
  readonly meta: Meta;
  readonly traceId: TraceId;
  readonly entries: readonly RunEventEntry[];
  readonly state: JournalState;
  /** The Signal that brought the last `run.resumed`. */
  readonly resumedBy: SignalId | null;
  /** The last sequence of its subject: what an append expects. */
  readonly headSeq: number;
  /** False: the log has lost its beginning. */
  readonly isWhole: boolean;
}

export class RunJournals {
  readonly #bus: Bus;
  readonly #instance: InstanceId;
  readonly #log: RunLog;
  readonly #records: Records;

  constructor(parts: { bus: Bus; instance: InstanceId; log: RunLog; records: Records }) {
    this.#bus = parts.bus;
    this.#instance = parts.instance;
    this.#log = parts.log;
    this.#records = parts.records;
  }

  /**
   * Null for a run that has none, or is none. Without the trace id it is looked for under all buckets. Rejects with
   * `RecordsUnavailableError` when only the records could know it.
   */
  async read(runId: string, traceId?: string): Promise<ReadJournal | null> {
    const head = await this.#bus.lastOf(
      traceId === undefined ? { type: "RUN_EVENT", to: runId, lane: "_", run: runId } : journalOf(traceId, runId),
    );
    const last = signalOf(head);
    if (!head || !last) {
      if (await this.#log.reachesBackTo(runId)) return null;
      const recorded = await this.#records.journalOf(runId);
      return recorded.length === 0 ? null : toJournal(runId, recorded, { headSeq: 0, isWhole: false });
    }
    const signals: SignalOf<"RUN_EVENT">[] = [];
    let headSeq = head.seq;
    // One after the other: there are few, and who may not make a consumer may do this.
    const subject = journalOf(last.trace_id, runId);
    for (let entry = await this.#bus.firstOf(subject); entry;) {
      const signal = signalOf(entry);
      if (signal?.type === "RUN_EVENT") signals.push(signal);
      headSeq = entry.seq;
      if (headSeq === head.seq) break;
      entry = await this.#bus.firstOf(subject, { fromSeq: headSeq + 1 });
    }
    const first = entriesIn(signals)[0]?.sequence_index;
    if (first === 0) return toJournal(runId, signals, { headSeq, isWhole: true });
    const recorded = (await this.#records.journalOf(runId)).filter(
      ({ payload }) => payload.entries[0]!.sequence_index < (first ?? Infinity),
    );
    return toJournal(runId, [...recorded, ...signals], { headSeq, isWhole: false });
  }

  /** The last entry in the log; null when it holds none. */
  async lastEntry(runId: string, traceId: string): Promise<RunEventEntry | null> {
    const last = signalOf(await this.#bus.lastOf(journalOf(traceId, runId)));
    return last?.type === "RUN_EVENT" ? (last.payload.entries.at(-1) ?? null) : null;
  }

  /** Add entries behind what was read; the id of the Signal that brought them, or null when another was first. */
  async append({ run, meta, traceId, entries, headSeq, isWhole }: ReadJournal, added: readonly NewRunEvent[]) {
    const placedEntries = added.map((entry, at) => placed(entry, entries.length + at));
    const signal = createSignal({
      type: "RUN_EVENT",
      trace_id: traceId,
      directed: { id: run.neuron, type: null, capabilities: [] },
      payload: { entries: isWhole ? placedEntries : [...entries, ...placedEntries] },
      meta: { ...meta, instance: this.#instance },
    });
    return (await appendBehind(this.#bus, signal, headSeq)) === null ? null : signal.id;
  }
}

function toJournal(
  runId: string,
  signals: readonly SignalOf<"RUN_EVENT">[],
  place: { headSeq: number; isWhole: boolean },
): ReadJournal {
  const entries = entriesIn(signals);
  const gap = entries.findIndex(({ sequence_index }, at) => sequence_index !== at);
  if (gap >= 0) {
    throw new RecordsUnavailableError(`entry ${gap} of the journal of run ${runId}`, new Error("nor do the records"));
  }
  const first = signals[0]!;
  const { run_id, tenant_id, parent_run_id, reply_to } = first.meta;
  const meta: Meta = { run_id: run_id ?? runId };
  if (tenant_id !== undefined) meta.tenant_id = tenant_id;
  if (parent_run_id !== undefined) meta.parent_run_id = parent_run_id;
  if (reply_to !== undefined) meta.reply_to = reply_to;
  // Whoever finds the run by what is added here finds its beginning.
  const task_seq = entries.find(({ event_type }) => event_type === "attempt.started")?.data["task_seq"];
  if (typeof task_seq === "number") meta.task_seq = task_seq;
  const resumes = ({ payload }: SignalOf<"RUN_EVENT">) =>
    payload.entries.some(({ event_type }) => event_type === "run.resumed");
  return {
    // Every reply comes behind the journal's first entry.
    run: toKnownRun(runId, first, place.isWhole),
    meta,
    traceId: first.trace_id,
    entries,
    state: journalState(entries),
    resumedBy: signals.findLast(resumes)?.id ?? null,
    ...place,
  };
}

/**
 * expirePause: ends a paused run in its journal, which is where submissions are taken: of an answer and the expiry that race
 * one is stored, and who comes late reads that the run is over.
 *
 * J1: the append expects what was recorded as the journal's end. Where the recorder is behind, it is refused, and tried again.
 */
import { createSignal, journalOf, WrongLastSeqError, type Meta, type SignalId, type TraceId } from "@myelin/bus";
import { journalState, type JournalState, type NewRunEvent, type RunEventEntry } from "@myelin/bus/run-events";
import type { Database } from "../database.ts";
import type { DueRun } from "./due-runs.ts";
import type { SweptBus } from "./sweeper-options.ts";

export interface RecordedJournal {
  readonly entries: readonly RunEventEntry[];
  readonly state: JournalState;
  /** Sequences of its first and its last Signal. */
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** Null for a run without one, or with one of attempts and steps alone. */
export async function recordedJournal(db: Database, runId: string): Promise<RecordedJournal | null> {
  const rows = await db.$queryRawUnsafe<(RunEventEntry & { seq: number })[]>(
    `SELECT sequence_index, iteration_index, event_type, correlation_id, data, seq::float8 AS seq
     FROM run_events WHERE run_id = $1::text ORDER BY sequence_index`,
    runId,
  );
  const state = journalState(rows);
  if (!state.isOwned) return null;
  const seqs = rows.map(({ seq }) => seq);
  const entries = rows.map(({ seq: _seq, ...entry }) => entry);
  return { entries, state, firstSeq: seqs[0]!, lastSeq: Math.max(...seqs) };
}

/** Resolves with false when the run went on, or may have. */
export async function expirePause(
  bus: Pick<SweptBus, "get" | "lastOf" | "append">,
  run: DueRun,
  journal: RecordedJournal,
  { message, meta }: { readonly message: string; readonly meta: Meta },
): Promise<boolean> {
  const { pause } = journal.state;
  if (!pause) return false;
  const data = { code: "DEADLINE_EXCEEDED", message };
  const ended = { event_type: "run.error", iteration_index: pause.iteration, data } as const;
  return (await appendRecorded(bus, run, journal, [ended], meta)) !== null;
}

/** Put entries behind a journal as it was recorded. The id of the Signal that brought them; null when the run went on, or may have. */
export async function appendRecorded(
  bus: Pick<SweptBus, "get" | "lastOf" | "append">,
  run: Pick<DueRun, "traceId" | "runId" | "neuronId">,
  { entries, firstSeq, lastSeq }: RecordedJournal,
  added: readonly NewRunEvent[],
  meta: Meta,
): Promise<SignalId | null> {
  const head = await bus.lastOf(journalOf(run.traceId, run.runId));
  if (head && head.seq !== lastSeq) return null;
  const placed = added.map(({ event_type, iteration_index = 0, correlation_id, data }, at) => ({
    sequence_index: entries.length + at,
    iteration_index,
    event_type,
    correlation_id: correlation_id ?? null,
    data,
  }));
  // What the log has lost of the journal goes there again with it: it is read from its beginning.
  const isWhole = head !== null && (await bus.get(firstSeq)) !== null;
  const signal = createSignal({
    type: "RUN_EVENT",
    trace_id: run.traceId as TraceId,
    directed: { id: run.neuronId ?? "sweeper", type: null, capabilities: [] },
    payload: { entries: isWhole ? placed : [...entries, ...placed] },
    meta,
  });
  try {
    await bus.append(signal, { expectLastSeq: head?.seq ?? 0 });
    return signal.id;
  } catch (error) {
    if (error instanceof WrongLastSeqError) return null;
    throw error;
  }
}

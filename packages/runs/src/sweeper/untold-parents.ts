/**
 * Untold parents: runs that wait in their journals for runs they delegated to, of which some have ended, and nobody lived, or
 * was there, to tell them: the one who ended the child died behind that, or it was a sweeper.
 */
import { isEndType, newSignalId, toChildEnd, type EndType, type Meta, type SignalOf } from "@myelin/bus";
import { missingChildren, settleChildren, type ChildEnd } from "@myelin/bus/run-events";
import type { Database } from "../database.ts";
import { appendRecorded, recordedJournal } from "./expire-pause.ts";
import { firstTaskOf, sendWake } from "./lost-wakes.ts";
import { recordedSignal } from "./recorded-signal.ts";
import type { SweptBus } from "./sweeper-options.ts";

export interface UntoldParent {
  readonly runId: string;
  readonly traceId: string;
  readonly neuronId: string | null;
  readonly taskSeq: number | null;
}

/** Runs at a time; the others come with the next look. */
const LIMIT = 200;

/** Runs of one log that wait for a child that had ended before `until`. */
export async function listUntoldParents(
  db: Database,
  log: { namespace: string; createdAt: Date },
  until: Date,
): Promise<UntoldParent[]> {
  const rows = await db.$queryRawUnsafe<
    { run_id: string; trace_id: string; neuron_id: string | null; task_seq: number | null }[]
  >(
    `SELECT DISTINCT r.run_id, r.trace_id, r.neuron_id, r.task_seq::float8 AS task_seq
     FROM runs AS r
     JOIN run_events AS p ON p.run_id = r.run_id AND p.sequence_index = r.pause_index
     CROSS JOIN LATERAL jsonb_array_elements(p.data->'pending') AS call
     JOIN runs AS c ON c.run_id = call->>'child_run_id'
     WHERE r.log_id = (SELECT log_id FROM logs WHERE namespace = $1::text AND created_at = $2::text::timestamptz(3))
       AND r.status = 'waiting_child' AND r.terminal_seq IS NULL AND c.ended_at <= $3::text::timestamptz
       AND NOT EXISTS (SELECT FROM run_events AS d WHERE d.run_id = r.run_id AND d.sequence_index > r.pause_index
         AND d.event_type = 'tool.completed' AND d.data->>'call_id' = call->>'call_id')
     LIMIT ${LIMIT}`,
    log.namespace,
    log.createdAt.toISOString(),
    until.toISOString(),
  );
  return rows.map(({ run_id, trace_id, neuron_id, task_seq }) => ({
    runId: run_id,
    traceId: trace_id,
    neuronId: neuron_id,
    taskSeq: task_seq,
  }));
}

/** Resolves with false when it was told meanwhile, or cannot be. */
export async function tellParent(
  bus: Pick<SweptBus, "get" | "lastOf" | "append">,
  db: Database,
  parent: UntoldParent,
): Promise<boolean> {
  const journal = await recordedJournal(db, parent.runId);
  const first = journal && (await firstTaskOf(bus, db, parent));
  if (!first) return false;
  const ends = new Map<string, ChildEnd>();
  for (const { call_id, child_run_id } of missingChildren(journal.entries)) {
    const end = await recordedEnd(db, child_run_id);
    if (!end) continue;
    ends.set(call_id, toChildEnd(end, (await recordedJournal(db, child_run_id))?.entries ?? []));
  }
  const settled = settleChildren(journal.entries, ends, newSignalId());
  if (!settled) return false;
  const { idempotency_key: _key, ...kept } = first.meta;
  const meta: Meta = { ...kept, run_id: parent.runId, instance: "sweeper" };
  if (parent.taskSeq !== null) meta.task_seq = parent.taskSeq;
  const resumedBy = await appendRecorded(bus, parent, journal, settled.entries, meta);
  if (resumedBy === null) return false;
  if (settled.task) await sendWake(bus, db, { ...parent, data: settled.entries.at(-1)!.data, resumedBy });
  return true;
}

/** The terminal of a run that counts. */
async function recordedEnd(db: Database, runId: string): Promise<SignalOf<EndType> | null> {
  const terminal = "(SELECT log_id, terminal_seq, ended_at FROM runs WHERE run_id = $1::text)";
  const signal = await recordedSignal(db, `(log_id, seq, stored_at) = ${terminal}`, runId);
  return signal && isEndType(signal.type) ? (signal as SignalOf<EndType>) : null;
}

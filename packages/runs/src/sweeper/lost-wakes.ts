/**
 * Lost wakes: runs whose pause was answered, and whose submitter died before it sent the TASK that wakes them. The journal says
 * which TASK that is, so whoever sends it sends the same one.
 */
import { runIdOf, signalOf, toWakeTask, wakesOf, type Signal, type SignalId, type SignalOf } from "@myelin/bus";
import { dataOf } from "@myelin/bus/run-events";
import type { Database } from "../database.ts";
import { recordedSignal } from "./recorded-signal.ts";
import type { SweptBus } from "./sweeper-options.ts";

export interface LostWake {
  readonly runId: string;
  readonly traceId: string;
  readonly taskSeq: number | null;
  /** Of its `run.resumed`. */
  readonly data: unknown;
  /** The Signal that brought it. */
  readonly resumedBy: string | null;
}

/** Runs at a time; the others come with the next look. */
const LIMIT = 200;

/** Runs of one log whose last word, recorded before `until`, is that they go on. */
export async function listLostWakes(
  db: Database,
  log: { namespace: string; createdAt: Date },
  until: Date,
): Promise<LostWake[]> {
  const rows = await db.$queryRawUnsafe<
    { run_id: string; trace_id: string; task_seq: number | null; data: unknown; signal_id: string | null }[]
  >(
    `SELECT r.run_id, r.trace_id, r.task_seq::float8 AS task_seq, e.data,
       (SELECT s.id FROM signals AS s WHERE s.log_id = e.log_id AND s.seq = e.seq AND s.stored_at = e.created_at) AS signal_id
     FROM runs AS r
     CROSS JOIN LATERAL (SELECT log_id, seq, created_at, data FROM run_events
       WHERE run_events.run_id = r.run_id AND seq = r.live_seq AND event_type = 'run.resumed' LIMIT 1) AS e
     WHERE r.log_id = (SELECT log_id FROM logs WHERE namespace = $1::text AND created_at = $2::text::timestamptz(3))
       AND r.status = 'running' AND r.terminal_seq IS NULL AND r.updated_at <= $3::text::timestamptz
     LIMIT ${LIMIT}`,
    log.namespace,
    log.createdAt.toISOString(),
    until.toISOString(),
  );
  return rows.map(({ run_id, trace_id, task_seq, data, signal_id }) => ({
    runId: run_id,
    traceId: trace_id,
    taskSeq: task_seq,
    data,
    resumedBy: signal_id,
  }));
}

/** Resolves with false when the TASK is in the log, or cannot be made. */
export async function sendWake(
  bus: Pick<SweptBus, "get" | "lastOf" | "append">,
  db: Database,
  lost: LostWake,
): Promise<boolean> {
  const resumed = dataOf({ event_type: "run.resumed", data: lost.data }, "run.resumed");
  if (!resumed || lost.resumedBy === null) return false;
  const { id, timeout_ms: timeoutMs } = resumed.task;
  const last = await bus.lastOf(wakesOf(lost.traceId, lost.runId));
  if (signalOf(last)?.id === id) return false;
  const first = await firstTaskOf(bus, db, lost);
  if (!first) return false;
  const parentId = lost.resumedBy as SignalId;
  const task = toWakeTask(first, { id: id as SignalId, timeoutMs, parentId, instance: "sweeper" });
  const { duplicate } = await bus.append(task, { dedupId: task.id });
  return !duplicate;
}

/** The TASK that began a run: from the log, else as it is recorded. */
export async function firstTaskOf(
  bus: Pick<SweptBus, "get">,
  db: Database,
  { runId, taskSeq }: Pick<LostWake, "runId" | "taskSeq">,
): Promise<SignalOf<"TASK"> | null> {
  const inLog = taskSeq === null ? undefined : signalOf(await bus.get(taskSeq));
  const found = inLog ?? (await recordedTask(db, runId));
  return found?.type === "TASK" && runIdOf(found) === runId ? found : null;
}

const recordedTask = (db: Database, runId: string): Promise<Signal | null> =>
  recordedSignal(db, "run_id = $1::text AND type = 'TASK' ORDER BY log_id, seq", runId);

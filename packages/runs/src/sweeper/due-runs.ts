/** Runs whose time is up, as far as they are recorded: no terminal, and a deadline (while paused: an expiry) that has passed. */
import type { Database } from "../database.ts";
import type { JsonObject } from "../store/views.ts";

export interface DueRun {
  readonly runId: string;
  readonly traceId: string;
  /** Null for none. */
  readonly tenantId: string | null;
  readonly parentRunId: string | null;
  readonly neuronId: string | null;
  /** It waits for a person, and was told until when. Else it waits for a worker. */
  readonly isPaused: boolean;
  /** Its journal says that it is over; its reply is missing. */
  readonly isEnded: boolean;
  /** Sequence of what set the time: the TASK the run is at, or the question. */
  readonly causeSeq: number;
  readonly taskSeq: number;
  readonly dueAt: Date;
  /** What its journal says of failed attempts, of this TASK and others before it, oldest first: at most 100, the last ones. */
  readonly failures: readonly JsonObject[];
}

/** Where the list stands: runs behind this one are next. */
export interface DuePlace {
  readonly dueAt: Date;
  readonly runId: string;
}

/** Word for word what `runs_due_idx` is on; only so is it used. */
const DUE_AT = `(CASE WHEN status IN ('waiting_client_tool', 'waiting_human_input', 'waiting_approval', 'waiting_child') THEN pause_expires_at ELSE deadline END)`;

/**
 * Runs of one log that were due at `until`, the longest overdue first. A run whose id cannot be a subject is not among them:
 * its worker answers under another. Nor is one whose journal has its answer, which the next worker says, nor one that was
 * resumed within the hour, whose TASK is on its way (lost-wakes.ts).
 */
export async function listDueRuns(
  db: Database,
  log: { namespace: string; createdAt: Date },
  { until, after, limit }: { until: Date; after: DuePlace | null; limit: number },
): Promise<DueRun[]> {
  const rows = await db.$queryRawUnsafe<
    {
      run_id: string;
      trace_id: string;
      tenant_id: string;
      parent_run_id: string | null;
      neuron_id: string | null;
      is_paused: boolean;
      is_ended: boolean;
      live_seq: number;
      task_seq: number | null;
      due_ms: number;
      failures: JsonObject[];
    }[]
  >(
    `SELECT run_id, trace_id, tenant_id, parent_run_id, neuron_id, status LIKE 'waiting%' AS is_paused,
       status IN ('error', 'cancelled') AS is_ended, live_seq::float8 AS live_seq,
       last_task_seq::float8 AS task_seq, (extract(epoch FROM ${DUE_AT}) * 1000)::float8 AS due_ms,
       coalesce((SELECT jsonb_agg(data ORDER BY sequence_index) FROM (
         SELECT sequence_index, data FROM run_events AS e WHERE e.run_id = runs.run_id AND event_type = 'attempt.failed'
         ORDER BY sequence_index DESC LIMIT 100) AS f), '[]') AS failures
     FROM runs
     WHERE log_id = (SELECT log_id FROM logs WHERE namespace = $1::text AND created_at = $2::text::timestamptz(3))
       AND terminal_seq IS NULL AND status NOT IN ('success', 'max_iterations') AND ${DUE_AT} <= $3::text::timestamptz
       AND ($4::text IS NULL OR (${DUE_AT}, run_id) > ($4::text::timestamptz, $5::text))
       AND NOT EXISTS (SELECT FROM run_events AS e WHERE e.run_id = runs.run_id AND e.seq = runs.live_seq
         AND e.event_type = 'run.resumed' AND e.created_at > $3::text::timestamptz - interval '1 hour')
       AND run_id ~ '^run_[A-Za-z0-9_-]{0,60}$'
     ORDER BY ${DUE_AT}, run_id LIMIT ${limit}`,
    log.namespace,
    log.createdAt.toISOString(),
    until.toISOString(),
    after?.dueAt.toISOString() ?? null,
    after?.runId ?? null,
  );
  return rows.map((row) => {
    const taskSeq = row.task_seq ?? 0; // 0: none is known, and none is found there
    return {
      runId: row.run_id,
      traceId: row.trace_id,
      tenantId: row.tenant_id === "" ? null : row.tenant_id,
      parentRunId: row.parent_run_id,
      neuronId: row.neuron_id,
      isPaused: row.is_paused,
      isEnded: row.is_ended,
      causeSeq: row.is_paused ? row.live_seq : taskSeq,
      taskSeq,
      dueAt: new Date(row.due_ms),
      failures: row.failures,
    };
  });
}

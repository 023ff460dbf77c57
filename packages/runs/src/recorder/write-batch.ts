/**
 * One batch of the log, one SQL statement: it moves the position, stores the Signals and merges what they say about runs.
 *
 * R1: everything in it depends on the move, and the move on the position being where the batch begins. Of two recorders
 * with the same batch the second waits for the first one's row lock, finds the position elsewhere, and writes nothing.
 * R2: what Postgres refuses is searched for by halving, and recorded as a dead letter; its neighbours never notice.
 *
 * Rows of runs are locked in the order of their ids, so recorders of different logs cannot deadlock.
 */
import type { LogEntry } from "@myelin/bus";
import type { Database } from "../database.ts";
import { isDataError, isMissingPartition } from "./database-errors.ts";
import { encodeBatch, type Treatment } from "./encode-batch.ts";
import { COUNT_COLUMNS, GREATEST_COLUMNS, JOURNAL_PARTS, STARTED_COLUMNS, SUM_COLUMNS } from "./journal-parts.ts";
import { RUNS_CHANNEL } from "./notifications.ts";
import { ensurePartitions } from "./partitions.ts";

/** Which log a batch is from. */
export interface LogIdentity {
  /** Its number in this database (`logs.log_id`). */
  readonly logId: number;
  readonly namespace: string;
}

/** What a batch added. A batch that was recorded before adds nothing. */
export interface BatchResult {
  /** Rows of `signals`. */
  readonly signals: number;
  /** Entries that could not be one. */
  readonly deadLetters: number;
  /** Tasks that failed for good. */
  readonly deadTasks: number;
  /** Sequences before or between its entries that the log did not hold. */
  readonly missing: number;
}

/**
 * Record entries that follow `fromSeq`: consecutive in the log, in its order. Resolves with null when the position is not
 * `fromSeq`, that is when another recorder was here: then nothing was written.
 *
 * Safe to call concurrently and to repeat. Rejects when Postgres is away; what was written then, only the position says.
 */
export function writeBatch(
  db: Database,
  log: LogIdentity,
  fromSeq: number,
  entries: readonly LogEntry[],
): Promise<BatchResult | null> {
  return writePart(db, log, fromSeq, entries, new Map());
}

async function writePart(
  db: Database,
  log: LogIdentity,
  fromSeq: number,
  entries: readonly LogEntry[],
  known: Map<number, Treatment>,
): Promise<BatchResult | null> {
  const last = entries.at(-1);
  if (!last) return NOTHING;
  try {
    return await execute(db, log, fromSeq, entries, last, known);
  } catch (error) {
    if (!isDataError(error)) throw error;
    if (entries.length === 1) {
      // Worse each time, so this ends: of a `dead` one nothing is looked at.
      const tried = known.get(last.seq);
      if (tried === "dead") throw error;
      known.set(last.seq, tried === "mended" ? "dead" : "mended");
      return writePart(db, log, fromSeq, entries, known);
    }
    const middle = entries.length >> 1;
    const before = await writePart(db, log, fromSeq, entries.slice(0, middle), known);
    if (!before) return null;
    const after = await writePart(db, log, entries[middle - 1]!.seq, entries.slice(middle), known);
    // Overtaken between the halves: the first one is recorded all the same.
    return after && sum(before, after);
  }
}

const NOTHING: BatchResult = { signals: 0, deadLetters: 0, deadTasks: 0, missing: 0 };
const sum = (a: BatchResult, b: BatchResult): BatchResult => ({
  signals: a.signals + b.signals,
  deadLetters: a.deadLetters + b.deadLetters,
  deadTasks: a.deadTasks + b.deadTasks,
  missing: a.missing + b.missing,
});

async function execute(
  db: Database,
  log: LogIdentity,
  fromSeq: number,
  entries: readonly LogEntry[],
  last: LogEntry,
  known: ReadonlyMap<number, Treatment>,
): Promise<BatchResult | null> {
  const batch = encodeBatch(entries, fromSeq, known);
  const run: Database["$queryRawUnsafe"] = (db.queryLarge ?? db.$queryRawUnsafe).bind(db);
  const query = () =>
    run<({ moved: boolean } & BatchResult)[]>(
      batch.hasJournal ? STATEMENT_WITH_JOURNAL : STATEMENT,
      log.logId,
      log.namespace,
      fromSeq,
      last.seq,
      witness(last),
      last.storedAt.toISOString(),
      batch.signals,
      batch.runs,
      batch.workers,
      batch.deadLetters,
      batch.gaps,
      ...(batch.hasJournal ? [batch.entries, batch.notifications] : [batch.notifications]),
    );
  const rows = await query().catch(async (error: unknown) => {
    if (!isMissingPartition(error)) throw error;
    const times = entries.map((entry) => entry.storedAt);
    await ensurePartitions(db, times);
    return query();
  });
  const { moved, signals, deadLetters, deadTasks, missing } = rows[0]!;
  return moved ? { signals, deadLetters, deadTasks, missing } : null;
}

/** What the position remembers of the entry it stands on. */
export const witness = ({ parsed }: LogEntry): string | null => (parsed.ok ? parsed.signal.id : null);

const NEVER = "9223372036854775807"; // a sequence after every other

/** The batch has an earlier head of the run than the row: an earlier TASK, or an earlier first Signal of a run without one. */
const EARLIER_HEAD = `(coalesce(excluded.task_seq, ${NEVER}), excluded.first_seq)
    < (coalesce(runs.task_seq, ${NEVER}), runs.first_seq)`;
/** The batch has an earlier terminal than the row. */
const EARLIER_END = `excluded.terminal_seq < coalesce(runs.terminal_seq, ${NEVER})`;
/** The batch has something later than the row to say about a run that is not over by then. */
const LATER_LIVE = `excluded.live_seq > coalesce(runs.live_seq, 0)
    AND excluded.live_seq < coalesce(least(runs.terminal_seq, excluded.terminal_seq), ${NEVER})`;
/** The batch has a later TASK than the row, from before the run's end. */
const LATER_TASK = `excluded.last_task_seq > coalesce(runs.last_task_seq, 0)
    AND excluded.last_task_seq < coalesce(least(runs.terminal_seq, excluded.terminal_seq), ${NEVER})`;

const when = (condition: string, columns: string[]) =>
  columns
    .map((column) => `${column} = CASE WHEN ${condition} THEN excluded.${column} ELSE runs.${column} END`)
    .join(",\n    ");

/** A question that was answered before it was stored says nothing any more. */
const LIVE_SEQ = `CASE WHEN r.live_if_waiting AND old.live_seq IS NOT NULL AND old.status NOT LIKE 'waiting%' THEN NULL ELSE r.live_seq END`;
/** Of two run.started the first counts. */
const EARLIER_START = `excluded.started_seq < coalesce(runs.started_seq, ${NEVER})`;

/** What is only said where there is a journal; else nothing, with no part of it. */
const toStatement = (hasJournal: boolean): string => {
  const journal = (text: string) => (hasJournal ? text : "");
  const list = (columns: string[]) => columns.map((column) => `, ${column}`).join("");
  return `
WITH moved AS (
  UPDATE recorder_positions SET seq = $4::bigint, signal_id = $5::text, stored_at = $6::text::timestamptz
  WHERE log_id = $1::smallint AND seq = $3::bigint
  RETURNING 1
), folds AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset($8::text::jsonb) AS r(run_id text, task_seq bigint, head_seq bigint, first_seq bigint,
    last_seq bigint, created_at timestamptz(3), updated_at timestamptz(3), live_seq bigint, status text,
    pause_expires_at timestamptz(3), terminal_seq bigint, last_task_seq bigint, deadline timestamptz(3), attempts int,
    iteration_count int${journal(`, live_if_waiting boolean, started_seq bigint, agent_name text, agent_version text, strategy text, model text, max_iterations bigint,
    delegation_level bigint, max_delegation_depth bigint, retry_of_run_id text, pause_index int, completed_index int,
    last_progress_at timestamptz(3)`)})
), gone AS MATERIALIZED (
  SELECT run_id FROM folds JOIN deleted_runs USING (run_id)
), x AS MATERIALIZED (
  SELECT * FROM (
  SELECT _seq, _at, _mended, id, type, trace_id, parent_id, ts, directed, payload, coalesce(meta, '{}') AS meta,
    CASE WHEN type = 'TASK' AND NOT starts_with(coalesce(meta->>'run_id', ''), 'run_') THEN 'run_' || substr(id, 5)
      ELSE nullif(meta->>'run_id', '') END AS run_id, coalesce(meta->>'tenant_id', '') AS tenant_id
  FROM jsonb_to_recordset($7::text::jsonb) AS x(_seq bigint, _at timestamptz(3), _mended boolean, id text, type text,
    trace_id text, parent_id text, ts timestamptz(3), directed jsonb, payload jsonb, meta jsonb)
  WHERE EXISTS (SELECT FROM moved)
  ) AS all_of_them
  WHERE run_id IS NULL OR run_id NOT IN (SELECT run_id FROM gone)
), stored AS (
  INSERT INTO signals (log_id, seq, stored_at, id, type, trace_id, parent_id, run_id, tenant_id, ts, directed, payload, meta)
  SELECT $1::smallint, _seq, _at, id, type, trace_id, parent_id, run_id, tenant_id, ts, directed, payload, meta
  FROM x WHERE NOT _mended
  ON CONFLICT DO NOTHING
  RETURNING seq
), buried AS (
  INSERT INTO dead_letters (id, kind, log_id, seq, stored_at, subject, code, message, run_id, tenant_id, bytes)
  SELECT 'msg_' || $1::smallint || '_' || seq, 'message', $1::smallint, seq, stored_at, subject, code, message, run_id,
    tenant_id, decode(bytes, 'base64')
  FROM jsonb_to_recordset($10::text::jsonb) AS d(seq bigint, stored_at timestamptz(3), subject text, code text,
    message text, run_id text, tenant_id text, bytes text)
  WHERE EXISTS (SELECT FROM moved) AND NOT EXISTS (SELECT FROM deleted_runs WHERE deleted_runs.run_id = d.run_id)
  ON CONFLICT DO NOTHING
  RETURNING seq
), skipped AS (
  INSERT INTO recorder_gaps (log_id, from_seq, to_seq)
  SELECT $1::smallint, from_seq, to_seq
  FROM jsonb_to_recordset($11::text::jsonb) AS g(from_seq bigint, to_seq bigint)
  WHERE EXISTS (SELECT FROM moved)
  ON CONFLICT DO NOTHING
  RETURNING to_seq - from_seq + 1 AS missing
)${journal(JOURNAL_PARTS)}, roster AS (
  INSERT INTO workers (namespace, instance_id, neuron_id, capabilities, version, concurrency, status, registered_at,
    last_seen_at, left_at)
  SELECT $2::text, instance_id, neuron_id, coalesce(capabilities, '{}'), version, concurrency,
    CASE WHEN left_at IS NULL THEN 'registered' ELSE 'left' END, registered_at, last_seen_at, left_at
  FROM jsonb_to_recordset($9::text::jsonb) AS w(instance_id text, neuron_id text, capabilities text[], version text,
    concurrency int, registered_at timestamptz(3), left_at timestamptz(3), last_seen_at timestamptz(3))
  WHERE EXISTS (SELECT FROM moved)
  ORDER BY instance_id, neuron_id
  ON CONFLICT (namespace, instance_id, neuron_id) DO UPDATE SET
    capabilities = CASE WHEN excluded.registered_at IS NULL THEN workers.capabilities ELSE excluded.capabilities END,
    version = coalesce(excluded.version, workers.version),
    concurrency = coalesce(excluded.concurrency, workers.concurrency),
    registered_at = greatest(workers.registered_at, excluded.registered_at),
    left_at = CASE WHEN excluded.left_at >= coalesce(workers.registered_at, excluded.left_at) THEN excluded.left_at
      WHEN excluded.registered_at > workers.left_at THEN NULL ELSE workers.left_at END,
    status = CASE WHEN excluded.left_at >= coalesce(workers.registered_at, excluded.left_at) THEN 'left'
      WHEN excluded.registered_at > workers.left_at THEN 'registered' ELSE workers.status END,
    last_seen_at = greatest(workers.last_seen_at, excluded.last_seen_at)
), facts AS (
  SELECT x.run_id, count(*) AS terminals
  FROM x JOIN (SELECT seq FROM stored UNION ALL SELECT seq FROM buried) AS new ON new.seq = x._seq
  WHERE x.type IN ('AGENT_OUTPUT', 'FINAL', 'ERROR', 'STOPPED') AND x.run_id IS NOT NULL
  GROUP BY x.run_id
), failed AS (
  INSERT INTO dead_letters (id, kind, log_id, seq, stored_at, code, message, neuron_id, run_id, trace_id, tenant_id, task_seq,
    attempts, replayed_run_id)
  SELECT e.id, 'task', $1::smallint, e._seq, e._at, e.payload->>'code', e.payload->>'message', e.directed->>'id', e.run_id,
    e.trace_id, e.tenant_id, (e.meta->>'task_seq')::numeric::bigint,
    CASE WHEN jsonb_typeof(e.payload->'attempts') = 'array' THEN e.payload->'attempts' ELSE '[]' END,
    (SELECT t.run_id FROM x AS t WHERE t.type = 'TASK' AND t.parent_id = e.id AND t._seq > e._seq AND t.run_id IS NOT NULL
      ORDER BY t._seq LIMIT 1)
  FROM x AS e JOIN folds AS r ON r.terminal_seq = e._seq LEFT JOIN runs ON runs.run_id = e.run_id
  WHERE e.type = 'ERROR' AND e.meta ? 'task_seq' AND e._seq <= coalesce(runs.terminal_seq, ${NEVER})
  ORDER BY e._seq
  ON CONFLICT DO NOTHING
  RETURNING seq
), replayed AS (
  UPDATE dead_letters AS d SET replayed_run_id = t.run_id
  FROM (
    SELECT DISTINCT ON (f.id) f.id, x.run_id
    FROM x JOIN dead_letters AS f ON f.id = x.parent_id
    WHERE x.type = 'TASK' AND x.run_id IS NOT NULL AND f.kind = 'task' AND (f.log_id, f.seq) < ($1::smallint, x._seq)
    ORDER BY f.id, x._seq
  ) AS t
  WHERE d.id = t.id AND d.replayed_run_id IS NULL
), told AS (
  INSERT INTO runs (run_id, log_id, tenant_id, trace_id, parent_run_id, neuron_id, status, input, metadata, priority,
    deadline, pause_expires_at, attempts, iteration_count, created_at, updated_at, first_seq, last_seq, task_seq,
    last_task_seq, live_seq, terminal_seq, ended_at, output, error_code, error_message, error_recoverable, terminals,
    idempotency_key${journal(list([...STARTED_COLUMNS, ...GREATEST_COLUMNS, ...COUNT_COLUMNS, ...SUM_COLUMNS]))})
  SELECT r.run_id, $1::smallint, h.tenant_id, h.trace_id, h.meta->>'parent_run_id', h.directed->>'id', r.status,
    CASE WHEN h.type = 'TASK' THEN h.payload->'input' END,
    CASE WHEN h.type = 'TASK' THEN coalesce(h.payload->'metadata', '{}') ELSE '{}' END,
    CASE WHEN h.type = 'TASK' THEN h.payload->>'priority' END,
    r.deadline, r.pause_expires_at, r.attempts, r.iteration_count, r.created_at, r.updated_at, r.first_seq, r.last_seq,
    r.task_seq, r.last_task_seq, ${hasJournal ? LIVE_SEQ : "r.live_seq"}, r.terminal_seq, t._at,
    CASE t.type WHEN 'AGENT_OUTPUT' THEN t.payload->'output' WHEN 'FINAL' THEN t.payload->'result' END,
    CASE WHEN t.type = 'ERROR' THEN t.payload->>'code' END,
    CASE WHEN t.type = 'ERROR' THEN t.payload->>'message' END,
    CASE WHEN t.type = 'ERROR' THEN (t.payload->>'recoverable')::boolean END,
    coalesce(f.terminals, 0), CASE WHEN h.type = 'TASK' THEN h.meta->>'idempotency_key' END${journal(`,
    r.started_seq, r.agent_name, r.agent_version, r.strategy, r.model, r.max_iterations, coalesce(r.delegation_level, 0),
    r.max_delegation_depth, r.retry_of_run_id, r.pause_index, r.completed_index, r.last_progress_at,
    coalesce(a.llm_calls, 0), coalesce(a.unknown_cost_calls, 0), coalesce(c.tool_calls, 0)${SUM_COLUMNS.map((column) => `, a.${column}`).join("")}`)}
  FROM folds AS r
  JOIN x AS h ON h._seq = r.head_seq
  LEFT JOIN x AS t ON t._seq = r.terminal_seq
  LEFT JOIN facts AS f ON f.run_id = r.run_id${journal(`
  LEFT JOIN asked_sums AS a ON a.run_id = r.run_id
  LEFT JOIN done_sums AS c ON c.run_id = r.run_id
  LEFT JOIN runs AS old ON r.live_if_waiting AND old.run_id = r.run_id`)}
  ORDER BY r.run_id
  ON CONFLICT (run_id) DO UPDATE SET
    ${when(EARLIER_HEAD, ["log_id", "tenant_id", "trace_id", "parent_run_id", "neuron_id", "input", "metadata", "priority", "idempotency_key"])},
    ${when(EARLIER_END, ["ended_at", "output", "error_code", "error_message", "error_recoverable"])},
    status = CASE
      WHEN ${EARLIER_END} THEN
        CASE WHEN runs.terminal_seq IS NULL AND runs.status = 'max_iterations' AND excluded.live_seq IS NULL
          THEN runs.status ELSE excluded.status END
      WHEN ${LATER_LIVE} THEN excluded.status
      ELSE runs.status END,
    ${when(LATER_LIVE, ["live_seq", "pause_expires_at"])},
    ${when(LATER_TASK, ["deadline", "last_task_seq"])},
    attempts = greatest(runs.attempts, excluded.attempts),
    iteration_count = greatest(runs.iteration_count, excluded.iteration_count),
    created_at = least(runs.created_at, excluded.created_at),
    updated_at = greatest(runs.updated_at, excluded.updated_at),
    first_seq = least(runs.first_seq, excluded.first_seq),
    last_seq = greatest(runs.last_seq, excluded.last_seq),
    task_seq = least(runs.task_seq, excluded.task_seq),
    terminal_seq = least(runs.terminal_seq, excluded.terminal_seq),
    terminals = runs.terminals + excluded.terminals${journal(`,
    ${when(EARLIER_START, STARTED_COLUMNS)},
    ${GREATEST_COLUMNS.map((column) => `${column} = greatest(runs.${column}, excluded.${column})`).join(", ")},
    ${COUNT_COLUMNS.map((column) => `${column} = runs.${column} + excluded.${column}`).join(", ")},
    ${SUM_COLUMNS.map((column) => `${column} = coalesce(runs.${column} + excluded.${column}, runs.${column}, excluded.${column})`).join(",\n    ")}`)}
)
SELECT EXISTS (SELECT FROM moved) AS moved, (SELECT count(*)::int FROM stored) AS signals,
  (SELECT count(*)::int FROM buried) AS "deadLetters", (SELECT count(*)::int FROM failed) AS "deadTasks", (SELECT coalesce(sum(missing), 0)::float8 FROM skipped) AS missing,
  (SELECT count(pg_notify('${RUNS_CHANNEL}', payload)) FROM jsonb_array_elements_text(${hasJournal ? "$13" : "$12"}::text::jsonb) AS n(payload)
    WHERE EXISTS (SELECT FROM moved)) AS told`;
};

const STATEMENT = toStatement(false);
const STATEMENT_WITH_JOURNAL = toStatement(true);

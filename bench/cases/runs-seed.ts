/**
 * A million runs, made by Postgres itself: ninety days of ten tenants, one of which has two fifths of all, in threads of five.
 * Indexes are dropped first and made again at the end, which is four times as fast.
 */
import type pg from "pg";

export const RUNS = 1_000_000;
const DAYS = 90;
export const FIRST_DAY = new Date("2026-01-05T00:00:00Z");
/** The middle of the time that the runs are spread over. */
export const MIDDLE = new Date(FIRST_DAY.getTime() + (DAYS / 2) * 86_400_000);

/** What the n-th run is; SQL over `n`. Hashes, so that neighbours differ. */
const hash = (salt: string, modulo: number) => `(('x' || substr(md5('${salt}' || n), 1, 7))::bit(28)::int % ${modulo})`;
const TENANT = `'tenant-' || greatest(${hash("tenant", 15)} - 5, 0)`;
const STATUS = `(CASE WHEN ${hash("status", 1000)} < 5 THEN 'waiting_approval' WHEN ${hash("status", 1000)} < 10 THEN 'running'
  WHEN ${hash("status", 1000)} < 60 THEN 'error' ELSE 'success' END)`;

/** `channel` is in every run, `web` in half of them; `beta` in half of those of the first week, and in no other. */
const SEED = `
  INSERT INTO runs (run_id, log_id, tenant_id, trace_id, neuron_id, agent_name, model, status, metadata, input, output, attempts,
    iteration_count, created_at, updated_at, ended_at, first_seq, last_seq, task_seq, last_task_seq, live_seq, terminal_seq, terminals,
    llm_calls, input_tokens, output_tokens, cost_nano_usd)
  SELECT 'run_' || md5('run' || n), 1, ${TENANT}, 'trc_' || md5('trace' || n / 2), 'agent-' || ${hash("agent", 20)},
    'agent-' || ${hash("agent", 20)}, 'acme:model', status,
    jsonb_build_object('thread_id', 'thread-' || n / 5, 'user_id', 'user-' || ${hash("user", 20_000)},
      'channel', CASE WHEN ${hash("channel", 2)} = 0 THEN 'web' ELSE 'mail' END)
      || CASE WHEN n < ${Math.round(RUNS / (DAYS / 7))} AND n % 2 = 0 THEN '{"beta": true}' ELSE '{}' END::jsonb,
    '{"text": "What is the answer?"}', '{"answer": "It is 42."}', 1, 2, at, at + interval '3 seconds',
    CASE WHEN is_over THEN at + interval '3 seconds' END, n * 2, n * 2 + 1, n * 2, n * 2, n * 2,
    CASE WHEN is_over THEN n * 2 + 1 END, is_over::int, 2, 1000 + n % 100, 200, 5000000 + n % 1000
  FROM (SELECT n, ${STATUS} AS status, ${STATUS} IN ('success', 'error') AS is_over,
      timestamptz '${FIRST_DAY.toISOString()}' + n * interval '${(DAYS * 86_400) / RUNS} seconds' AS at
    FROM generate_series(1, ${RUNS}) AS n) AS numbered`;

/** Fill an empty, migrated database. Takes a minute or two. */
export async function seedRuns(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE tablename = 'runs' AND indexname <> 'runs_pkey'`,
  );
  await client.query(`INSERT INTO logs VALUES (1, 'bench', 'MYELIN_bench', '${FIRST_DAY.toISOString()}')`);
  for (const { name } of rows) await client.query(`DROP INDEX ${name}`);
  await client.query(SEED);
  await client.query("SET maintenance_work_mem = '256MB'");
  for (const { definition } of rows) await client.query(definition);
  await client.query("VACUUM ANALYZE runs");
}

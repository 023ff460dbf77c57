/**
 * deleteRun: one transaction that leaves a tombstone and deletes every row of a run.
 *
 * It holds back the recorders' next batches (each moves its position, which this lock forbids) and waits for the one that is
 * being written: that one would not know of the tombstone, and write behind the deletion. Of two deletions the second waits.
 */
import type { Client } from "pg";
import type { ConnectionSettings } from "../connection.ts";
import { RunStoreError } from "../errors.ts";

/** The longest that a batch may keep this waiting, and this the next batch. */
const LOCK_TIMEOUT_MS = 10_000;

/** Tables with rows of a run, but `signals`, which is asked for by time too. */
const TABLES = ["run_events", "llm_calls", "tool_invocations", "messages", "dead_letters", "runs"] as const;

/** Rows that were deleted, by table. */
export type DeletedRows = Readonly<Record<"signals" | (typeof TABLES)[number], number>>;

/** `tenant` is '' for none, undefined for whoever's. Resolves with null when there is no such run. */
export async function deleteRun(
  settings: ConnectionSettings,
  runId: string,
  tenant: string | undefined,
  force: boolean,
): Promise<DeletedRows | null> {
  const { default: pg } = await import("pg");
  const client = new pg.Client(settings);
  client.on("error", () => {}); // told by the query that meets it
  await client.connect();
  try {
    await client.query("BEGIN");
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await client.query("LOCK TABLE recorder_positions IN SHARE ROW EXCLUSIVE MODE");
    const deleted = await deleteRows(client, runId, tenant, force);
    await client.query("COMMIT");
    return deleted;
  } finally {
    await client.end().catch(() => {}); // what was not committed is rolled back
  }
}

async function deleteRows(client: Client, runId: string, tenant: string | undefined, force: boolean) {
  const { rows } = await client.query<{ status: string; is_over: boolean }>(
    `SELECT status, terminal_seq IS NOT NULL AS is_over FROM runs
     WHERE run_id = $1 AND ($2::text IS NULL OR tenant_id = $2)`,
    [runId, tenant ?? null],
  );
  const [run] = rows;
  if (!run) return null;
  if (!run.is_over && !force) {
    throw new RunStoreError("RUN_IS_OPEN", `the run ${runId} is ${run.status}; cancel it first, or pass force`);
  }
  await client.query(
    `INSERT INTO deleted_runs (run_id, tenant_id, deleted_at) SELECT run_id, tenant_id, now() FROM runs WHERE run_id = $1
     ON CONFLICT DO NOTHING`,
    [runId],
  );
  const signals = await client.query(
    `DELETE FROM signals WHERE run_id = $1 AND stored_at >= (SELECT created_at FROM runs WHERE run_id = $1)
       AND stored_at <= (SELECT updated_at FROM runs WHERE run_id = $1)`,
    [runId],
  );
  const deleted: Record<string, number> = { signals: signals.rowCount ?? 0 };
  for (const table of TABLES) {
    deleted[table] = (await client.query(`DELETE FROM ${table} WHERE run_id = $1`, [runId])).rowCount ?? 0;
  }
  return deleted as DeletedRows;
}

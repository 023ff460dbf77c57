/** checkTables: rejects, as Postgres says it, when the tables are older than the statements of this package. */
import type { Database } from "../database.ts";

/** One column of the newest migration of each table: without this look the first batch would fail, and wait for ever. */
export async function checkTables(db: Database): Promise<void> {
  await db.$queryRawUnsafe("SELECT started_seq, kind, deleted_at FROM runs, dead_letters, deleted_runs LIMIT 0");
}

/** A log, a database, and what a recorder makes of the one in the other: for tests of rows and of their readers. */
import { openDatabase, openPosition, writeBatch } from "@myelin/runs";
import { ArrayLog } from "./array-log.ts";
import { withDatabase, type TestDatabase } from "./with-database.ts";

export interface RecordedLog extends AsyncDisposable {
  readonly log: ArrayLog;
  readonly database: TestDatabase;
  /** Record what was added since the last time, as one batch. */
  record(): Promise<void>;
  query: TestDatabase["query"];
}

export async function withRecordedLog(log = new ArrayLog()): Promise<RecordedLog> {
  const database = await withDatabase();
  const db = await openDatabase(database.url, { applicationName: "test", preparedStatements: true });
  return {
    log,
    database,
    async record() {
      const { logId, seq } = await openPosition(db, log.namespace, await log.info());
      const entries = log.entries.filter((entry) => entry.seq > seq);
      await writeBatch(db, { logId, namespace: log.namespace }, seq, entries);
    },
    query: (sql, values) => database.query(sql, values),
    async [Symbol.asyncDispose]() {
      await db.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

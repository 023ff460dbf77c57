/** Database: the slice of a Prisma client that this package calls. Any client of the same database fits. */
import type { ConnectionOptions } from "./connection.ts";

/**
 * SQL with `$1` parameters. The queries of this package are SQL because Prisma has no words for them: `@>` on an indexed
 * jsonb, comparison of rows for paging, one statement with many writes. Times travel as text and milliseconds, never as
 * timestamps: the adapter drops the session's zone.
 */
export interface Database {
  $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): Promise<T>;
  /**
   * The same, past Prisma, for statements with megabytes of values: Prisma keeps the last hundred with all they carry (a
   * recorder under a flood took 425 MB). Not there in a client that is not ours.
   */
  queryLarge?<T = unknown>(sql: string, ...values: unknown[]): Promise<T>;
}

/** A database that we opened ourselves. */
export interface OwnedDatabase extends Database {
  close(): Promise<void>;
}

/** Open a database of our own. Prisma is loaded here, at first use. */
export async function openDatabase(databaseUrl: string, options: ConnectionOptions): Promise<OwnedDatabase> {
  const db = await import("./db.ts");
  return db.openDatabase(databaseUrl, options);
}

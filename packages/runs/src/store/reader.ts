/** RunReader: how a query asks the database. One query per file takes it, so none of them knows about connections. */
import { RunStoreError } from "../errors.ts";
import { isNotMigrated, sqlState } from "../recorder/database-errors.ts";

export interface RunReader {
  /** Run a SELECT with `$1` parameters. Rejects with `RunStoreError`. */
  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** A timestamp column as milliseconds, which no session's zone can bend. */
export const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;
/** The Date of such a column. */
export const toDate = (milliseconds: number): Date => new Date(milliseconds);
export const toDateOrNull = (milliseconds: number | null): Date | null =>
  milliseconds === null ? null : new Date(milliseconds);
/** Tenants are stored as '' for none, so that they can stand in an index. */
export const toTenant = (tenantId: string): string | null => (tenantId === "" ? null : tenantId);

/** What a failed query means for who asked. */
export function toRunStoreError(cause: unknown): RunStoreError {
  if (cause instanceof RunStoreError) return cause;
  const state = sqlState(cause);
  const reason = (cause instanceof Error ? cause.message : String(cause)).trim().split("\n").at(-1)!;
  if (isNotMigrated(cause)) {
    return new RunStoreError("NOT_MIGRATED", `the tables are missing; run migrate(databaseUrl) first (${reason})`, {
      cause,
    });
  }
  // No word from Postgres, or one about itself: connection, resources, shutdown.
  if (state === null || /^(08|53|57)/.test(state)) {
    return new RunStoreError("DATABASE_UNAVAILABLE", `Postgres cannot be read now: ${reason}`, { cause });
  }
  return new RunStoreError("QUERY_FAILED", `Postgres refused the query: ${reason}`, { cause });
}

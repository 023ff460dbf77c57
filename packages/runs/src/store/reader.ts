/** RunReader: how a query asks the database. One query per file takes it, so none of them knows about connections. */
import { RunStoreError } from "../errors.ts";
import { isNotMigrated, sqlState } from "../recorder/database-errors.ts";
import type { RunWatch } from "./run-listener.ts";

export interface RunReader {
  /** The one tenant whose rows may be seen, '' for those that have none; undefined: all rows. */
  readonly tenant: string | undefined;
  /** Run a SELECT with `$1` parameters. Rejects with `RunStoreError`. */
  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Hear of what is recorded of a run from now on. Rejects with `RunStoreError`. */
  watch(runId: string): Promise<RunWatch>;
}

/** A condition that holds for rows of runs that may be seen: `column` names the run. Tenants are the runs' own. */
export function inScope(reader: RunReader, parameter: (value: unknown) => string, column: string): string {
  if (reader.tenant === undefined) return "true";
  return `EXISTS (SELECT FROM runs AS own WHERE own.run_id = ${column} AND own.tenant_id = ${parameter(reader.tenant)})`;
}

/** Values of a query, and the names they go by in it. */
export function parameters(...values: unknown[]): { values: unknown[]; parameter: (value: unknown) => string } {
  return { values, parameter: (value) => `$${values.push(value)}` };
}

/** Nano-dollars as dollars; null is null. */
export const usd = (column: string): string => `(${column} / 1e9)::float8`;

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

/** RunsError: what can go wrong between the log, the run tables and their readers. A leaf: strings and numbers only. */

/**
 * - `INVALID_OPTION`: an option has a wrong value. Fix the value.
 * - `INVALID_FILTER`: a filter, cursor or page of a read has a wrong value. Fix the value.
 * - `CLOSED`: the RunStore was closed, or the Recorder drained; open another.
 * - `DATABASE_UNAVAILABLE`: Postgres cannot be reached, or dropped the connection. Try again.
 * - `NOT_MIGRATED`: the tables are missing; run `migrate(databaseUrl)`.
 * - `QUERY_FAILED`: Postgres refused a read; the cause says why.
 * - `RUN_NOT_FOUND`: no run of that id is recorded, or none that this store may see.
 * - `RUN_IS_OPEN`: a run that is not over cannot be deleted; cancel it first.
 * - `MIGRATIONS_NOT_FOUND`: the folder with the migrations is not beside this package.
 * - `MIGRATION_EDITED`: a migration differs from what was applied under its name.
 * - `MIGRATION_HALF_APPLIED`: an earlier attempt did not finish.
 * - `MIGRATION_FAILED`: Postgres refused a migration; nothing of it is there.
 * - `LOG_ROLLED_BACK`: the log no longer holds what was recorded from it.
 * - `TIMEOUT`: waited for as long as was asked.
 */
export type RunsErrorCode =
  | "INVALID_OPTION"
  | "INVALID_FILTER"
  | "CLOSED"
  | "DATABASE_UNAVAILABLE"
  | "NOT_MIGRATED"
  | "QUERY_FAILED"
  | "RUN_NOT_FOUND"
  | "RUN_IS_OPEN"
  | "MIGRATIONS_NOT_FOUND"
  | "MIGRATION_EDITED"
  | "MIGRATION_HALF_APPLIED"
  | "MIGRATION_FAILED"
  | "LOG_ROLLED_BACK"
  | "TIMEOUT";

/** The base class of this package; branch on `code`. */
export class RunsError extends Error {
  override readonly name: string = "RunsError";
  readonly code: RunsErrorCode;

  constructor(code: RunsErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A read that could not be made: a wrong filter, a closed store, a database that is away. */
export class RunStoreError extends RunsError {
  override readonly name = "RunStoreError";
}

/** A migration that was not applied. `migration` is its folder's name. */
export class MigrationError extends RunsError {
  override readonly name = "MigrationError";
  readonly migration: string | null;

  constructor(code: RunsErrorCode, message: string, migration: string | null, options?: { cause?: unknown }) {
    super(code, message, options);
    this.migration = migration;
  }
}

/**
 * The log does not hold what was recorded from it: it was restored from an older copy, or lost its last entries.
 * Recording on would skip what the log now stores under sequences that are taken, so the recorder stops. An operator
 * decides: restore the database to the same moment, or give the log a new life (delete and create the stream).
 */
export class LogRolledBackError extends RunsError {
  override readonly name = "LogRolledBackError";
  readonly namespace: string;
  /** The position in Postgres. */
  readonly recordedSeq: number;
  /** The last sequence of the log now. */
  readonly lastSeq: number;

  constructor(namespace: string, recordedSeq: number, lastSeq: number, difference: string) {
    super(
      "LOG_ROLLED_BACK",
      `the log of ${namespace} was rolled back: ${difference}. Recording stopped at ${recordedSeq}; restore the ` +
        `database to the same moment as the log, or delete the stream so that it starts as a new log`,
    );
    this.namespace = namespace;
    this.recordedSeq = recordedSeq;
    this.lastSeq = lastSeq;
  }
}

/**
 * RunAdmin: deletes. Apart from RunStore, which never writes (H1), and with a database URL of its own, of a user that may.
 * Each call opens a connection and closes it, so there is nothing to let go of.
 */
import { connectionSettings } from "../connection.ts";
import { openDatabase } from "../database.ts";
import { RunStoreError } from "../errors.ts";
import { wholeNumber } from "../options.ts";
import { dropOldWeeks } from "../recorder/retention.ts";
import { checkKeys, checkText } from "../store/check-arguments.ts";
import { toRunStoreError } from "../store/reader.ts";
import { deleteRun, type DeletedRows } from "./delete-run.ts";

export interface DeleteRunOptions {
  /** Only when it is this tenant's; null: only when it has none. Default: whoever's it is. */
  tenantId?: string | null | undefined;
  /** Also when it is not over: for runs that nothing will end, because their log is gone. Default false. */
  force?: boolean | undefined;
}

export class RunAdmin {
  readonly #databaseUrl: string;

  private constructor(databaseUrl: string) {
    this.#databaseUrl = databaseUrl;
  }

  /** Connects at each call. Throws `INVALID_OPTION` for what is no database URL. */
  static fromDatabaseUrl(databaseUrl: string): RunAdmin {
    connectionSettings(databaseUrl, SETTINGS); // throws now, not at the first call
    return new RunAdmin(databaseUrl);
  }

  /**
   * Delete a run for good: its Signals, journal, calls, conversation, dead letters and its row. A tombstone stays, so recording
   * the log again does not bring it back. Its children stay, and so does what the log itself still holds, until it is purged
   * (`keepLogMs`). Nothing is recorded meanwhile: some milliseconds.
   *
   * Resolves with how many rows went, or null when there is no such run (any more). Rejects with `RUN_IS_OPEN` when it is not over,
   * `INVALID_FILTER`, `NOT_MIGRATED`, `DATABASE_UNAVAILABLE`, or `QUERY_FAILED` (a user that may not delete).
   */
  async deleteRun(runId: string, options: DeleteRunOptions = {}): Promise<DeletedRows | null> {
    checkKeys("the options", options, ["tenantId", "force"]);
    const { tenantId, force = false } = options;
    const tenant = tenantId == null ? tenantId : checkText("tenantId", tenantId);
    const settings = connectionSettings(this.#databaseUrl, SETTINGS);
    return deleteRun(settings, checkText("runId", runId), tenant === null ? "" : tenant, force).catch(toRejection);
  }

  /**
   * Drop the weeks of `signals` that ended longer ago than this; what was made of them stays. (A Recorder with `keepSignalsMs` does
   * so by itself.) Resolves with the names of their tables. Rejects like `deleteRun`.
   */
  async dropOldSignals({ olderThanMs }: { olderThanMs: number }): Promise<string[]> {
    const keepMs = wholeNumber("olderThanMs", olderThanMs, 0, 0, Number.MAX_SAFE_INTEGER);
    const db = await openDatabase(this.#databaseUrl, SETTINGS);
    return dropOldWeeks(db, keepMs)
      .catch(toRejection)
      .finally(() => db.close());
  }
}

const SETTINGS = { applicationName: "myelin-run-admin", maxConnections: 1 };

const toRejection = (error: unknown): never => {
  throw error instanceof RunStoreError ? error : toRunStoreError(error);
};

/**
 * RunStore: the read-only face of the run tables. One method per question; each is a file beside this one.
 *
 * H1: it never writes. The connections it opens itself are read-only by a setting of their session.
 */
import { connectionSettings } from "../connection.ts";
import { openDatabase, type Database } from "../database.ts";
import { RunStoreError, RunsError } from "../errors.ts";
import { countRecorded } from "./count-recorded.ts";
import { countRuns } from "./count-runs.ts";
import { getEvents, type EventsOptions } from "./get-events.ts";
import { getRun } from "./get-run.ts";
import { getSignal, getSignals, type SignalsOf, type SignalsOptions } from "./get-signals.ts";
import { getDeadLetter, listDeadLetters, type DeadLetterOptions, type DeadLetterPage } from "./list-dead-letters.ts";
import { listRuns, type PageOptions, type RunPage } from "./list-runs.ts";
import { listWorkers, type WorkerFilter } from "./list-workers.ts";
import { toRunStoreError, type RunReader } from "./reader.ts";
import type { RunFilter } from "./run-filter.ts";
import { toTraceTree } from "./trace-tree.ts";
import type {
  DeadLetterDetail,
  RecordedCount,
  RunDetail,
  StoredEvent,
  StoredSignal,
  TraceNode,
  WorkerRecord,
} from "./views.ts";

export interface RunStoreOptions {
  /** Connections kept at most. Default 4. */
  maxConnections?: number | undefined;
}

/**
 * Every method may be called concurrently and rejects with `RunStoreError`: `INVALID_FILTER`, `DATABASE_UNAVAILABLE`,
 * `NOT_MIGRATED`, `QUERY_FAILED`, or `CLOSED` after `close`.
 */
export class RunStore implements AsyncDisposable {
  readonly #open: () => Promise<Database>;
  readonly #end: () => Promise<void>;
  readonly #reader: RunReader = { query: (sql, values) => this.#query(sql, values ?? []) };
  #closed: Promise<void> | null = null;

  private constructor(open: () => Promise<Database>, end: () => Promise<void>) {
    this.#open = open;
    this.#end = end;
  }

  /**
   * A store with connections of its own, all of them read-only (H1). Connects at the first question. Throws `INVALID_OPTION` for
   * what is no database URL.
   */
  static fromDatabaseUrl(databaseUrl: string, options: RunStoreOptions = {}): RunStore {
    const settings = { applicationName: "myelin-run-store", readOnly: true, maxConnections: options.maxConnections };
    connectionSettings(databaseUrl, settings); // throws now, not at the first question
    let opened: ReturnType<typeof openDatabase> | null = null;
    return new RunStore(
      () => (opened ??= openDatabase(databaseUrl, settings)),
      async () => (await opened)?.close(),
    );
  }

  /** A store over a Prisma client of the same database. The client stays yours: `close` leaves it open. */
  static fromClient(client: Database): RunStore {
    return new RunStore(
      () => Promise.resolve(client),
      () => Promise.resolve(),
    );
  }

  /** Runs that pass the filter, newest first. */
  async listRuns(filter: RunFilter = {}, page: PageOptions = {}): Promise<RunPage> {
    return listRuns(this.#reader, filter, page);
  }

  /** How many runs pass the filter. */
  async countRuns(filter: RunFilter = {}): Promise<number> {
    return countRuns(this.#reader, filter);
  }

  /** One run with its input and output; null when there is none of that id. */
  async getRun(runId: string): Promise<RunDetail | null> {
    return getRun(this.#reader, runId);
  }

  /** The journal of a run, in its order; empty for an unknown run and for one without a journal. */
  async getEvents(runId: string, options: EventsOptions = {}): Promise<StoredEvent[]> {
    return getEvents(this.#reader, runId, options);
  }

  /** The Signals of a run or a trace, in the order of the log; empty for an unknown one. Dead letters are not among them. */
  async getSignals(of: SignalsOf, options: SignalsOptions = {}): Promise<StoredSignal[]> {
    return getSignals(this.#reader, of, options);
  }

  /** One Signal; null when there is none of that id. */
  async getSignal(id: string): Promise<StoredSignal | null> {
    return getSignal(this.#reader, id);
  }

  /** The Signals of a trace, each under the one that caused it. */
  async getTraceTree(traceId: string): Promise<TraceNode[]> {
    return toTraceTree(await this.getSignals({ traceId }));
  }

  /** Tasks that failed for good, and entries of the log that could not be recorded as Signals, newest first. */
  async listDeadLetters(options: DeadLetterOptions = {}): Promise<DeadLetterPage> {
    return listDeadLetters(this.#reader, options);
  }

  /** One of them with its bytes; null when there is none of that id. A failed task has the id of its ERROR. */
  async getDeadLetter(id: string): Promise<DeadLetterDetail | null> {
    return getDeadLetter(this.#reader, id);
  }

  /** Who serves which neuron, per process. */
  async listWorkers(filter: WorkerFilter = {}): Promise<WorkerRecord[]> {
    return listWorkers(this.#reader, filter);
  }

  /** How much of a namespace's log is recorded; null when nothing ever was. Of the newest log, where there were several. */
  async countRecorded(namespace: string): Promise<RecordedCount | null> {
    return countRecorded(this.#reader, namespace);
  }

  /** Let go of the connections. Safe to call twice; every question after it rejects with `CLOSED`. */
  close(): Promise<void> {
    return (this.#closed ??= this.#end());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #query<Row>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    if (this.#closed) throw new RunStoreError("CLOSED", "the RunStore was closed; open another");
    try {
      const db = await this.#open();
      return await db.$queryRawUnsafe<Row[]>(sql, ...values);
    } catch (error) {
      if (error instanceof RunsError) throw error;
      throw toRunStoreError(error);
    }
  }
}

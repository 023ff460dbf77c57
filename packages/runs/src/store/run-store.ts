/**
 * RunStore: the read-only face of the run tables, and its connections. What can be asked is in run-queries.ts.
 *
 * H1: it never writes. The connections it opens itself are read-only by a setting of their session.
 */
import { connectionSettings } from "../connection.ts";
import { openDatabase, type Database } from "../database.ts";
import { RunStoreError, RunsError } from "../errors.ts";
import { checkKeys, checkText } from "./check-arguments.ts";
import { countRecorded } from "./count-recorded.ts";
import { listWorkers, type WorkerFilter } from "./list-workers.ts";
import { toRunStoreError, type RunReader } from "./reader.ts";
import { RunListener } from "./run-listener.ts";
import { RunQueries } from "./run-queries.ts";
import { ScopedRunStore } from "./scoped-run-store.ts";
import type { RecordedCount, WorkerRecord } from "./views.ts";

export interface RunStoreOptions {
  /** Connections kept at most, beside the one that `streamEvents` listens on. Default 4. */
  maxConnections?: number | undefined;
}

export interface RunStoreClientOptions {
  /** Of the same database: `streamEvents` needs a connection of its own. Without it `streamEvents` rejects. */
  databaseUrl?: string | undefined;
}

/** The questions of `RunQueries`, about the runs of all tenants. Rejects with `CLOSED` after `close`. */
export class RunStore extends RunQueries implements AsyncDisposable {
  readonly #connections: Connections;
  readonly #reader: RunReader;

  private constructor(connections: Connections) {
    const reader = toReader(connections);
    super(reader);
    this.#connections = connections;
    this.#reader = reader;
  }

  /**
   * A store with connections of its own, all of them read-only (H1). Connects at the first question. Throws `INVALID_OPTION` for
   * what is no database URL.
   */
  static fromDatabaseUrl(databaseUrl: string, options: RunStoreOptions = {}): RunStore {
    const settings = { applicationName: "myelin-run-store", readOnly: true, maxConnections: options.maxConnections };
    const listener = listenerOf(databaseUrl); // throws now, not at the first question
    let opened: ReturnType<typeof openDatabase> | null = null;
    return new RunStore(
      new Connections(
        () => (opened ??= openDatabase(databaseUrl, settings)),
        async () => (await opened)?.close(),
        listener,
      ),
    );
  }

  /** A store over a Prisma client of the same database. The client stays yours: `close` leaves it open. */
  static fromClient(client: Database, options: RunStoreClientOptions = {}): RunStore {
    const { databaseUrl } = options;
    return new RunStore(
      new Connections(
        () => Promise.resolve(client),
        () => Promise.resolve(),
        databaseUrl === undefined ? null : listenerOf(databaseUrl),
      ),
    );
  }

  /**
   * The same store for one tenant; null: for the runs that have none. What belongs to others is not there for it: null, an empty
   * list, not in a count. It uses these connections.
   */
  for(scope: { tenantId: string | null }): ScopedRunStore {
    checkKeys("the scope", scope, ["tenantId"]);
    return new ScopedRunStore(this.#reader, scope.tenantId === null ? null : checkText("tenantId", scope.tenantId));
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
    return this.#connections.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const listenerOf = (databaseUrl: string): RunListener =>
  new RunListener(connectionSettings(databaseUrl, { applicationName: "myelin-run-listener", readOnly: true }));

const toReader = (connections: Connections): RunReader => ({
  tenant: undefined,
  query: (sql, values) => connections.query(sql, values ?? []),
  watch: (runId) => connections.watch(runId),
});

/** What a store and its scoped ones share. */
class Connections {
  readonly #open: () => Promise<Database>;
  readonly #end: () => Promise<void>;
  readonly #listener: RunListener | null;
  #closed: Promise<void> | null = null;

  constructor(open: () => Promise<Database>, end: () => Promise<void>, listener: RunListener | null) {
    this.#open = open;
    this.#end = end;
    this.#listener = listener;
  }

  async query<Row>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    if (this.#closed) throw new RunStoreError("CLOSED", "the RunStore was closed; open another");
    try {
      const db = await this.#open();
      return await db.$queryRawUnsafe<Row[]>(sql, ...values);
    } catch (error) {
      if (error instanceof RunsError) throw error;
      throw toRunStoreError(error);
    }
  }

  async watch(runId: string) {
    if (this.#listener) return this.#listener.watch(runId);
    throw new RunStoreError(
      "INVALID_OPTION",
      "streamEvents listens on a connection of its own: pass RunStore.fromClient(client, { databaseUrl })",
    );
  }

  close(): Promise<void> {
    return (this.#closed ??= Promise.all([this.#listener?.close(), this.#end()]).then(() => {}));
  }
}

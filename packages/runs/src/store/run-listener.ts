/**
 * RunListener: hears from Postgres which runs the recorder has just written (NOTIFY on `myelin_runs`), on one connection for
 * all who follow a run. While nobody follows one there is no connection.
 *
 * A notification says that there is something to read, not what. So one that got lost, with its connection, is made up for by
 * waking everybody once there is a new one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import type { ConnectionSettings } from "../connection.ts";
import { RunStoreError } from "../errors.ts";
import { RUNS_CHANNEL } from "../recorder/notifications.ts";
import { toRunStoreError } from "./reader.ts";

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;
/** How long to look for Postgres before those who follow are told. */
const GIVE_UP_MS = 30_000;

/** One who follows a run. */
export interface RunWatch extends Disposable {
  /**
   * Resolves when the run may have been written since the last call, or the signal aborts. Rejects with `RunStoreError` when
   * Postgres stays away, or the store was closed.
   */
  next(signal?: AbortSignal): Promise<void>;
}

export class RunListener {
  readonly #settings: ConnectionSettings;
  readonly #watches = new Map<string, Set<Watch>>();
  /** Settles once it listens. Null while there is none. */
  #connection: Promise<Client> | null = null;
  #isClosed = false;

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
  }

  /** Follow a run. What is written once this has resolved is heard of. Rejects with `RunStoreError`. */
  async watch(runId: string): Promise<RunWatch> {
    const watch = new Watch(() => this.#remove(runId, watch));
    const others = this.#watches.get(runId);
    if (others) others.add(watch);
    else this.#watches.set(runId, new Set([watch]));
    try {
      await this.#connected();
    } catch (error) {
      watch[Symbol.dispose]();
      throw error;
    }
    return watch;
  }

  /** Tell everybody that follows a run, and let go of the connection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const watch of this.#all()) watch.fail(closed());
    await this.#disconnect();
  }

  #connected(): Promise<Client> {
    if (this.#isClosed) return Promise.reject(closed());
    const connection = (this.#connection ??= this.#connect());
    connection.catch(() => {
      if (this.#connection === connection) this.#connection = null;
    });
    return connection;
  }

  async #connect(): Promise<Client> {
    const { default: pg } = await import("pg");
    const client = new pg.Client(this.#settings);
    client.on("error", () => {}); // followed by "end"
    client.on("notification", ({ payload }) => {
      for (const runId of payload?.split(" ") ?? []) this.#watches.get(runId)?.forEach((watch) => watch.wake());
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${RUNS_CHANNEL}`);
    } catch (error) {
      await client.end().catch(() => {}); // never began
      throw toRunStoreError(error);
    }
    client.once("end", () => void this.#reconnect(client));
    return client;
  }

  /** The connection was lost, or ended by us: then nobody follows a run. */
  async #reconnect(lost: Client): Promise<void> {
    if ((await this.#connection?.catch(() => null)) !== lost) return;
    this.#connection = null;
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (let delayMs = FIRST_RETRY_MS; this.#watches.size > 0 && !this.#isClosed; delayMs *= 2) {
      try {
        await this.#connected();
        for (const watch of this.#all()) watch.wake();
        return;
      } catch (error) {
        if (performance.now() > giveUpAt) for (const watch of this.#all()) watch.fail(error as Error);
        else await sleep(Math.min(delayMs, LAST_RETRY_MS));
      }
    }
  }

  #remove(runId: string, watch: Watch): void {
    const watches = this.#watches.get(runId);
    watches?.delete(watch);
    if (watches?.size === 0) this.#watches.delete(runId);
    if (this.#watches.size === 0) void this.#disconnect();
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    const client = await connection?.catch(() => null); // told to whoever waited for it
    await client?.end().catch(() => {}); // gone already
  }

  #all(): Watch[] {
    return [...this.#watches.values()].flatMap((watches) => [...watches]);
  }
}

class Watch implements RunWatch {
  readonly #onDispose: () => void;
  #isWoken = false;
  #error: Error | null = null;
  #onMore: (() => void) | null = null;

  constructor(onDispose: () => void) {
    this.#onDispose = onDispose;
  }

  wake(): void {
    this.#isWoken = true;
    this.#onMore?.();
  }

  fail(error: Error): void {
    this.#error = error;
    this.#onMore?.();
  }

  async next(signal?: AbortSignal): Promise<void> {
    const onAbort = () => this.#onMore?.();
    signal?.addEventListener("abort", onAbort);
    try {
      while (!this.#isWoken && !this.#error && !signal?.aborted) {
        await new Promise<void>((resolve) => (this.#onMore = resolve));
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    if (this.#error) throw this.#error;
    this.#isWoken = false;
  }

  [Symbol.dispose](): void {
    this.#onDispose();
  }
}

const closed = () => new RunStoreError("CLOSED", "the RunStore was closed; open another");

/**
 * Fleet: everything the demo starts, and how it is taken down: NATS, PostgreSQL, recorder, two workers, gateway, each its
 * own process.
 *
 * It may be stopped at any moment, also while a server is starting: what is started is a promise from the first moment
 * on, and stopping waits for it. The order is fixed whatever the order of the start was: gateway, workers, recorder (while
 * the bus is there), PostgreSQL, NATS.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { portIsFree, startNats, startPostgres, type DevServer } from "@myelin/dev";
import { startChild, type Child, type LogLine, type ProcessName } from "./child.ts";

export interface FleetOptions {
  /** A server that is there already. Default: start one. */
  readonly natsUrl?: string | undefined;
  /** A database that is there already. Default: start one. */
  readonly databaseUrl?: string | undefined;
  readonly namespace: string;
  /** Keep the data in `.myelin/`, and take the usual ports where they are free. */
  readonly isKept: boolean;
  /** Gives up while starting. Call `stop` all the same. */
  readonly signal: AbortSignal;
  readonly onProgress: (message: string) => void;
  readonly onTrouble: (line: string) => void;
}

/** The repository's; what is built lies a folder deeper. */
const ROOT = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../../.." : "../../../..", import.meta.url));
const WORKERS = 2;
/** Few slots each, so that questions which come together are shared. */
const WORKER_CONCURRENCY = "4";
const NATS_PORT = 4_222;
const GATEWAY_PORT = 8_080;

export class Fleet {
  readonly #options: FleetOptions;
  #nats: Promise<DevServer> | undefined;
  #postgres: Promise<DevServer> | undefined;
  readonly #children: Child[] = [];
  #onDeath: (sentence: string) => void = () => {};
  /** Resolves with a sentence when one of our processes, or of our servers, ends by itself. */
  readonly died = new Promise<string>((resolve) => (this.#onDeath = resolve));

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Start what is not there. Resolves with the URLs once both accept connections. */
  servers(): { readonly nats: Promise<string>; readonly postgres: Promise<string> } {
    const { natsUrl, databaseUrl, isKept, signal, onProgress } = this.#options;
    const dataDir = (name: string) => (isKept ? path.join(ROOT, ".myelin", name) : undefined);
    if (natsUrl === undefined) {
      this.#nats = usualPort(isKept ? NATS_PORT : null).then((port) =>
        startNats({
          port,
          dataDir: dataDir("nats"),
          bin: process.env["NATS_SERVER_BIN"] || undefined,
          configFile: path.join(ROOT, "bus/nats-server.conf"),
          fsync: "always",
          signal,
          onProgress,
        }),
      );
    }
    if (databaseUrl === undefined) {
      this.#postgres = startPostgres({ dataDir: dataDir("postgres"), durable: isKept, signal, onProgress });
    }
    for (const server of [this.#nats, this.#postgres]) {
      // One that did not start is told of by who waits for it.
      server?.then(({ died }) => died.then((sentence) => this.#onDeath(sentence))).catch(() => {});
    }
    return {
      nats: this.#nats?.then(({ url }) => url) ?? Promise.resolve(natsUrl!),
      postgres: this.#postgres?.then(({ url }) => url) ?? Promise.resolve(databaseUrl!),
    };
  }

  /** Start the workers at once, and the gateway when it can be told where the runs are. Resolves with the gateway's URL. */
  async askable(natsUrl: string, postgres: Promise<string>): Promise<string> {
    const isFree = this.#options.isKept && (await portIsFree(GATEWAY_PORT));
    const port = String(isFree ? GATEWAY_PORT : 0);
    const agents = Array.from({ length: WORKERS }, () =>
      this.#start("agent", { SYNAPSE_URL: natsUrl, MYELIN_CONCURRENCY: WORKER_CONCURRENCY }),
    );
    const gateway = postgres.then((databaseUrl) =>
      this.#start("gateway", { SYNAPSE_URL: natsUrl, PORT: port, GATEWAY_DATABASE_URL: databaseUrl }),
    );
    const [{ url }] = await Promise.all([gateway, ...agents]);
    return String(url);
  }

  /** Start the recorder, which brings the database up to date first. Resolves when it records. */
  async recorder(natsUrl: string, databaseUrl: string): Promise<void> {
    await this.#start("recorder", { SYNAPSE_URL: natsUrl, DATABASE_URL: databaseUrl, MYELIN_MIGRATE: "true" });
  }

  /** Stop everything that was started, in order. Rejects with what went wrong, after all the rest was stopped. */
  async stop(): Promise<void> {
    const problems: unknown[] = [];
    const stopAll = async (things: readonly { stop(): Promise<void> }[]) => {
      const results = await Promise.allSettled(things.map((thing) => thing.stop()));
      for (const result of results) if (result.status === "rejected") problems.push(result.reason);
    };
    for (const name of ["gateway", "agent", "recorder"] satisfies ProcessName[]) {
      await stopAll(this.#children.filter((child) => child.name === name));
    }
    for (const server of [this.#postgres, this.#nats]) {
      const started = await server?.catch(() => undefined); // it was never there; who started it knows
      if (started) await stopAll([started]);
    }
    if (problems.length > 0) throw new AggregateError(problems, problems.map(messageOf).join("\n"));
  }

  #start(name: ProcessName, env: Readonly<Record<string, string>>): Promise<LogLine> {
    const { namespace, signal, onTrouble } = this.#options;
    signal.throwIfAborted();
    const child = startChild({
      name,
      onTrouble,
      env: {
        MYELIN_NAMESPACE: namespace,
        HOST: "127.0.0.1",
        // What the caller has set for a deployment of his own must not reach the demo's processes.
        ...{ NATS_URL: "", GATEWAY_TOKEN: "", METRICS_PORT: "", MYELIN_NEURON: "", LOG_LEVEL: "info" },
        ...env,
      },
    });
    this.#children.push(child);
    void child.died.then((sentence) => this.#onDeath(sentence));
    return child.ready;
  }
}

/** The usual port where it is free; undefined, for any free one, where it is not, or when no usual one is wanted. */
async function usualPort(port: number | null): Promise<number | undefined> {
  return port !== null && (await portIsFree(port)) ? port : undefined;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * World: what a scenario plays in: servers of its own, processes of ours on them, one source of chance, and a record of
 * every fault. What the processes notice themselves is in their fact files.
 */
import { connectSynapse, type Bus } from "@myelin/bus";
import { freePort, startNats, startTcpProxy, type DevServer, type TcpProxy, type TcpProxyOptions } from "@myelin/dev";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault } from "../checker/faults.ts";
import type { HeirArgument } from "../programs/heir.ts";
import type { LoadArgument } from "../programs/load.ts";
import type { ProgramArgument } from "../programs/program.ts";
import type { RecorderArgument } from "../programs/recorder.ts";
import type { WorkerArgument } from "../programs/worker.ts";
import type { ChaosDatabase } from "./chaos-database.ts";
import { ChaosProcess } from "./chaos-process.ts";
import type { Environment, ProgramName } from "./environment.ts";
import { FACT_SUFFIX, FactReader } from "./fact-reader.ts";
import { Random } from "./random.ts";

export interface WorldOptions {
  /** The lease of a task. Default 1_000: the design's is 30_000, and scenarios are to take seconds. */
  readonly ackWaitMs?: number | undefined;
  /** Lines for the configuration of the nats-server. Default none. */
  readonly natsConfig?: string | undefined;
  /** Whether the nats-server tells over HTTP what it holds. Default false. */
  readonly isMonitored?: boolean | undefined;
}

type Kind = "worker" | "load" | "heir" | "recorder";

/** How much of a scenario to play. */
export interface Size {
  /** The short form, some seconds. */
  readonly isQuick: boolean;
  /** Go on for so many minutes instead of a number of rounds. */
  readonly minutes: number | null;
}

const NAMESPACE = "chaos";
/** Operations that a load keeps under way. The short form is about each fault, not about what the machine can do. */
const IN_FLIGHT = 16;
const QUICK_IN_FLIGHT = 6;
/** How long anything that must happen may take before the scenario gives up. */
const PATIENCE_MS = 60_000;

type Own<T extends ProgramArgument> = Partial<Omit<T, keyof ProgramArgument>> & { readonly natsUrl?: string };
type AnyOwn = Own<WorkerArgument> | Own<LoadArgument> | Own<HeirArgument> | Own<RecorderArgument>;

export class World implements AsyncDisposable {
  readonly random: Random;
  readonly size: Size;
  readonly nats: DevServer;
  readonly postgres: DevServer;
  readonly database: ChaosDatabase;
  readonly ackWaitMs: number;
  /** Where the nats-server tells what it holds; null when nobody asked for it. */
  readonly monitorUrl: string | null;
  readonly faults: Fault[] = [];
  /** What the scenario itself found wrong. */
  readonly problems: string[] = [];
  /** How long the recording took to catch up, after each fault that touched it. */
  readonly recordingRecoveriesMs: number[] = [];
  readonly facts: FactReader;
  /** Holds the fact files. */
  readonly folder: string;
  readonly processes: ChaosProcess[] = [];
  readonly #environment: Environment;
  readonly #proxies: TcpProxy[] = [];
  readonly #startedAt = performance.now();
  readonly #names = new Map<string, number>();

  private constructor(environment: Environment, servers: Servers, options: OpenOptions) {
    this.#environment = environment;
    this.folder = servers.folder;
    this.nats = servers.nats;
    this.postgres = servers.postgres;
    this.database = servers.database;
    this.monitorUrl = servers.monitorUrl;
    this.random = new Random(options.seed);
    this.size = options.size;
    this.ackWaitMs = options.ackWaitMs ?? 1_000;
    this.facts = new FactReader(this.folder);
    mkdirSync(this.#markFolder);
    // Whoever waits for the end of one waits no longer.
    this.signal.addEventListener("abort", this.#killAll);
  }

  static async open(environment: Environment, options: OpenOptions): Promise<World> {
    const folder = mkdtempSync(path.join(tmpdir(), "myelin-chaos-"));
    const [postgres, database] = await Promise.all([
      environment.postgres(),
      environment.createDatabase(),
      environment.programs(),
    ]);
    const monitor = options.isMonitored ? `127.0.0.1:${await freePort()}` : null;
    const configFile = path.join(folder, "nats-server.conf");
    writeFileSync(configFile, `${options.natsConfig ?? ""}\n${monitor === null ? "" : `http: "${monitor}"`}\n`);
    const nats = await startNats({ signal: environment.signal, configFile });
    const monitorUrl = monitor === null ? null : `http://${monitor}`;
    return new World(environment, { folder, nats, postgres, database, monitorUrl }, options);
  }

  get signal(): AbortSignal {
    return this.#environment.signal;
  }

  /** Start a worker and wait until it takes tasks. */
  startWorker(own: Own<WorkerArgument> = {}): Promise<ChaosProcess> {
    const defaults = { seed: this.random.seed(), concurrency: 4, version: "1", markFolder: this.#markFolder };
    return this.#start("worker", { ...defaults, ...own });
  }

  /** Start several. */
  startWorkers(count: number, own: Own<WorkerArgument> = {}): Promise<ChaosProcess[]> {
    return Promise.all(Array.from({ length: count }, () => this.startWorker(own)));
  }

  /** Start a dispatcher that keeps operations under way; without a `total`, until it is finished. */
  startLoad(own: Own<LoadArgument> = {}): Promise<ChaosProcess> {
    const inFlight = this.size.isQuick ? QUICK_IN_FLIGHT : IN_FLIGHT;
    const defaults = { seed: this.random.seed(), inFlight, total: null, workMs: [20, 100] as const };
    return this.#start("load", { ...defaults, ...own });
  }

  startRecorder(own: Own<RecorderArgument> = {}): Promise<ChaosProcess> {
    return this.#start("recorder", { databaseUrl: this.database.url, ...own });
  }

  /** Start somebody who gets the replies that a killed dispatcher still waited for, and then ends. */
  startHeir(of: ChaosProcess): Promise<ChaosProcess> {
    return this.#start("heir", { inheritance: this.#factFile(of.name) });
  }

  /** A bad network before one of the servers, for as long as the world lasts. */
  async startProxy(to: DevServer, options: TcpProxyOptions = {}): Promise<TcpProxy> {
    const proxy = await startTcpProxy(to.port, options);
    this.#proxies.push(proxy);
    return proxy;
  }

  /** Processes of a kind that run. */
  running(kind: Kind): ChaosProcess[] {
    return this.processes.filter((one) => one.name.startsWith(`${kind}-`) && !one.hasExited);
  }

  /** Break something: while `action` lasts, the fault does. */
  async fault(kind: string, options: FaultOptions, action: () => Promise<unknown>): Promise<void> {
    this.signal.throwIfAborted();
    const { victim = null, touches = "operations" } = options;
    const startedAt = Date.now();
    await action();
    this.faults.push({ kind, victim: victim?.name ?? null, touches, startedAt, endedAt: Date.now() });
  }

  /** As often as a run of this size breaks things; with `--minutes`, until these are over. */
  *rounds(count: { readonly quick: number; readonly full: number }): Generator<number> {
    const { isQuick, minutes } = this.size;
    const isOver = (round: number) =>
      minutes === null
        ? round >= (isQuick ? count.quick : count.full)
        : performance.now() - this.#startedAt > minutes * 60_000;
    for (let round = 0; !isOver(round); round++) yield round;
  }

  /** Wait for some time between these, chosen by chance. */
  async pause(minMs: number, maxMs: number): Promise<void> {
    await sleep(this.random.between(minMs, maxMs), undefined, { signal: this.signal });
  }

  /** Wait until something is so. Rejects when it is not after a minute. */
  async until(what: string, isSo: () => boolean | Promise<boolean>, patienceMs = PATIENCE_MS): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!(await isSo())) {
      if (performance.now() > deadline) throw new Error(`not within ${patienceMs} ms: ${what}`);
      await sleep(25, undefined, { signal: this.signal });
    }
  }

  /** Do something on the bus, over a connection that is made for it and goes around everything that is broken on purpose. */
  async onBus<T>(work: (bus: Bus) => Promise<T>): Promise<T> {
    await using synapse = await connectSynapse(this.nats.url, { name: "checker", connectTimeoutMs: PATIENCE_MS });
    return await work(await synapse.open(NAMESPACE));
  }

  /** Wait until all that is in the log now is recorded. Resolves with how long it took. */
  async untilRecorded(): Promise<number> {
    const startedAt = performance.now();
    const { lastSeq } = await this.onBus((bus) => bus.info());
    await this.until(`entry ${lastSeq} of the log is recorded`, async () => {
      const [row] = await this.database.query<{ seq: string }>("SELECT seq FROM recorder_positions");
      return Number(row?.seq ?? 0) >= lastSeq;
    });
    return performance.now() - startedAt;
  }

  /** Kill what still runs and remove what is left. `keepFacts` leaves the fact files. */
  async close(options: { readonly keepFacts?: boolean } = {}): Promise<void> {
    this.signal.removeEventListener("abort", this.#killAll);
    await Promise.all(this.processes.map((one) => one.kill()));
    await Promise.all(this.#proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    await this.nats.stop();
    if (!options.keepFacts) rmSync(this.folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  readonly #killAll = (): void => this.processes.forEach((one) => void one.kill());

  get #markFolder(): string {
    return path.join(this.folder, "marks");
  }

  #factFile(name: string): string {
    return path.join(this.folder, `${name}${FACT_SUFFIX}`);
  }

  async #start(kind: Kind, own: AnyOwn): Promise<ChaosProcess> {
    const programs = await this.#environment.programs();
    const count = (this.#names.get(kind) ?? 0) + 1;
    this.#names.set(kind, count);
    const name = `${kind}-${count}`;
    const program: ProgramName = `programs/${kind}.ts`;
    const started = new ChaosProcess(programs.fileOf(program), {
      natsUrl: this.nats.url,
      namespace: NAMESPACE,
      factFile: this.#factFile(name),
      name,
      ackWaitMs: this.ackWaitMs,
      ...own,
    });
    this.processes.push(started);
    return started.ready();
  }
}

interface Servers {
  readonly folder: string;
  readonly nats: DevServer;
  readonly postgres: DevServer;
  readonly database: ChaosDatabase;
  readonly monitorUrl: string | null;
}

interface OpenOptions extends WorldOptions {
  readonly seed: number;
  readonly size: Size;
}

interface FaultOptions {
  readonly victim?: ChaosProcess | undefined;
  readonly touches?: Fault["touches"] | undefined;
}

/** Environment: the servers and processes that cases share, started when first asked for, and all stopped at the end. */
import { startNats, startPostgres, type DevServer, type FsyncPolicy } from "@myelin/dev";
import type { ContenderName } from "../contenders/contender.ts";
import { BenchProcess } from "./bench-process.ts";
import { Fleet } from "./fleet.ts";
import { ensurePeers, type Peers } from "./peers.ts";
import { compilePrograms, type ProgramName, type Programs } from "./programs.ts";

export interface EnvironmentOptions {
  /** Told in words what is being started. */
  readonly onProgress: (message: string) => void;
  /** Write CPU profiles of our own contenders' processes here. */
  readonly profileDir?: string | undefined;
  /** Whether peers that are missing may be installed from the registry. */
  readonly mayInstall: boolean;
}

export class Environment implements AsyncDisposable {
  readonly #options: EnvironmentOptions;
  readonly #closing = new AbortController();
  readonly #nats = new Map<FsyncPolicy, Promise<DevServer>>();
  readonly #own: Promise<DevServer>[] = [];
  readonly #fleets = new Map<string, Promise<Fleet>>();
  readonly #processes = new Set<BenchProcess>();
  #programs: Promise<Programs> | undefined;
  #postgres: Promise<DevServer> | undefined;
  #peers: Promise<Peers> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: EnvironmentOptions) {
    this.#options = options;
  }

  /** URL of the nats-server that syncs by this policy. */
  async natsUrl(fsync: FsyncPolicy): Promise<string> {
    let server = this.#nats.get(fsync);
    if (!server) {
      this.#options.onProgress(`starting nats-server (fsync ${fsync})`);
      server = startNats({ fsync, signal: this.#closing.signal });
      this.#nats.set(fsync, server);
    }
    return (await server).url;
  }

  /** A nats-server of one's own, beside the shared ones. */
  async natsServer(): Promise<DevServer> {
    this.#options.onProgress("starting a nats-server of its own");
    const server = startNats({ signal: this.#closing.signal });
    this.#own.push(server);
    return server;
  }

  /** URL of the PostgreSQL. */
  async postgresUrl(): Promise<string> {
    if (!this.#postgres) {
      this.#options.onProgress("starting PostgreSQL");
      this.#postgres = startPostgres({ durable: true, signal: this.#closing.signal });
    }
    return (await this.#postgres).url;
  }

  /** Whether Moleculer is there to compare with; installs it at first use. */
  peers(): Promise<Peers> {
    const { mayInstall, onProgress } = this.#options;
    return (this.#peers ??= ensurePeers({ mayInstall, onProgress, signal: this.#closing.signal }));
  }

  /** The dispatcher and workers of a contender on a server; the same ones for every case. */
  fleet(contender: ContenderName, fsync: FsyncPolicy): Promise<Fleet> {
    const key = `${contender} ${fsync}`;
    let fleet = this.#fleets.get(key);
    if (!fleet) {
      this.#options.onProgress(`starting the processes of ${contender}`);
      const isOurs = contender.startsWith("myelin");
      fleet = this.natsUrl(fsync).then((url) =>
        Fleet.start(contender, url, (program) => this.process(program, isOurs)),
      );
      this.#fleets.set(key, fleet);
    }
    return fleet;
  }

  /** A process of one's own. `isOurs`: it runs our code, and is what a profile is wanted of. */
  async process(program: ProgramName, isOurs: boolean, flags: readonly string[] = []): Promise<BenchProcess> {
    const programs = await (this.#programs ??= compilePrograms());
    this.#closing.signal.throwIfAborted();
    const { profileDir } = this.#options;
    const profile = isOurs && profileDir !== undefined ? ["--cpu-prof", `--cpu-prof-dir=${profileDir}`] : [];
    const started = new BenchProcess(programs.fileOf(program), [...flags, ...profile]);
    this.#processes.add(started);
    return started;
  }

  /** Stop everything, processes before servers. May be called at any time, and again. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort(new Error("the benchmark was stopped"));
    await Promise.all([...this.#processes].map((one) => one.stop()));
    await this.#programs?.then((programs) => programs[Symbol.asyncDispose]()).catch(() => {});
    const servers = [...this.#nats.values(), ...this.#own, ...(this.#postgres ? [this.#postgres] : [])];
    // One that did not start has said so to whoever asked for it.
    await Promise.all(servers.map((server) => server.then((started) => started.stop()).catch(() => {})));
  }
}

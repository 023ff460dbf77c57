/** Environment: what scenarios share: our programs, compiled, and a PostgreSQL. Started when first asked for. */
import { startPostgres, type DevServer } from "@myelin/dev";
import { migrate } from "@myelin/runs";
import { compilePrograms, type Programs } from "../../scripts/compile-programs.ts";
import { ChaosDatabase, runSql } from "./chaos-database.ts";

const SOURCES = ["programs/worker.ts", "programs/load.ts", "programs/heir.ts", "programs/recorder.ts"] as const;
export type ProgramName = (typeof SOURCES)[number];

const TEMPLATE = "chaos_template";

export class Environment implements AsyncDisposable {
  readonly #closing = new AbortController();
  #programs: Promise<Programs<ProgramName>> | undefined;
  #postgres: Promise<DevServer> | undefined;
  #databases = 0;
  #closed: Promise<void> | undefined;

  /** Aborts when everything is to end. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  programs(): Promise<Programs<ProgramName>> {
    return (this.#programs ??= compilePrograms("chaos", SOURCES));
  }

  /** The PostgreSQL of all scenarios. One that restarts it leaves it running. */
  postgres(): Promise<DevServer> {
    return (this.#postgres ??= this.#startPostgres());
  }

  /** A database with the tables in it, dropped with the environment. */
  async createDatabase(): Promise<ChaosDatabase> {
    const { url } = await this.postgres();
    const database = new ChaosDatabase(url, `chaos_${++this.#databases}`);
    await runSql(url, `CREATE DATABASE ${database.name} TEMPLATE ${TEMPLATE}`);
    return database;
  }

  /** Stop everything. May be called at any time, and again. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #startPostgres(): Promise<DevServer> {
    const server = await startPostgres({ signal: this.#closing.signal });
    await runSql(server.url, `CREATE DATABASE ${TEMPLATE}`);
    await migrate(new ChaosDatabase(server.url, TEMPLATE).url);
    return server;
  }

  async #close(): Promise<void> {
    this.#closing.abort(new Error("the chaos was stopped"));
    // What did not start has said so to whoever asked for it.
    await this.#programs?.then((programs) => programs[Symbol.asyncDispose]()).catch(() => {});
    await this.#postgres?.then((server) => server.stop()).catch(() => {});
  }
}

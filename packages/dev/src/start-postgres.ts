/** Start a PostgreSQL on loopback. */
import { setTimeout as sleep } from "node:timers/promises";
import { createDevServer } from "./dev-server.ts";
import type { DevServer } from "./dev-server.ts";
import { DevServerError } from "./errors.ts";
import { findPostgres } from "./find-postgres.ts";
import { spawnGuarded } from "./guarded-process.ts";
import type { GuardedProcess } from "./guarded-process.ts";
import { launch } from "./launch.ts";
import { withPort } from "./listen-port.ts";
import { openCluster, SUPERUSER } from "./postgres-cluster.ts";
import { discardHome, openServerHome } from "./server-home.ts";

export interface StartPostgresOptions {
  /** Default: a free one. One that is taken is `port-taken`. */
  readonly port?: number | undefined;
  /**
   * Kept between starts; the database is made in it the first time (0.6 s). Default: a temporary directory, removed on
   * `stop` and also when this process is killed.
   */
  readonly dataDir?: string | undefined;
  /** False turns fsync off: a power cut may spoil the data, a crash of PostgreSQL alone does not. Default false. */
  readonly durable?: boolean | undefined;
  /** Directory with `initdb` and `postgres`. Default: `findPostgres()`. */
  readonly binDir?: string | undefined;
  /** Gives up while starting; nothing stays behind. No effect once started. */
  readonly signal?: AbortSignal | undefined;
  /** Told in words when something takes time. Default: nobody. */
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** A fast shutdown writes a checkpoint first. */
const STOP_GRACE_MS = 10_000;
const MAX_CONNECTIONS = 200;
/** How long the backends of a killed PostgreSQL may take to notice and leave. */
const ORPHANS_TIMEOUT_MS = 10_000;

/**
 * Resolves when it accepts connections (0.8 s with a new database, 0.1 s else). The `url` is that of the superuser in
 * the database `postgres`; every local user may connect without a password. Throws `DevServerError`.
 */
export async function startPostgres(options: StartPostgresOptions = {}): Promise<DevServer> {
  const { dataDir, durable = false, signal, onProgress } = options;
  const home = await openServerHome({ name: "postgres", dataDir, signal, onProgress });
  try {
    const binaries = await findPostgres({ binDir: options.binDir, owner: home.owner, onProgress });
    const cluster = await openCluster({ home, binaries, durable, signal, onProgress });
    return await withPort("postgres", options.port, async (port) => {
      const launchServer = (abort?: AbortSignal) =>
        launch({
          name: `postgres ${binaries.version}`,
          ready: /ready to accept connections/,
          signal: abort,
          spawn: (onLine) =>
            spawnGuarded({
              command: binaries.postgres,
              args: ["-D", cluster, "-p", String(port), ...settingArgs(durable)],
              cwd: home.directory,
              env: { HOME: home.directory, PATH: process.env["PATH"] ?? "" },
              owner: home.owner,
              stopSignal: "SIGINT", // "fast": disconnect everybody, roll back, stop
              graceMs: STOP_GRACE_MS,
              temporaryDirectory: home.isTemporary ? home.directory : undefined,
              onLine,
            }),
        });
      const first = await outlastOrphans(() => launchServer(signal));
      const url = `postgresql://${SUPERUSER}@127.0.0.1:${port}/postgres`;
      const relaunch = () => outlastOrphans(() => launchServer());
      return createDevServer({ name: "postgres", url, port, home, launch: relaunch }, first);
    });
  } catch (error) {
    await discardHome(home);
    throw error;
  }
}

function settingArgs(durable: boolean): string[] {
  const settings = {
    listen_addresses: "127.0.0.1",
    // A socket's path may have 107 bytes; a data directory's may be longer.
    unix_socket_directories: "",
    max_connections: String(MAX_CONNECTIONS),
    // synchronous_commit stays on: off, a mere kill -9 would lose commits, and that is what tests do.
    ...(durable ? {} : { fsync: "off" }),
  };
  return Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
}

/** After a kill -9 the backends live on for a moment, and PostgreSQL refuses to start beside them. */
async function outlastOrphans(start: () => Promise<GuardedProcess>): Promise<GuardedProcess> {
  const deadline = performance.now() + ORPHANS_TIMEOUT_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      const besideOrphans = error instanceof DevServerError && /pre-existing shared memory block/.test(error.message);
      if (!besideOrphans || performance.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

/** Start a nats-server with JetStream on loopback. */
import { chown, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { createDevServer } from "./dev-server.ts";
import type { DevServer } from "./dev-server.ts";
import { DevServerError } from "./errors.ts";
import { findNatsServer } from "./find-nats-server.ts";
import { spawnGuarded } from "./guarded-process.ts";
import { launch } from "./launch.ts";
import { withPort } from "./listen-port.ts";
import { discardHome, openServerHome } from "./server-home.ts";
import type { ServerHome } from "./server-home.ts";

export type FsyncPolicy = "always" | "default";

export interface StartNatsOptions {
  /** Default: a free one. One that is taken is `port-taken`. */
  readonly port?: number | undefined;
  /** Kept between starts. Default: a temporary directory, removed on `stop` and also when this process is killed. */
  readonly dataDir?: string | undefined;
  /** A nats-server configuration without `store_dir`; port and data directory given here win over it. Default: none. */
  readonly configFile?: string | undefined;
  /** What a configuration's `$VARIABLE`s stand for. Default: nothing of our environment reaches the server. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /**
   * `always`: an acknowledged message survives a power cut. `default`: JetStream syncs every two minutes; ten times
   * faster on most disks, and a mere crash of the server loses nothing either. Default: what `configFile` says, else
   * `default`.
   */
  readonly fsync?: FsyncPolicy | undefined;
  /** The nats-server to run, 2.10 or newer. Default: `findNatsServer()`. */
  readonly bin?: string | undefined;
  /** Gives up while starting; nothing stays behind. No effect once started. */
  readonly signal?: AbortSignal | undefined;
  /** Told in words when something takes time. Default: nobody. */
  readonly onProgress?: ((message: string) => void) | undefined;
}

const STOP_GRACE_MS = 5_000;

/** Resolves when it accepts connections (20 to 60 ms). Throws `DevServerError`. */
export async function startNats(options: StartNatsOptions = {}): Promise<DevServer> {
  const { dataDir, signal, onProgress } = options;
  const config = await readConfig(options);
  const home = await openServerHome({ name: "nats-server", dataDir, signal, onProgress });
  try {
    const binary = await findNatsServer({ bin: options.bin, owner: home.owner, onProgress });
    const configArgs = config === undefined ? [] : ["-c", await writeConfig(config, home)];
    return await withPort("nats-server", options.port, async (port) => {
      const launchServer = (abort?: AbortSignal) =>
        launch({
          name: `nats-server ${binary.version}`,
          ready: /Server is ready/,
          signal: abort,
          spawn: (onLine) =>
            spawnGuarded({
              command: binary.path,
              args: ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", home.directory, ...configArgs],
              cwd: home.directory,
              env: { ...options.env, HOME: home.directory, PATH: process.env["PATH"] ?? "" },
              owner: home.owner,
              stopSignal: "SIGTERM",
              graceMs: STOP_GRACE_MS,
              temporaryDirectory: home.isTemporary ? home.directory : undefined,
              onLine,
            }),
        });
      const first = await launchServer(signal);
      const url = `nats://127.0.0.1:${port}`;
      return createDevServer({ name: "nats-server", url, port, home, launch: () => launchServer() }, first);
    });
  } catch (error) {
    await discardHome(home);
    throw error;
  }
}

const SYNC_INTERVAL = /^[ \t]*sync_interval[ \t]*[:=]?[ \t]*"?(\w+)"?.*$/m;

async function readConfig({ configFile, fsync }: StartNatsOptions): Promise<string | undefined> {
  if (configFile === undefined) return fsync === "always" ? "jetstream { sync_interval: always }\n" : undefined;
  const text = await readFile(configFile, "utf8");
  if (fsync === "default") return text.replace(SYNC_INTERVAL, "");
  if (fsync === "always" && SYNC_INTERVAL.exec(text)?.[1] !== "always") {
    throw new DevServerError(
      "invalid-option",
      `fsync "always" was asked for; ${configFile} has no sync_interval: always`,
    );
  }
  return text;
}

/** A copy, because the server's user may be unable to read the original. */
async function writeConfig(text: string, { directory, owner }: ServerHome): Promise<string> {
  const file = path.join(directory, "nats-server.conf");
  await writeFile(file, text);
  if (owner) await chown(file, owner.uid, owner.gid);
  return file;
}

/**
 * The data directory of PostgreSQL: made once with `initdb`, whole or not at all.
 *
 * States on disk, inside the server's home:
 *   nothing            -> initdb writes `cluster.draft-XXXX`; a rename makes it `cluster`
 *   cluster.draft-*    -> left over from an initdb that a power cut ended: removed. (Ctrl-C and kill -9 leave none.)
 *   cluster            -> used as it is
 */
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rename, rm, chown } from "node:fs/promises";
import path from "node:path";
import { DevServerError, throwIfAborted } from "./errors.ts";
import type { PostgresBinaries } from "./find-postgres.ts";
import { spawnGuarded } from "./guarded-process.ts";
import { listProcesses } from "./processes.ts";
import type { ServerHome } from "./server-home.ts";

export const SUPERUSER = "postgres";
const DRAFT_PREFIX = "cluster.draft-";
const INITDB_GRACE_MS = 2_000;

export interface OpenClusterOptions {
  readonly home: ServerHome;
  readonly binaries: PostgresBinaries;
  /** Sync the new files to disk. */
  readonly durable: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** The directory for `postgres -D`. Throws `wrong-version` for one of another major version, `aborted`. */
export async function openCluster(options: OpenClusterOptions): Promise<string> {
  const { home, binaries } = options;
  const cluster = path.join(home.directory, "cluster");
  if (!existsSync(cluster)) {
    await removeDrafts(home.directory);
    await createCluster(cluster, options);
    return cluster;
  }
  const major = readFileSync(path.join(cluster, "PG_VERSION"), "utf8").trim();
  if (binaries.version.split(".")[0] !== major) {
    throw new DevServerError(
      "wrong-version",
      `${cluster} was written by PostgreSQL ${major}; found is ${binaries.version} (${binaries.postgres}). ` +
        "Remove the directory to start anew, or use that version",
    );
  }
  await removeStaleLock(cluster);
  return cluster;
}

async function createCluster(cluster: string, options: OpenClusterOptions): Promise<void> {
  const { home, binaries, durable, signal, onProgress } = options;
  const { owner } = home;
  throwIfAborted(signal, "creating the database directory");
  if (!home.isTemporary) onProgress?.(`creating a PostgreSQL ${binaries.version} database in ${home.directory}`);
  const draft = await mkdtemp(path.join(home.directory, DRAFT_PREFIX));
  if (owner) await chown(draft, owner.uid, owner.gid);
  const lines: string[] = [];
  const initdb = spawnGuarded({
    command: binaries.initdb,
    args: [
      ...["-D", draft, "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C"],
      ...(durable ? [] : ["--no-sync"]),
    ],
    cwd: home.directory,
    // TZ: the cluster's time zone, and initdb need not guess it by comparing all that there are.
    env: { HOME: home.directory, PATH: process.env["PATH"] ?? "", TZ: "UTC" },
    owner,
    stopSignal: "SIGTERM",
    graceMs: INITDB_GRACE_MS,
    temporaryDirectory: home.isTemporary ? home.directory : draft,
    onLine: (line) => lines.push(line),
  });
  const onAbort = () => void initdb.terminate();
  signal?.addEventListener("abort", onAbort);
  const { code } = await initdb.exited;
  signal?.removeEventListener("abort", onAbort);
  await initdb.release({ keep: true });
  if (code === 0 && !signal?.aborted) return rename(draft, cluster);
  await rm(draft, { recursive: true, force: true, maxRetries: 5 });
  throwIfAborted(signal, "creating the database directory");
  throw new DevServerError("start-failed", `initdb failed:\n${lines.slice(-20).join("\n")}`);
}

async function removeDrafts(directory: string): Promise<void> {
  for (const entry of await readdir(directory)) {
    if (entry.startsWith(DRAFT_PREFIX)) await rm(path.join(directory, entry), { recursive: true, force: true });
  }
}

/**
 * PostgreSQL passes over the lock of a dead process by itself. But when the pid has been given to another program of
 * the same user meanwhile (in containers small pids come back at every start), it refuses to start, for good.
 */
async function removeStaleLock(cluster: string): Promise<void> {
  const lock = path.join(cluster, "postmaster.pid");
  if (!existsSync(lock)) return;
  const pid = Number(readFileSync(lock, "utf8").split("\n")[0]);
  const holder = (await listProcesses()).find((running) => running.pid === pid);
  if (holder === undefined || path.basename(holder.args[0] ?? "").startsWith("postgres")) return;
  await rm(lock, { force: true });
}

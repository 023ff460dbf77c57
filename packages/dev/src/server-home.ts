/**
 * The directory a server lives in: the caller's data directory, which is kept, or a temporary one, which goes with
 * the server.
 */
import { createHash } from "node:crypto";
import { access, chown, constants, lstat, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DevServerError, throwIfAborted } from "./errors.ts";
import { canEnter, isRoot, NOBODY, unprivilegedOwner } from "./owner.ts";
import type { Owner } from "./owner.ts";
import { findProcessUsing } from "./processes.ts";

export interface ServerHome {
  readonly directory: string;
  /** Remove it when the server stops. */
  readonly isTemporary: boolean;
  readonly owner: Owner | undefined;
}

export interface OpenHomeOptions {
  /** Names the temporary directory: `<name>-XXXXXX`. */
  readonly name: string;
  readonly dataDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
  /** How long a server of an earlier, killed process may take to leave the directory. Default 12_000. */
  readonly leaveTimeoutMs?: number | undefined;
}

/**
 * Create and hand over the directory. With `dataDir`, wait until no server runs on it any more (12 s, then
 * `data-dir-in-use`): after a kill -9 of the last owner, its watcher may still be stopping the server.
 *
 * As root the server runs unprivileged and may be unable to enter `dataDir`, for example below /root (mode 0700). Then
 * a directory of the same purpose under /var/tmp is used, always the same one for the same `dataDir`, and
 * `onProgress` says so. An error instead would end `npm start` for everybody who works as root in a container.
 */
export async function openServerHome(options: OpenHomeOptions): Promise<ServerHome> {
  const { name, dataDir } = options;
  if (dataDir === undefined) {
    const owner = unprivilegedOwner();
    const directory = await mkdtemp(path.join(await sharedTemporaryDirectory(owner), `${name}-`));
    if (owner) await chown(directory, owner.uid, owner.gid);
    return { directory, isTemporary: true, owner };
  }
  const wanted = path.resolve(dataDir);
  await makeDirectory(wanted);
  const directory = await reachableDirectory(wanted, name, options.onProgress);
  const owner = await ownerOf(directory);
  if (owner) await chown(directory, owner.uid, owner.gid);
  else await checkWritable(directory);
  await waitUntilUnused(directory, options);
  return { directory, isTemporary: false, owner };
}

/** Remove a home that no guarded process has taken over yet. */
export async function discardHome(home: ServerHome): Promise<void> {
  if (home.isTemporary) await rm(home.directory, { recursive: true, force: true });
}

/** The OS temp directory, or /tmp when `owner` cannot enter it (TMPDIR in a private place). */
export async function sharedTemporaryDirectory(owner: Owner | undefined): Promise<string> {
  for (const directory of [tmpdir(), "/tmp"]) {
    if (await canEnter(directory, owner)) return directory;
  }
  throw new DevServerError("data-dir-unusable", `uid ${owner?.uid} can enter neither ${tmpdir()} nor /tmp`);
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new DevServerError("data-dir-unusable", `cannot create the data directory ${directory}: ${reason}`, {
      cause,
    });
  }
}

async function checkWritable(directory: string): Promise<void> {
  try {
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    // Typically: started as root once, and as an ordinary user now.
    const message = `the data directory ${directory} is not ours to write to: change its owner, or remove it`;
    throw new DevServerError("data-dir-unusable", message, { cause });
  }
}

async function reachableDirectory(
  wanted: string,
  name: string,
  onProgress: OpenHomeOptions["onProgress"],
): Promise<string> {
  if (!isRoot() || (await canEnter(path.dirname(wanted), await ownerOf(wanted)))) return wanted;
  const digest = createHash("sha256").update(wanted).digest("hex").slice(0, 12);
  const directory = path.join("/var/tmp", `${name}-${digest}`);
  await makeDirectory(directory);
  // /var/tmp is open to everybody and the name can be guessed: take nothing that another user has put there.
  const facts = await lstat(directory);
  if (!facts.isDirectory() || (facts.uid !== 0 && facts.uid !== NOBODY.uid)) {
    throw new DevServerError("data-dir-unusable", `${directory} belongs to uid ${facts.uid}: remove it`);
  }
  onProgress?.(`uid ${NOBODY.uid} cannot enter ${path.dirname(wanted)}: the data is in ${directory}`);
  return directory;
}

/** An ordinary user's directory stays his: as root we run the server as him. */
async function ownerOf(directory: string): Promise<Owner | undefined> {
  if (!isRoot()) return undefined;
  const { uid, gid } = await stat(directory);
  return uid === 0 ? NOBODY : { uid, gid };
}

async function waitUntilUnused(directory: string, options: OpenHomeOptions): Promise<void> {
  const { signal, onProgress, leaveTimeoutMs = 12_000 } = options; // 12 s: PostgreSQL is given 10 to stop
  const deadline = performance.now() + leaveTimeoutMs;
  let hasSaidSo = false;
  for (;;) {
    const user = await findProcessUsing(directory);
    if (user === undefined) return;
    throwIfAborted(signal, "starting a server");
    if (performance.now() > deadline) {
      throw new DevServerError(
        "data-dir-in-use",
        `process ${user.pid} (${user.program}) works on ${directory}: stop it, or use another data directory`,
      );
    }
    if (!hasSaidSo) onProgress?.(`waiting for process ${user.pid} (${user.program}) to leave ${directory}`);
    hasSaidSo = true;
    await sleep(50);
  }
}

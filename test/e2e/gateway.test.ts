/** The gateway, the recorder and the agents as processes on a real NATS, asked over real sockets. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { DevServer } from "@myelin/dev";
import { Axon, connectSynapse, Dendrite, type JsonObject, type NeuronContext, type Synapse } from "myelin";
import { compilePrograms, type Programs } from "../../scripts/compile-programs.ts";
import { fetchWhole } from "../helpers/fetch-whole.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { startProgram, type Program } from "../helpers/program.ts";
import { withDatabase, type TestDatabase } from "../helpers/with-database.ts";
import { deferred, until } from "../helpers/with-fleet.ts";
import { sharedNatsUrl, startOwnNats, uniqueNamespace } from "../helpers/with-nats.ts";

type Name = "agent" | "gateway" | "recorder";
let compiled: Programs<`${Name}/main.ts`>;
beforeAll(async () => {
  compiled = await compilePrograms("workers/src", ["agent/main.ts", "gateway/main.ts", "recorder/main.ts"]);
});
afterAll(async () => {
  await compiled[Symbol.asyncDispose]();
});

/** Nothing of the developer's environment reaches the processes: no key, no port, no token. */
const CLEAN = Object.fromEntries(
  [
    "NATS_URL",
    "SYNAPSE_URL",
    "DATABASE_URL",
    "GATEWAY_DATABASE_URL",
    "GATEWAY_TOKEN",
    "HOST",
    "PORT",
    "METRICS_PORT",
    "LOG_LEVEL",
  ]
    .concat(["MYELIN_NEURON", "MYELIN_MODEL_URL", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "HF_TOKEN"])
    .map((name) => [name, ""]),
);
const start = (name: Name, env: Record<string, string>): Program =>
  startProgram(compiled.fileOf(`${name}/main.ts`).pathname, { env: { ...CLEAN, ...env } });

/** The `url` of the line that logs an event. */
async function urlOf(program: Program, event: string): Promise<string> {
  return (JSON.parse(await program.line(new RegExp(`"msg":"${event}"`))) as { url: string }).url;
}
function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  const headers = { "content-type": "application/json", ...init.headers };
  return fetchWhole(`${url}/ask`, { method: "POST", body: JSON.stringify(body), ...init, headers });
}
const get = (url: string, headers: Record<string, string> = {}) => fetchWhole(url, { headers });

describe("gateway, recorder and two agents", () => {
  let database: TestDatabase;
  let programs: Record<"gateway" | "recorder" | "first" | "second", Program>;
  let url: string;

  beforeAll(async () => {
    database = await withDatabase();
    const env = {
      NATS_URL: sharedNatsUrl(),
      MYELIN_NAMESPACE: uniqueNamespace("gateway"),
      METRICS_PORT: "0",
      PORT: "0",
    };
    programs = {
      recorder: start("recorder", { ...env, DATABASE_URL: database.url, MYELIN_MIGRATE: "true" }),
      first: start("agent", env),
      second: start("agent", env),
      gateway: start("gateway", { ...env, GATEWAY_DATABASE_URL: database.url }),
    };
    url = await urlOf(programs.gateway, "gateway.listening");
    await Promise.all([programs.first.line(/agent\.ready/), programs.second.line(/agent\.ready/)]);
    await programs.recorder.line(/recorder\.ready/);
  });
  afterAll(async () => {
    await Promise.all(Object.values(programs).map((program) => program.stop()));
    await database[Symbol.asyncDispose]();
  });

  test("a prompt over HTTP is answered from the docs, by either agent", async () => {
    const instances = new Set<string>();
    for (let round = 0; round < 20 && instances.size < 2; round++) {
      const responses = await Promise.all(
        Array.from({ length: 16 }, () => post(url, { prompt: "What is a Dendrite?", metadata: { user_id: "ada" } })),
      );
      for (const response of responses) {
        expect(response.status).toBe(200);
        const body = (await response.json()) as { response: string; worker: { neuron: string; instance: string } };
        expect(body.response).toMatch(/^A Dendrite is the client object/);
        expect(body.worker.neuron).toBe("worker");
        instances.add(body.worker.instance);
      }
    }
    expect(instances.size).toBe(2);
  });

  test("what was asked is among its runs, by id, by metadata and in its metrics", async () => {
    const metadata = { user_id: "grace" };
    const { runId } = (await (await post(url, { prompt: "What is a Dendrite?", metadata })).json()) as {
      runId: string;
    };
    expect(await (await get(`${url}/runs/${runId}`)).json()).toMatchObject({ run_id: runId, metadata });
    await until(async () => {
      const page = (await (await get(`${url}/runs?metadata.user_id=grace&status=success`)).json()) as {
        items: object[];
      };
      return page.items.length === 1;
    });
    expect((await get(`${url}/openapi.json`)).status).toBe(200);
    expect(await (await get(`${url}/metrics`)).text()).toContain('route="/runs/:id"');
  });

  test("bad requests are problems, and the next good one is served", async () => {
    const statuses = await Promise.all([
      post(url, { prompt: 7 }),
      post(url, {}, { body: "not json" }),
      post(url, {}, { body: "x".repeat(1_100_000) }),
      post(url, {}, { headers: { "content-type": "text/plain" } }),
      get(`${url}/nowhere`),
      get(`${url}/ask`),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([400, 400, 413, 415, 404, 405]);
    for (const response of statuses) {
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(await response.json()).toMatchObject({ status: response.status, detail: expect.any(String) });
    }
    expect((await post(url, { prompt: "What is an Axon?" })).status).toBe(200);
  });

  test("each process counts its own work, and the recorder what the namespace did", async () => {
    expect((await get(`${url}/readyz`)).status).toBe(200);
    expect((await get(`${url}/healthz`)).status).toBe(200);
    const [recorder, first, second] = await Promise.all(
      [programs.recorder, programs.first, programs.second].map((program) => urlOf(program, "metrics.listening")),
    );
    const sumOf = async (from: string, metric: RegExp): Promise<number> => {
      const lines = (await (await get(from)).text()).split("\n").filter((line) => metric.test(line));
      return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    };
    const dispatched = await sumOf(`${url}/metrics`, /^myelin_dispatches_total/);
    expect(dispatched).toBeGreaterThan(16);
    expect(await sumOf(`${url}/metrics`, /^myelin_http_request_seconds_count.*status="413"/)).toBe(1);
    const [one, two] = await Promise.all([first!, second!].map((from) => sumOf(from, /^myelin_task_seconds_count/)));
    expect([one! > 0, two! > 0, one! + two!]).toEqual([true, true, dispatched]);
    await until(async () => (await sumOf(recorder!, /^myelin_namespace_outputs_total/)) === dispatched);
    expect(await sumOf(recorder!, /^myelin_namespace_instances\{neuron="worker"\}/)).toBe(2);
    await until(async () => (await sumOf(recorder!, /^myelin_recorder_lag/)) === 0);
    expect(await sumOf(recorder!, /^myelin_recorder_signals_total/)).toBeGreaterThanOrEqual(2 * dispatched);
    expect((await get(recorder!.replace("/metrics", "/"))).status).toBe(404);
  });

  test("SIGTERM ends each with code 0 and without a complaint", async () => {
    const statuses = await Promise.all(Object.values(programs).map((program) => program.stop()));
    expect(statuses).toEqual(statuses.map(() => ({ code: 0, signal: null })));
    const complaints = Object.values(programs)
      .flatMap(({ lines }) => lines)
      .filter((line) => !line.startsWith("{") || (JSON.parse(line) as { level: number }).level >= 40);
    expect(complaints).toEqual([]);
  });
});

describe("a gateway with a token, for a worker with levers", () => {
  const TOKEN = "0123456789abcdef";
  const MAX_IN_FLIGHT = 10;
  const FLOOD = 200;
  const namespace = "levers";
  let nats: DevServer;
  let gateway: Program;
  let url: string;
  let synapse: Synapse;
  let worker: Dendrite;
  let started = deferred();
  let aborted = deferred();
  let release = deferred();

  async function lever({ prompt }: JsonObject, { signal }: NeuronContext): Promise<JsonObject> {
    if (prompt === "wait") {
      signal.addEventListener("abort", () => aborted.resolve());
      started.resolve();
      await Promise.race([release.promise, aborted.promise]);
      signal.throwIfAborted();
    }
    return { response: "done" };
  }
  const ask = (body: unknown, init: RequestInit = {}) =>
    post(url, body, { ...init, headers: { authorization: `Bearer ${TOKEN}` } });

  beforeAll(async () => {
    nats = await startOwnNats();
    const env = {
      SYNAPSE_URL: nats.url,
      MYELIN_NAMESPACE: namespace,
      MYELIN_NEURON: "lever",
      HOST: "0.0.0.0",
      PORT: "0",
    };
    gateway = start("gateway", { ...env, GATEWAY_TOKEN: TOKEN, GATEWAY_MAX_IN_FLIGHT: `${MAX_IN_FLIGHT}` });
    url = (await urlOf(gateway, "gateway.listening")).replace("0.0.0.0", "127.0.0.1");
    synapse = await connectSynapse(nats.url);
    worker = new Dendrite({ synapse, namespace });
    worker.attachAxon(new Axon({ neuronId: "lever", neuron: lever }));
  });
  afterAll(async () => {
    await gateway.stop();
    await worker.stop();
    await synapse.drain();
    await nats.stop();
  });

  test("503 with Retry-After while there is no worker, 200 when there is one, 401 without the token", async () => {
    const nobody = await ask({ prompt: "hi" });
    expect([nobody.status, nobody.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(await nobody.json()).toMatchObject({ code: "NO_WORKER" });
    await worker.start();
    expect(await (await ask({ prompt: "hi" })).json()).toMatchObject({ response: "done" });
    expect((await post(url, { prompt: "hi" })).status).toBe(401);
    expect((await get(`${url}/metrics`)).status).toBe(401);
    expect((await get(`${url}/healthz`)).status).toBe(200);
  });

  test("504 when the answer takes longer than the caller waits", async () => {
    expect((await ask({ prompt: "wait", timeoutMs: 300 })).status).toBe(504);
    await aborted.promise;
  });

  test("the client going away aborts the run in the worker", async () => {
    [started, aborted] = [deferred(), deferred()];
    const client = new AbortController();
    const response = ask({ prompt: "wait" }, { signal: client.signal });
    await started.promise;
    client.abort();
    await expect(response).rejects.toThrow("aborted");
    await aborted.promise;
  });

  test("a flood is shed: as many as it holds are answered, the rest get 503 at once, and its memory stays", async () => {
    [started, aborted, release] = [deferred(), deferred(), deferred()];
    const rss = async () => {
      const lines = (await (await get(`${url}/metrics`, { authorization: `Bearer ${TOKEN}` })).text()).split("\n");
      return Number(lines.find((line) => line.startsWith("process_resident_memory_bytes "))!.split(" ")[1]) / 2 ** 20;
    };
    const before = await rss();
    const statuses = new Map<number, number>();
    let ended = 0;
    const flood = Array.from({ length: FLOOD }, async () => {
      const response = await ask({ prompt: "wait", timeoutMs: 120_000, metadata: { padding: "x".repeat(200_000) } });
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      if (response.status === 503) expect(response.headers.get("retry-after")).toBe("2");
      ended++;
    });
    await until(() => ended === FLOOD - MAX_IN_FLIGHT);
    expect((await get(`${url}/healthz`)).status).toBe(200);
    expect((await rss()) - before).toBeLessThan(128);
    release.resolve();
    await Promise.all(flood);
    expect([...statuses].sort()).toEqual([
      [200, MAX_IN_FLIGHT],
      [503, FLOOD - MAX_IN_FLIGHT],
    ]);
  });

  test("readyz follows the bus, and asking works again when it is back", async () => {
    const ready = async () => (await get(`${url}/readyz`)).status;
    expect(await ready()).toBe(200);
    await nats.kill();
    await until(async () => (await ready()) === 503);
    expect((await get(`${url}/healthz`)).status).toBe(200);
    await nats.restart();
    await until(async () => (await ready()) === 200);
    await until(async () => (await ask({ prompt: "hi" })).status === 200);
  });

  test("SIGTERM lets a request under way end, takes no new one, and exits 0", async () => {
    [started, aborted, release] = [deferred(), deferred(), deferred()];
    const response = ask({ prompt: "wait" });
    await started.promise;
    gateway.kill("SIGTERM");
    await gateway.line(/process\.stopping/);
    await expect(until(async () => (await get(`${url}/healthz`)).status === 0)).rejects.toThrow("fetch failed");
    release.resolve();
    expect((await response).status).toBe(200);
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  });
});

describe("what cannot work is said in a line, with exit code 1 and without a stack", () => {
  test.each<[Name, Record<string, string>, RegExp]>([
    ["gateway", { HOST: "0.0.0.0" }, /^HOST=0\.0\.0\.0 lets other machines ask, and GATEWAY_TOKEN is not set; set /],
    ["recorder", {}, /^DATABASE_URL is not set: /],
    ["recorder", { DATABASE_URL: "postgresql://u:geheim@127.0.0.1:1/x" }, /^(?!.*geheim).*cannot connect to Postgres/],
  ])("%s with %j", async (name, env, complaint) => {
    const program = start(name, { SYNAPSE_URL: sharedNatsUrl(), MYELIN_MIGRATE: "true", ...env });
    expect(await program.exited).toEqual({ code: 1, signal: null });
    const complaints = program.lines.filter((line) => !line.startsWith("{"));
    expect(complaints).toEqual([expect.stringMatching(complaint)]);
  });

  test("a second signal ends a process that hangs while it stops", async () => {
    const nats = await startOwnNats();
    const namespace = uniqueNamespace();
    const synapse = await connectSynapse(nats.url);
    const stuck = deferred();
    const release = deferred();
    const worker = new Dendrite({ synapse, namespace });
    const neuron = async () => {
      stuck.resolve();
      await release.promise;
      return {};
    };
    worker.attachAxon(new Axon({ neuronId: "worker", neuron }));
    await worker.start();
    const gateway = start("gateway", { SYNAPSE_URL: nats.url, MYELIN_NAMESPACE: namespace, PORT: "0" });
    const response = post(await urlOf(gateway, "gateway.listening"), { prompt: "hi" });
    await stuck.promise;
    gateway.kill("SIGINT");
    await gateway.line(/process\.stopping/);
    gateway.kill("SIGTERM");
    expect(await gateway.exited).toEqual({ code: 143, signal: null });
    await expect(response).rejects.toThrow("fetch failed");
    release.resolve();
    await worker.stop();
    await synapse.drain();
    await nats.stop();
  });
});
expectNoLeaks();

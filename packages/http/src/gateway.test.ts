import { clarify, NeuronFailure, type JsonObject, type NeuronContext } from "@myelin/neuron";
import { setTimeout as sleep } from "node:timers/promises";
import { connectSynapse, createSignal, newTraceId, type Synapse, type SynapseStatus } from "@myelin/bus";
import { Axon, Dendrite, NeuronError } from "@myelin/dendrite";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { FakeRunStore, runOf } from "../../../test/helpers/fake-run-store.ts";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";
import { until } from "../../../test/helpers/with-fleet.ts";
import { bearerToken, loopbackOnly } from "./authorize.ts";
import { createGateway, type GatewayOptions } from "./gateway.ts";
import type { Handler } from "./node-listener.ts";

/** Resolves when the neuron of the prompt `wait` was aborted, with the reason's name. */
let aborted: Promise<string>;
let started: Promise<void>;

/** A worker whose prompts are levers. */
function lever({ prompt }: JsonObject, ctx: NeuronContext): unknown {
  switch (prompt) {
    case "clarify":
      return clarify("In which language?");
    case "refuse":
      throw new NeuronFailure("NOT_TODAY", "it is Sunday");
    case "crash":
      throw new Error("ENOENT /srv/secret");
    case "bare":
      return { value: 7 };
    case "wait":
      return waitForAbort(ctx.signal);
    case "deaf":
      return new Promise((resolve) => setTimeout(resolve, 200, { response: "late" }));
    case "metadata":
      return { response: [ctx.metadata, ctx.tenantId, ctx.traceId] };
    default:
      return { response: `You said: ${String(prompt)}` };
  }
}
let onStarted = () => {};
let onAborted = (_: string) => {};
function waitForAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      onAborted((signal.reason as Error).name);
      reject(signal.reason as Error);
    });
    onStarted();
  });
}

let synapse: Synapse;
let worker: Dendrite;
let dendrite: Dendrite;
let gateway: Handler;

beforeAll(async () => {
  synapse = await connectSynapse("memory://");
  worker = new Dendrite({ synapse });
  worker.attachAxon(new Axon({ neuronId: "worker", neuron: lever }));
  dendrite = new Dendrite({ synapse, discoverMs: 20 });
  await Promise.all([worker.start(), dendrite.start()]);
  gateway = make();
});
afterAll(async () => {
  await dendrite.stop();
  await worker.stop();
  await synapse.drain();
});
expectNoLeaks();

function make(options: Partial<GatewayOptions> = {}): Handler {
  return createGateway({ dendrite, synapse, authorize: loopbackOnly(), ...options });
}
const get = (path: string, init: RequestInit = {}) => new Request(`http://localhost${path}`, init);
function post(body: unknown, init: RequestInit = {}): Request {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return get("/ask", {
    method: "POST",
    body: text,
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
  });
}
async function problemOf(response: Promise<Response>): Promise<Record<string, unknown>> {
  const resolved = await response;
  expect(resolved.headers.get("content-type")).toBe("application/problem+json");
  const body = (await resolved.json()) as Record<string, unknown>;
  expect(body).toMatchObject({ type: "about:blank", status: resolved.status, title: expect.any(String) });
  return body;
}

describe("POST /ask", () => {
  test("answers a prompt with the response, its run, its trace and who answered", async () => {
    const traceId = newTraceId();
    const response = await gateway(post({ prompt: "hi", traceId }));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({
      response: "You said: hi",
      traceId,
      runId: expect.stringMatching(/^run_/),
      worker: { neuron: "worker", instance: worker.instance },
    });
  });

  test("hands on metadata and the tenant of the caller's scope", async () => {
    const scoped = make({ authorize: () => ({ tenantId: "acme" }) });
    const traceId = newTraceId();
    const response = await scoped(post({ prompt: "metadata", metadata: { thread_id: "t1" }, traceId }));
    expect(await response.json()).toMatchObject({ response: [{ thread_id: "t1" }, "acme", traceId] });
  });

  test("gives the whole output of a neuron that has no response in it", async () => {
    expect(await (await gateway(post({ prompt: "bare" }))).json()).toMatchObject({ response: { value: 7 } });
  });

  test.each([
    ["not json", "BAD_JSON", "not JSON"],
    ["", "BAD_JSON", "empty"],
    ['{"prompt": "\xff"', "BAD_JSON", "not JSON"],
    ['{"prompt": 7}', "BAD_BODY", "prompt must be text, got 7"],
    ['{"__proto__": {"prompt": "a"}}', "BAD_BODY", "prompt must be text, got none"],
  ])("400 for %p", async (body, code, detail) => {
    expect(await problemOf(gateway(post(body)))).toMatchObject({
      status: 400,
      code,
      detail: expect.stringContaining(detail),
    });
  });

  test("400 for bytes that are not UTF-8", async () => {
    const body = new Uint8Array([...Buffer.from('{"prompt":"'), 0xff, ...Buffer.from('"}')]);
    const request = get("/ask", { method: "POST", body, headers: { "content-type": "application/json" } });
    expect(await problemOf(gateway(request))).toMatchObject({ status: 400, code: "BAD_JSON" });
  });

  test("400 for JSON nested deeper than can be written again", async () => {
    const metadata = `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`;
    const response = problemOf(gateway(post(`{"prompt":"hi","metadata":${metadata}}`)));
    expect(await response).toMatchObject({ status: 400 });
  });

  test.each([undefined, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])(
    "415 for the content type %p",
    async (type) => {
      const request = get("/ask", { method: "POST", body: "{}", headers: { "content-type": type ?? "" } });
      expect(await problemOf(gateway(request))).toMatchObject({ status: 415, code: "UNSUPPORTED_MEDIA_TYPE" });
    },
  );

  test("takes a content type with a charset", async () => {
    const headers = { "content-type": "Application/JSON; charset=utf-8" };
    expect((await gateway(post({ prompt: "hi" }, { headers }))).status).toBe(200);
  });

  test("413 while the body is still coming, without its end and whatever its length says", async () => {
    const limited = make({ maxBodyBytes: 1_000 });
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 100;
        controller.enqueue(new Uint8Array(100).fill(32));
      },
    });
    const headers = { "content-type": "application/json" };
    const response = problemOf(limited(get("/ask", { method: "POST", body: endless, duplex: "half", headers })));
    expect(await response).toMatchObject({ status: 413, code: "PAYLOAD_TOO_LARGE", maxBytes: 1_000 });
    expect(sent).toBeLessThan(2_000);
  });

  test("takes a body of exactly the limit, and 1 MiB is the default", async () => {
    const body = JSON.stringify({ prompt: "hi" });
    expect((await make({ maxBodyBytes: body.length })(post(body))).status).toBe(200);
    const large = " ".repeat(1_048_576 - body.length) + body;
    expect((await gateway(post(large))).status).toBe(200);
    expect((await gateway(post(` ${large}`))).status).toBe(413);
  });

  test("413 for what fits the body limit and not the bus", async () => {
    await using small = await connectSynapse("memory://", { maxPayloadBytes: 1_000_000 });
    const narrow = new Dendrite({ synapse: small, discoverMs: 20 });
    narrow.attachAxon(new Axon({ neuronId: "worker", neuron: lever }));
    await using _stopped = { [Symbol.asyncDispose]: () => narrow.stop() };
    await narrow.start();
    const roomy = make({ dendrite: narrow, maxBodyBytes: 3_000_000 });
    const response = problemOf(roomy(post({ prompt: "x".repeat(2_000_000) })));
    expect(await response).toMatchObject({ status: 413, code: "PAYLOAD_TOO_LARGE" });
  });

  test("409 with the question when the run pauses", async () => {
    expect(await problemOf(gateway(post({ prompt: "clarify" })))).toMatchObject({
      status: 409,
      code: "NEURON_PAUSED",
      pause: "CLARIFICATION",
      question: "In which language?",
      runId: expect.stringMatching(/^run_/),
    });
  });

  test("502 when the neuron fails: its own words, but not those of a crash", async () => {
    const refused = await problemOf(gateway(post({ prompt: "refuse" })));
    expect(refused).toMatchObject({ status: 502, code: "NOT_TODAY", detail: expect.stringContaining("it is Sunday") });
    const crashed = await problemOf(gateway(post({ prompt: "crash" })));
    expect(crashed).toMatchObject({ status: 502, code: "NEURON_EXCEPTION" });
    expect(JSON.stringify(crashed)).not.toContain("/srv/secret");
  });

  test("503 with Retry-After when nobody hosts the neuron", async () => {
    const response = await make({ neuron: "nobody" })(post({ prompt: "hi" }));
    expect(response.headers.get("retry-after")).toBe("2");
    expect(await problemOf(Promise.resolve(response))).toMatchObject({
      status: 503,
      code: "NO_WORKER",
      detail: expect.stringContaining('neuron "nobody"'),
    });
  });

  test("504 when no answer comes in the time of the body, or of the gateway", async () => {
    const timeout = { status: 504, code: "DISPATCH_TIMEOUT", runId: expect.stringMatching(/^run_/) };
    for (const prompt of ["wait", "deaf"]) {
      expect(await problemOf(gateway(post({ prompt, timeoutMs: 50 })))).toMatchObject(timeout);
      expect(await problemOf(make({ timeoutMs: 50 })(post({ prompt })))).toMatchObject(timeout);
    }
  });

  test("504 also when the worker's abort at the deadline overtakes the timer of the dispatch", async () => {
    const payload = { code: "CANCELLED", message: "cancelled", recoverable: false };
    const directed = { id: "worker", type: null, capabilities: [] };
    const meta = { run_id: "run_1" };
    const failed = createSignal({ type: "ERROR", trace_id: newTraceId(), directed, payload, meta });
    const overtaken = {
      isRunning: true,
      dispatchAndWait: async () => {
        await sleep(20);
        throw new NeuronError(payload, failed);
      },
    } as unknown as Dendrite;
    const late = make({ dendrite: overtaken });
    expect(await problemOf(late(post({ prompt: "hi", timeoutMs: 19 })))).toMatchObject({
      status: 504,
      code: "DISPATCH_TIMEOUT",
      runId: "run_1",
      traceId: failed.trace_id,
    });
    expect(await problemOf(late(post({ prompt: "hi", timeoutMs: 5_000 })))).toMatchObject({ status: 502 });
  });

  test("400 for more time than the gateway gives", async () => {
    const response = problemOf(make({ maxTimeoutMs: 1_000 })(post({ prompt: "hi", timeoutMs: 1_001 })));
    expect(await response).toMatchObject({ status: 400, detail: "timeoutMs must be at most 1000, got 1001" });
  });

  test("the client going away aborts the run in the worker", async () => {
    started = new Promise((resolve) => (onStarted = resolve));
    aborted = new Promise((resolve) => (onAborted = resolve));
    const client = new AbortController();
    const statuses: number[] = [];
    const observed = make({ observer: { requestEnded: ({ status }) => statuses.push(status) } });
    const response = observed(post({ prompt: "wait" }, { signal: client.signal }));
    await started;
    client.abort();
    expect((await response).status).toBe(499);
    expect(await aborted).toBe("AbortError");
    expect(statuses).toEqual([499]);
    expect(dendrite.stats().waiting).toBe(0);
  });

  test("503 while the process stops", async () => {
    const stopping = new Dendrite({ synapse });
    await stopping.start();
    await stopping.stop();
    const response = problemOf(make({ dendrite: stopping })(post({ prompt: "hi" })));
    expect(await response).toMatchObject({ status: 503, code: "STOPPING" });
  });
});

describe("an Idempotency-Key", () => {
  const ask = (key: string, prompt = "hi", of = gateway) =>
    of(post({ prompt }, { headers: { "idempotency-key": key } }));
  const runOf = async (response: Promise<Response>) => ((await (await response).json()) as { runId: string }).runId;

  test("makes one run of all requests that carry it, also of those at once", async () => {
    const key = newTraceId();
    const runs = await Promise.all(Array.from({ length: 10 }, () => runOf(ask(key))));
    expect(new Set([...runs, await runOf(ask(key))]).size).toBe(1);
    expect(await runOf(ask(`${key}-other`))).not.toBe(runs[0]);
  });

  test("is 409 with the run it stands for when the body is another", async () => {
    const key = newTraceId();
    const runId = await runOf(ask(key));
    const problem = { status: 409, code: "IDEMPOTENCY_CONFLICT", runId };
    expect(await problemOf(ask(key, "something else"))).toMatchObject(problem);
  });

  test("is each tenant's own", async () => {
    const key = newTraceId();
    const tenants = ["acme", "other"].map((tenantId) => make({ authorize: () => ({ tenantId }) }));
    const runs = await Promise.all(tenants.map((of) => runOf(ask(key, "hi", of))));
    expect(new Set(runs).size).toBe(2);
  });

  test.each([
    ["empty", "", 0],
    ["longer than 255 characters", "k".repeat(256), 256],
  ])("that is %s is 400", async (_what, key, length) => {
    const detail = `Idempotency-Key must have 1 to 255 characters, got ${length}`;
    expect(await problemOf(ask(key))).toMatchObject({ status: 400, code: "BAD_REQUEST", detail });
    expect((await ask("k".repeat(255))).status).toBe(200);
  });
});

describe("POST /traces/:id/stop", () => {
  const stop = (traceId: string, body?: string, headers: Record<string, string> = {}) =>
    get(`/traces/${traceId}/stop`, { method: "POST", ...(body !== undefined && { body }), headers });
  const JSON_TYPE = { "content-type": "application/json" };

  test("stops what runs on the trace, whoever asked for it", async () => {
    started = new Promise((resolve) => (onStarted = resolve));
    aborted = new Promise((resolve) => (onAborted = resolve));
    const traceId = newTraceId();
    const waiting = problemOf(gateway(post({ prompt: "wait", traceId })));
    await started;
    const response = await gateway(stop(traceId, '{"reason": "enough"}', JSON_TYPE));
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ traceId });
    expect(await aborted).toBe("AbortError");
    expect(await waiting).toMatchObject({
      status: 502,
      code: "STOPPED",
      traceId,
      detail: expect.stringContaining("enough"),
    });
  });

  test("is 202 for a trace that nothing runs on, without a body, and with an empty object", async () => {
    expect((await gateway(stop(newTraceId()))).status).toBe(202);
    expect((await gateway(stop(newTraceId(), "", { "content-type": "text/plain" }))).status).toBe(202);
    expect((await gateway(stop(newTraceId(), "{}", JSON_TYPE))).status).toBe(202);
  });

  test.each([
    ["run_1", undefined, "BAD_REQUEST", "a trace id is trc_"],
    ["trc_%20", undefined, "BAD_REQUEST", "a trace id is trc_"],
    [`trc_${"x".repeat(80)}`, undefined, "BAD_REQUEST", "a trace id is trc_"],
    ["trc_1", '{"reason": 7}', "BAD_BODY", "must have a reason of 1 to 1000 characters"],
    ["trc_1", '{"reason": " "}', "BAD_BODY", "must have a reason"],
    ["trc_1", '{"why": "x"}', "BAD_BODY", 'has an unknown key "why"; known is reason'],
    ["trc_1", "[]", "BAD_BODY", "must be empty, or an object"],
    ["trc_1", "null", "BAD_BODY", "must be empty, or an object"],
    ["trc_1", "{", "BAD_JSON", "not JSON"],
  ])("is 400 for %s with %s", async (traceId, body, code, detail) => {
    const problem = { status: 400, code, detail: expect.stringContaining(detail) };
    expect(await problemOf(gateway(stop(traceId, body, JSON_TYPE)))).toMatchObject(problem);
  });

  test("is 415 for a body of another type, 413 for a long one, 405 for GET, 404 for a path that is almost it", async () => {
    expect((await gateway(stop("trc_1", "reason=x"))).status).toBe(415);
    const long = JSON.stringify({ reason: "x".repeat(20_000) });
    expect((await gateway(stop("trc_1", long, JSON_TYPE))).status).toBe(413);
    expect((await gateway(get("/traces/trc_1/stop"))).status).toBe(405);
    for (const path of [
      "/traces/:id",
      "/traces//stop/x",
      "/traces/trc_1",
      "/traces/trc_1/stop/",
      "/traces/:id/stop/now",
    ]) {
      expect((await gateway(get(path, { method: "POST" }))).status).toBe(404);
    }
  });

  test("is authorised like /ask, and counted under one label", async () => {
    const seen: string[] = [];
    const observer = {
      requestEnded: ({ route, status }: { route: string; status: number }) => void seen.push(`${route} ${status}`),
    };
    const guarded = make({ authorize: bearerToken("token-1"), observer });
    expect((await guarded(stop("trc_1"))).status).toBe(401);
    expect((await guarded(stop("trc_2", undefined, { authorization: "Bearer token-1" }))).status).toBe(202);
    expect(seen).toEqual(["/traces/:id/stop 401", "/traces/:id/stop 202"]);
  });

  test("is 503 while the process stops", async () => {
    const stopping = new Dendrite({ synapse });
    await stopping.start();
    await stopping.stop();
    const response = problemOf(make({ dendrite: stopping })(stop("trc_1")));
    expect(await response).toMatchObject({ status: 503, code: "STOPPING" });
  });

  describe("H1: for who is of a tenant", () => {
    const stopped: unknown[] = [];
    const stopper = {
      isRunning: true,
      dispatchAndWait: () => Promise.reject(new Error("not here")),
      stopTrace: async (traceId: string, options: object = {}) => void stopped.push({ traceId, ...options }),
    };

    test("stops what is its own, on any trace: the answer says nothing of what others run there", async () => {
      const guarded = make({ dendrite: stopper, authorize: () => ({ tenantId: "acme" }) });
      const response = await guarded(stop("trc_1", '{"reason": "enough"}', JSON_TYPE));
      expect([response.status, await response.json()]).toEqual([202, { traceId: "trc_1" }]);
      expect(stopped.splice(0)).toEqual([{ traceId: "trc_1", tenantId: "acme", reason: "enough" }]);
    });

    test("who is of no tenant stops all of it", async () => {
      expect((await make({ dendrite: stopper })(stop("trc_2"))).status).toBe(202);
      expect(stopped.splice(0)).toEqual([{ traceId: "trc_2", tenantId: undefined }]);
    });
  });
});

describe("the run routes", () => {
  test("are served beside the gateway's own, with its token, its places and its labels", async () => {
    const store = new FakeRunStore();
    store.addRun(runOf("run_1"));
    const seen: string[] = [];
    const observer = { requestEnded: ({ route }: { route: string }) => void seen.push(route) };
    const both = make({ authorize: bearerToken("token-1"), runs: { store }, observer });
    expect((await both(get("/runs/run_1"))).status).toBe(401);
    const headers = { authorization: "Bearer token-1" };
    expect(await (await both(get("/runs/run_1", { headers }))).json()).toMatchObject({ run_id: "run_1" });
    expect((await both(get("/openapi.json"))).status).toBe(200);
    expect((await both(get("/runs", { method: "POST", headers }))).status).toBe(405);
    expect((await both(post({ prompt: "hi" }, { headers }))).status).toBe(200);
    expect(seen).toEqual(["/runs/:id", "/runs/:id", "/openapi.json", "/runs", "/ask"]);
  });

  test("are not there without the option", async () => {
    expect((await gateway(get("/runs"))).status).toBe(404);
  });
});

describe("more than the gateway holds", () => {
  /** A request whose body is asked for only when it is read. */
  function lazyPost(): { request: Request; wasRead: () => boolean } {
    let pulled = false;
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          pulled = true;
          controller.enqueue(Buffer.from('{"prompt": "hi"}'));
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { "content-type": "application/json" };
    return { request: get("/ask", { method: "POST", body, duplex: "half", headers }), wasRead: () => pulled };
  }

  test("is 503 with Retry-After before its body is read or anybody is asked about it; health is still served", async () => {
    let asked = 0;
    const full = make({ maxInFlight: 2, authorize: () => (asked++, {}) });
    const client = new AbortController();
    const waiting = [1, 2].map(() => full(post({ prompt: "wait" }, { signal: client.signal })));
    await until(() => dendrite.stats().waiting === 2);
    const { request, wasRead } = lazyPost();
    const response = await full(request);
    expect(response.headers.get("retry-after")).toBe("2");
    expect(await problemOf(Promise.resolve(response))).toMatchObject({
      status: 503,
      code: "OVERLOADED",
      detail: "2 requests are under way, which is the most; try again",
    });
    expect([wasRead(), asked]).toEqual([false, 2]);
    expect((await full(get("/healthz"))).status).toBe(200);
    expect((await full(get("/readyz"))).status).toBe(200);
    client.abort();
    await Promise.all(waiting);
    const next = lazyPost();
    expect((await full(next.request)).status).toBe(200);
    expect(next.wasRead()).toBe(true);
  });

  test("is 503 when all bodies together are too much, by what they say and by what comes", async () => {
    const body = JSON.stringify({ prompt: "wait" });
    const full = make({ maxInFlightBytes: 100 });
    const client = new AbortController();
    const waiting = full(post({ prompt: "wait" }, { signal: client.signal }));
    await until(() => dendrite.stats().waiting === 1);
    const claiming = post({ prompt: "hi" }, { headers: { "content-length": `${101 - body.length}` } });
    expect(await problemOf(full(claiming))).toMatchObject({ status: 503, code: "OVERLOADED" });
    expect(await problemOf(full(post({ prompt: "x".repeat(80) })))).toMatchObject({ status: 503, code: "OVERLOADED" });
    expect((await full(post({ prompt: "hi" }))).status).toBe(200);
    client.abort();
    await waiting;
    expect((await full(post({ prompt: "x".repeat(80) }))).status).toBe(200);
  });

  test("gives its place back whatever becomes of the request", async () => {
    const narrow = make({ maxInFlight: 1, maxInFlightBytes: 200, maxBodyBytes: 150 });
    for (const request of [
      () => post("not json"),
      () => post({ prompt: "x".repeat(140) }),
      () => post({ prompt: "refuse" }),
      () => post({ prompt: "hi" }, { headers: { "content-type": "text/plain" } }),
    ]) {
      expect((await narrow(request())).status).not.toBe(503);
    }
    expect((await narrow(post({ prompt: "hi" }))).status).toBe(200);
  });
});

describe("authorize", () => {
  const guarded = () =>
    make({ authorize: bearerToken("token-1"), metrics: async () => ({ contentType: "t", body: "" }) });

  test("401 without the token, before the body is looked at, and 200 with it", async () => {
    const response = await guarded()(post("not json"));
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect(await problemOf(Promise.resolve(response))).toMatchObject({ status: 401, code: "UNAUTHORIZED" });
    const headers = { authorization: "Bearer token-1" };
    expect((await guarded()(post({ prompt: "hi" }, { headers }))).status).toBe(200);
  });

  test("guards the metrics, and not the health", async () => {
    expect((await guarded()(get("/metrics"))).status).toBe(401);
    expect((await guarded()(get("/healthz"))).status).toBe(200);
    expect((await guarded()(get("/readyz"))).status).toBe(200);
  });

  test("500 without a word when it throws, and the log hears of it", async () => {
    const logged: object[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => void logged.push(fields) };
    const broken = make({ authorize: () => Promise.reject(new Error("db password")), logger });
    const problem = await problemOf(broken(post({ prompt: "hi" })));
    expect(problem).toMatchObject({ status: 500, code: "INTERNAL" });
    expect(JSON.stringify(problem)).not.toContain("password");
    expect(logged).toEqual([expect.objectContaining({ err: expect.objectContaining({ message: "db password" }) })]);
  });

  test("is required: a gateway for everybody must be said", () => {
    expect(() => make({ authorize: undefined as never })).toThrow("authorize must be a function");
  });
});

describe("other routes", () => {
  test("healthz, readyz and metrics", async () => {
    expect(await (await gateway(get("/healthz"))).json()).toEqual({ status: "ok" });
    expect(await (await gateway(get("/readyz"))).json()).toEqual({ status: "ready" });
    const metrics = make({ metrics: async () => ({ contentType: "text/plain; version=0.0.4", body: "up 1\n" }) });
    const response = await metrics(get("/metrics"));
    expect([response.headers.get("content-type"), await response.text()]).toEqual([
      "text/plain; version=0.0.4",
      "up 1\n",
    ]);
  });

  test("readyz is 503 before the start, while the bus is away, and after the stop", async () => {
    let say: (status: SynapseStatus) => void = () => {};
    const lever = { onStatus: (listener: typeof say) => ((say = listener), { [Symbol.dispose]() {} }) };
    const own = new Dendrite({ synapse });
    const probe = make({ dendrite: own, synapse: lever });
    const status = async () => (await probe(get("/readyz"))).status;
    expect(await status()).toBe(503);
    await own.start();
    expect(await status()).toBe(200);
    say({ type: "disconnected" });
    expect(await problemOf(probe(get("/readyz")))).toMatchObject({
      code: "NOT_READY",
      detail: expect.stringContaining("bus"),
    });
    say({ type: "reconnected" });
    expect(await status()).toBe(200);
    await own.stop();
    expect(await status()).toBe(503);
    expect((await probe(get("/healthz"))).status).toBe(200);
  });

  test.each(["/", "/ask/", "/metrics", "/__proto__", "/constructor", "/ASK"])("404 for %s", async (path) => {
    expect(await problemOf(gateway(get(path)))).toMatchObject({ status: 404, code: "NOT_FOUND" });
  });

  test.each([
    ["/ask", "GET", "POST"],
    ["/ask", "DELETE", "POST"],
    ["/healthz", "POST", "GET, HEAD"],
    ["/readyz", "BREW", "GET, HEAD"],
  ])("405 with Allow for %s %s", async (path, method, allow) => {
    const response = await gateway(get(path, { method }));
    expect([response.status, response.headers.get("allow")]).toEqual([405, allow]);
  });

  test("HEAD is served like GET", async () => {
    expect((await gateway(get("/healthz", { method: "HEAD" }))).status).toBe(200);
  });

  test("an observer hears of every request under labels that a client cannot multiply", async () => {
    const seen: string[] = [];
    const observed = make({
      observer: {
        requestEnded: ({ route, method, status, ms }) => seen.push(`${method} ${route} ${status} ${ms > 0}`),
      },
    });
    await observed(get("/healthz"));
    await observed(get("/random-path"));
    await observed(get("/ask", { method: "BREW" }));
    expect(seen).toEqual(["GET /healthz 200 true", "GET other 404 true", "other /ask 405 true"]);
  });

  test.each([
    ["timeoutMs", { timeoutMs: 0 }],
    ["maxTimeoutMs", { maxTimeoutMs: 1.5 }],
    ["maxBodyBytes", { maxBodyBytes: -1 }],
    ["maxInFlight", { maxInFlight: 0 }],
    ["maxInFlightBytes", { maxInFlightBytes: 0.5 }],
    ["timeoutMs", { timeoutMs: 2_000, maxTimeoutMs: 1_000 }],
    ["neuron id", { neuron: "a b" }],
  ])("a wrong %s is refused when the gateway is made", (name, options) => {
    expect(() => make(options)).toThrow(name);
  });
});

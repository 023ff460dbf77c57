/** The run router without a database and a bus: what is asked of them, and what a client gets. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "@jest/globals";
import { RunStoreError } from "@myelin/runs";
import type { RunResult, RunStreamEvent, Submitted } from "@myelin/dendrite";
import {
  GuardrailBlockedError,
  InvalidToolResultError,
  NoWorkerError,
  PauseExpiredError,
  PauseStatusMismatchError,
  RunAlreadyClaimedError,
  RunAlreadyTerminalError,
  RunNotFoundError,
  RunNotPausedError,
  RunNotTerminalError,
  UnknownNameError,
} from "@myelin/dendrite";
import { eventOf, FakeRunStore, runOf } from "../../../../test/helpers/fake-run-store.ts";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { deferred, echoAxon, until, withFleet } from "../../../../test/helpers/with-fleet.ts";
import { bearerToken, type Scope } from "../authorize.ts";
import type { Handler } from "../node-listener.ts";
import { HttpProblem } from "../problem.ts";
import { ANSWERS, type AnswerName } from "./answers.ts";
import { OPERATIONS, type Operation, type OperationId } from "./operations.ts";
import { createRunRouter, type RunRouterOptions } from "./run-router.ts";
import type { RunVerbs } from "./run-parts.ts";

expectNoLeaks();

const RESULT: RunResult = {
  runId: "run_1",
  traceId: "trc_1",
  status: "success",
  answer: "done",
  output: { refundId: 3 },
  model: "anthropic:claude",
  iterationCount: 2,
  usage: {
    inputTokens: 10,
    outputTokens: 5,
    cacheReadInputTokens: null,
    cacheCreationInputTokens: null,
    reasoningTokens: null,
  },
  costUsd: 0.001,
  pause: null,
};
const PENDING = {
  callId: "call_1",
  toolName: "refund",
  params: { orderId: 7 },
  target: "server" as const,
  needs: "approval" as const,
  childRunId: null,
  childAgent: null,
};
const PAUSED: RunResult = {
  ...RESULT,
  status: "waiting_approval",
  answer: null,
  pause: {
    pauseId: "pause_1",
    status: "waiting_approval",
    question: "May refund run?",
    reason: "approval",
    pending: [PENDING],
    options: [],
    assignees: [],
    expiresAt: new Date("2026-11-21T00:00:00Z"),
  },
};
const entry = { runId: "run_1", iteration: 0, eventType: null, data: { orderId: 7 } };
const STORY: RunStreamEvent[] = [
  { ...entry, type: "run_started", sequenceIndex: 0, traceId: "trc_1", agentName: "support", model: "m" },
  { type: "text_delta", runId: "run_1", sequenceIndex: null, text: "do" },
  { ...entry, type: "run_completed", sequenceIndex: 1, result: RESULT },
];

/** `dendrite.runs` with levers: what it was asked, and what it does. */
class FakeVerbs implements RunVerbs {
  readonly asked: [string, ...unknown[]][] = [];
  failure: Error | null = null;
  result: RunResult = RESULT;
  isResumed = true;
  story: RunStreamEvent[] = STORY;
  /** Streams that are open. */
  open = 0;
  /** The story goes on behind its last event when this resolves. */
  gate: Promise<void> = Promise.resolve();

  #ask(verb: string, ...args: unknown[]): void {
    this.asked.push([verb, ...args]);
    if (this.failure) throw this.failure;
  }
  #submit(): Submitted {
    const { isResumed } = this;
    const result = async () => this.result;
    return { runId: "run_1", traceId: "trc_1", isResumed, pending: isResumed ? [] : [PENDING], result };
  }
  async start(...args: unknown[]) {
    this.#ask("start", ...args);
    return { runId: "run_2", traceId: "trc_2" } as never;
  }
  async run(...args: unknown[]) {
    this.#ask("run", ...args);
    return this.result;
  }
  async *#tell(signal: AbortSignal | undefined) {
    this.open++;
    try {
      for (const event of this.story) yield event;
      await Promise.race([this.gate, new Promise((resolve) => signal?.addEventListener("abort", resolve))]);
    } finally {
      this.open--;
    }
  }
  async *stream(...args: Parameters<RunVerbs["stream"]>) {
    this.#ask("stream", ...args);
    yield* this.#tell(args[1].signal);
  }
  async *follow(...args: Parameters<RunVerbs["follow"]>) {
    this.#ask("follow", ...args);
    yield* this.#tell(args[1]?.signal);
  }
  async submitApproval(...args: unknown[]) {
    this.#ask("submitApproval", ...args);
    return this.#submit();
  }
  async submitInput(...args: unknown[]) {
    this.#ask("submitInput", ...args);
    return this.#submit();
  }
  async submitToolResults(...args: unknown[]) {
    this.#ask("submitToolResults", ...args);
    return this.#submit();
  }
  async cancelRun(...args: unknown[]) {
    this.#ask("cancelRun", ...args);
    return { runId: "run_1", traceId: "trc_1", status: "cancelled" as const };
  }
  async retry(...args: unknown[]) {
    this.#ask("retry", ...args);
    return this.result;
  }
  async startRetry(...args: unknown[]) {
    this.#ask("startRetry", ...args);
    return { runId: "run_2", traceId: "trc_2" } as never;
  }
}

interface Kit {
  store: FakeRunStore;
  verbs: FakeVerbs;
  router: Handler;
}
function kit(options: Partial<RunRouterOptions> = {}): Kit {
  const store = new FakeRunStore();
  const verbs = new FakeVerbs();
  store.addRun(runOf("run_1", { tenantId: "acme" }), [eventOf(0), eventOf(1, "llm.completed")]);
  return {
    store,
    verbs,
    router: createRunRouter({ store, dendrite: { runs: verbs }, authorize: () => ({}), ...options }),
  };
}
const get = (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
  new Request(`http://localhost${path}`, { headers, ...init });
const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  new Request(`http://localhost${path}`, {
    method,
    headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
const post = (path: string, body?: unknown, headers: Record<string, string> = {}) => send("POST", path, body, headers);

async function problemOf(response: Promise<Response>) {
  const resolved = await response;
  expect(resolved.headers.get("content-type")).toBe("application/problem+json");
  const body = (await resolved.json()) as Record<string, unknown>;
  ANSWERS.Problem.parse(body);
  expect(body["status"]).toBe(resolved.status);
  return body;
}
/** The frames of an event stream, as `id event data`. */
async function framesOf(response: Response): Promise<string[]> {
  return (await response.text())
    .split("\n\n")
    .filter((part) => part !== "")
    .map((part) => part.replace(/\n?(id|event|data): /g, " ").trim());
}
async function readUntil(reader: ReadableStreamDefaultReader<string>, wanted: string): Promise<string> {
  let text = "";
  while (!text.includes(wanted)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the stream ended with ${JSON.stringify(text)}, without ${wanted}`);
    text += value;
  }
  return text;
}
const readerOf = (response: Response) => response.body!.pipeThrough(new TextDecoderStream()).getReader();

/** A request that goes well, for each operation. */
const GOOD: { readonly [id in OperationId]: () => Request } = {
  getHealth: () => get("/health"),
  getOpenApi: () => get("/openapi.json"),
  listRuns: () => get("/runs"),
  getRun: () => get("/runs/run_1"),
  getEvents: () => get("/runs/run_1/events"),
  streamEvents: () => get("/runs/run_1/events/stream?deltas=1"),
  getLlmCalls: () => get("/runs/run_1/llm-calls"),
  getToolCalls: () => get("/runs/run_1/tool-calls"),
  getTraces: () => get("/runs/run_1/traces"),
  getPauses: () => get("/runs/run_1/pauses"),
  getDelegation: () => get("/runs/run_1/delegation"),
  getCosts: () => get("/costs"),
  startRun: () => post("/runs", { agent: "support", text: "hi" }),
  streamRun: () => post("/runs/stream", { agent: "support", text: "hi" }),
  submitApproval: () => post("/runs/run_1/approval", { approved: true }),
  submitInput: () => post("/runs/run_1/input", { text: "yes" }),
  submitToolResults: () => post("/runs/run_1/tool-results", { results: [{ call_id: "call_1", result: 3 }] }),
  cancelRun: () => post("/runs/run_1/cancel"),
  deleteRun: () => send("DELETE", "/runs/run_1"),
  retryRun: () => post("/runs/run_1/retry"),
};
const TABLE = Object.entries(OPERATIONS) as unknown as [OperationId, Operation][];

/** Holds an answer against what the table, and so the document, says. */
async function expectDocumented(operation: Operation, response: Response): Promise<void> {
  const documented = operation.answers[response.status];
  if (documented === undefined) throw new Error(`${response.status} is not documented: ${await response.text()}`);
  if (documented === null) return expect(response.body).toBeNull();
  const type = response.headers.get("content-type");
  if (documented === "event-stream") {
    expect(type).toBe("text/event-stream; charset=utf-8");
    return void (await response.text());
  }
  expect(type).toBe("application/json");
  const names = (typeof documented === "string" ? [documented] : documented) as AnswerName[];
  const body: unknown = await response.json();
  expect(names.map((name) => ANSWERS[name].safeParse(body)).find(({ success }) => success)?.data).toEqual(body);
}

describe("every route", () => {
  test.each(TABLE)("%s answers what the document says", async (id, operation) => {
    await expectDocumented(operation, await kit().router(GOOD[id]()));
  });

  test.each(TABLE.filter(([, { guard }]) => guard !== "open"))("%s is 401 for who is not known", async (id) => {
    const { router, store, verbs } = kit({ authorize: bearerToken("token-1") });
    expect(await problemOf(router(GOOD[id]()))).toMatchObject({ status: 401, code: "UNAUTHORIZED" });
    expect([store.asked, verbs.asked]).toEqual([[], []]);
  });

  test.each(TABLE.filter(([, { guard }]) => guard === "open"))("%s is for everybody", async (id, operation) => {
    await expectDocumented(operation, await kit({ authorize: () => null }).router(GOOD[id]()));
  });

  test.each(TABLE)("%s refuses a parameter that is unknown, and says which are known", async (id) => {
    const request = GOOD[id]();
    const url = `${request.url}${request.url.includes("?") ? "&" : "?"}statsu=error`;
    const { method, headers } = request;
    const body = method === "POST" ? await request.text() : null;
    const wrong = new Request(url, { method, headers, body });
    expect(await problemOf(kit().router(wrong))).toMatchObject({
      status: 422,
      code: "INVALID_QUERY",
      parameter: "statsu",
      detail: expect.stringContaining("is unknown here; known are"),
    });
  });

  const OF_RUNS = TABLE.filter(([, { path, isWrite }]) => path.includes(":id") && isWrite !== true);
  test.each(OF_RUNS)("H1: %s is 404 for an unknown run and for another tenant's", async (id, operation) => {
    const { router } = kit({ authorize: () => ({ tenantId: "other" }) });
    expect(await problemOf(router(GOOD[id]()))).toMatchObject({ status: 404, code: "RUN_NOT_FOUND" });
    const path = operation.path.replace(":id", "run_unknown");
    expect(await problemOf(kit().router(get(path)))).toMatchObject({ status: 404, run_id: "run_unknown" });
    const own = kit({ authorize: () => ({ tenantId: "acme" }) });
    await expectDocumented(operation, await own.router(GOOD[id]()));
    expect(own.store.asked.map(({ tenantId }) => tenantId)).toEqual(own.store.asked.map(() => "acme"));
  });

  test.each(TABLE.filter(([, { isWrite }]) => isWrite))(
    "H1: %s hands over the caller's tenant",
    async (id, operation) => {
      const { router, verbs } = kit({ authorize: () => ({ tenantId: "acme" }) });
      await expectDocumented(operation, await router(GOOD[id]()));
      expect(verbs.asked).toEqual([
        [expect.any(String), expect.any(String), expect.objectContaining({ tenantId: "acme" })],
      ]);
    },
  );

  test.each(TABLE.filter(([, { path }]) => path.includes(":id")))("%s is 404 for what is no run id", async (id) => {
    const { router, store, verbs } = kit();
    for (const name of ["nope", "run_%00", "run_1%20", `run_${"x".repeat(80)}`]) {
      const { method, url, headers } = GOOD[id]();
      const body = method === "POST" ? await GOOD[id]().text() : null;
      const request = new Request(url.replace("run_1", name), { method, headers, body });
      expect(await problemOf(router(request))).toMatchObject({ status: 404, code: "RUN_NOT_FOUND" });
    }
    expect([store.asked, verbs.asked]).toEqual([[], []]);
  });

  test("without a Dendrite those that write are not there, and not in the document", async () => {
    const router = createRunRouter({ store: new FakeRunStore(), authorize: () => ({}) });
    const { paths } = (await (await router(get("/openapi.json"))).json()) as { paths: Record<string, object> };
    expect(Object.values(paths).flatMap((methods) => Object.keys(methods))).toEqual(
      Object.keys(paths).map(() => "get"),
    );
    expect(await problemOf(router(post("/runs", { agent: "a", text: "b" })))).toMatchObject({ status: 405 });
    expect(await problemOf(router(post("/runs/run_1/approval", {})))).toMatchObject({ status: 404, code: "NOT_FOUND" });
  });

  test("without a store only those that write are there, and in the document; without both it is refused", async () => {
    const authorize = () => ({ tenantId: "acme" });
    const router = createRunRouter({ dendrite: { runs: new FakeVerbs() }, authorize });
    const { paths } = (await (await router(get("/openapi.json"))).json()) as { paths: Record<string, object> };
    const written = TABLE.filter(([, { isWrite, guard }]) => isWrite === true || guard === "open");
    expect(Object.values(paths).flatMap((methods) => Object.keys(methods))).toHaveLength(written.length);
    for (const [id, operation] of written) await expectDocumented(operation, await router(GOOD[id]()));
    expect(await problemOf(router(get("/runs")))).toMatchObject({ status: 405 });
    expect(await problemOf(router(get("/runs/run_1/events")))).toMatchObject({ status: 404, code: "NOT_FOUND" });
    expect(() => createRunRouter({ authorize })).toThrow("give a store, a dendrite, or both");
  });

  test("stands under basePath, and also where a framework took that off", async () => {
    const { router } = kit({ basePath: "/api/v1" });
    for (const path of ["/api/v1/runs/run_1", "/runs/run_1"]) expect((await router(get(path))).status).toBe(200);
    expect((await router(get("/api/v2/runs/run_1"))).status).toBe(404);
    expect(await (await router(get("/api/v1/openapi.json"))).json()).toMatchObject({ servers: [{ url: "/api/v1" }] });
    expect(() => kit({ basePath: "api/" })).toThrow('basePath must be like /api or /api/v1, got "api/"');
  });
});

describe("GET /openapi.json", () => {
  test("is a valid OpenAPI 3.1 document that has every route of the table", async () => {
    const document = (await (await kit().router(get("/openapi.json"))).json()) as Record<string, unknown>;
    expect(await new Validator().validate(document)).toEqual({ valid: true });
    const paths = document["paths"] as Record<string, Record<string, { operationId: string }>>;
    const ids = Object.values(paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
    expect(ids.sort()).toEqual(Object.keys(OPERATIONS).sort());
  });
});

describe("GET /runs", () => {
  const asked = async (query: string, options: Partial<RunRouterOptions> = {}) => {
    const { router, store } = kit(options);
    const response = await router(get(`/runs${query}`));
    return { response, body: (await response.json()) as Record<string, unknown>, args: store.asked[0]?.args };
  };

  test("gives snake_case, dates that new Date parses, and what users stored as it is", async () => {
    const { body } = await asked("");
    const [run] = body["items"] as Record<string, unknown>[];
    expect(run).toMatchObject({
      run_id: "run_1",
      total_input_tokens: 10,
      metadata: { thread_id: "t1", camelCase: { stayAsIs: 1 } },
      created_at: "2026-11-20T15:55:22.456Z",
    });
    expect(new Date(run!["created_at"] as string).getTime()).toBe(Date.parse("2026-11-20T15:55:22.456Z"));
    expect(body).toMatchObject({ total: 1, has_more: false, limit: 50, offset: 0, next_cursor: null });
  });

  test("hands the filter to the store", async () => {
    const query =
      "?status=error&status=running&agent_name=support&parent_run_id=run_0&trace_id=trc_1&tenant_id=acme&retry_of=run_9" +
      "&assignee=ada&started_after=2026-11-20T15:55:22Z&started_before=2026-11-21T00:00:00%2B02:00&limit=7&offset=3";
    const { args } = await asked(query);
    expect(args).toEqual([
      {
        status: ["error", "running"],
        agentName: "support",
        parentRunId: "run_0",
        traceId: "trc_1",
        tenantId: "acme",
        retryOf: "run_9",
        assignee: "ada",
        startedAfter: new Date("2026-11-20T15:55:22Z"),
        startedBefore: new Date("2026-11-20T22:00:00Z"),
        metadataFilter: undefined,
      },
      { limit: 7, offset: 3 },
    ]);
  });

  test.each([
    ["?metadata.thread_id=t1", { thread_id: "t1" }],
    ["?metadata.n=7&metadata.x=-1.5", { n: 7, x: -1.5 }],
    ["?metadata.n=%227%22", { n: "7" }],
    ["?metadata.a=true&metadata.b=false&metadata.c=null", { a: true, b: false, c: null }],
    [
      "?metadata.a=007&metadata.b=1.0&metadata.c=1e3&metadata.d=12345678901234567890",
      { a: "007", b: "1.0", c: "1e3", d: "12345678901234567890" },
    ],
    ["?metadata.o=%7B%22k%22%3A1%7D&metadata.l=[1]", { o: { k: 1 }, l: [1] }],
    ["?metadata.a.b=1&metadata.%C3%A4%3Dx=y&metadata.e=", { "a.b": 1, "ä=x": "y", e: "" }],
    ["?metadata.__proto__=x", JSON.parse('{"__proto__":"x"}') as object],
  ])("%s asks for that metadata", async (query, metadataFilter) => {
    const { args } = await asked(query);
    expect(JSON.stringify((args![0] as { metadataFilter: object }).metadataFilter)).toBe(
      JSON.stringify(metadataFilter),
    );
  });

  test("a time whose + was not escaped is taken for what it is", async () => {
    const { args } = await asked("?started_after=2026-11-20T15:55:22+02:00");
    expect(args![0]).toMatchObject({ startedAfter: new Date("2026-11-20T13:55:22Z") });
  });

  test.each([
    ["limit=0", 'limit must be a whole number from 1 to 1000, got "0"'],
    ["limit=1001", "limit must be a whole number from 1 to 1000"],
    ["limit=ten", "limit must be a whole number from 1 to 1000"],
    ["limit=1e2", "limit must be a whole number"],
    ["limit=", "limit must be a whole number"],
    ["limit=1&limit=2", "limit must be given once, got 2 times"],
    ["offset=-1", "offset must be a whole number from 0"],
    ["status=bogus", "status must be running, waiting_client_tool"],
    ["status=", "status must be running"],
    ["agent_name=", "agent_name must be text of 1 to 1000 characters"],
    ["agent_name=%00", "agent_name must be text"],
    ["started_after=2026-11-20", "started_after must be a time with its zone, as 2026-11-20T15:55:22Z"],
    ["started_after=2026-11-20T15:55:22", "with its zone"],
    ["started_before=2026-02-30T00:00:00Z", "started_before must be a time"],
    ["started_before=yesterday", "started_before must be a time"],
    ["cursor=abc&offset=1", "cursor goes not together with offset"],
    ["metadata.=x", "metadata must"],
    ["metadata=x", "metadata is unknown here; known are status, "],
    ["metadata.a=1&metadata.a=2", 'metadata must be given once for "a"'],
    ["__proto__=1", "__proto__ is unknown here"],
  ])("422 for %s, with the parameter and what is allowed", async (query, detail) => {
    const { body, args } = await asked(`?${query}`);
    expect(body).toMatchObject({ status: 422, code: "INVALID_QUERY", detail: expect.stringContaining(detail) });
    expect(args).toBeUndefined();
  });

  test("H1: who is of a tenant sees that one's runs only, and cannot ask for another's", async () => {
    const { body } = await asked("?tenant_id=other", { authorize: () => ({ tenantId: "acme" }) });
    expect(body).toMatchObject({ status: 422, parameter: "tenant_id" });
    const { router, store } = kit({ authorize: () => ({ tenantId: "other" }) });
    expect(await (await router(get("/runs"))).json()).toMatchObject({ items: [], total: 0 });
    expect(store.asked.map(({ tenantId }) => tenantId)).toEqual(["other", "other"]);
  });

  test("totals are exact up to 10,000, then there are more", async () => {
    const { router, store } = kit();
    store.count = 10_000;
    expect(await (await router(get("/runs"))).json()).toMatchObject({ total: 10_000, has_more: false });
    store.count = 10_001;
    expect(await (await router(get("/runs"))).json()).toMatchObject({ total: 10_000, has_more: true });
    expect(store.asked.find(({ question }) => question === "countRuns")!.args[1]).toEqual({ limit: 10_001 });
  });

  test("pages go by cursor", async () => {
    const { router, store } = kit();
    store.nextCursor = "c2";
    expect(await (await router(get("/runs?cursor=c1"))).json()).toMatchObject({ next_cursor: "c2" });
    expect(store.asked[0]!.args[1]).toEqual({ limit: 50, cursor: "c1" });
  });

  test("parameters that are somebody else's are let through when they are named", async () => {
    const authorize = (request: Request) => (new URL(request.url).searchParams.get("token") === "t" ? {} : null);
    const { response } = await asked("?token=t", { authorize, ignoredParameters: ["token"] });
    expect(response.status).toBe(200);
  });

  test.each([
    ["INVALID_FILTER", 422, "INVALID_QUERY"],
    ["DATABASE_UNAVAILABLE", 503, "DATABASE_UNAVAILABLE"],
    ["NOT_MIGRATED", 503, "NOT_MIGRATED"],
    ["CLOSED", 503, "STOPPING"],
    ["QUERY_FAILED", 500, "INTERNAL"],
  ] as const)("%s of the store is %s %s", async (kind, status, code) => {
    const { router, store } = kit();
    store.outage = new RunStoreError(
      kind,
      kind === "INVALID_FILTER" ? "cursor must be one" : "10.0.0.7 has no relation x",
    );
    const problem = await problemOf(router(get("/runs")));
    expect(problem).toMatchObject({ status, code });
    expect(JSON.stringify(problem)).not.toMatch(/10\.0\.0\.7|relation/);
  });
});

describe("GET /runs/:id/events", () => {
  test("pages go by the index of the last entry, and an empty one echoes it", async () => {
    const { router } = kit();
    const page = async (query: string) => (await (await router(get(`/runs/run_1/events${query}`))).json()) as object;
    expect(await page("?limit=1")).toMatchObject({
      items: [{ sequence_index: 0, data: { toolName: "as it was" } }],
      next_cursor: 0,
    });
    expect(await page("?after=0")).toMatchObject({ items: [{ event_type: "llm.completed" }], next_cursor: 1 });
    expect(await page("?after=1")).toEqual({ items: [], next_cursor: 1 });
  });

  test("a run without a journal has an empty page", async () => {
    const { router, store } = kit();
    store.addRun(runOf("run_plain"));
    expect(await (await router(get("/runs/run_plain/events"))).json()).toEqual({ items: [], next_cursor: null });
  });
});

describe("a run that was started a moment ago", () => {
  test("is waited for until it is recorded", async () => {
    const { router, store } = kit();
    const { newRunId } = await import("@myelin/bus");
    const runId = newRunId();
    const response = router(get(`/runs/${runId}`));
    await until(() => store.asked.length > 1);
    store.addRun(runOf(runId));
    expect((await response).status).toBe(200);
  });
});

describe("GET /runs/:id/events/stream", () => {
  const open = (
    of: Kit,
    path = "/runs/run_1/events/stream",
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ) => of.router(get(path, headers, signal && { signal }));

  test("gives what is there, then each entry as it comes, then the end, and closes", async () => {
    const of = kit();
    const reader = readerOf(await open(of));
    expect(await readUntil(reader, "llm.completed")).toContain("retry: 2000\n\nid: 0\nevent: attempt.started\ndata: {");
    of.store.addEvent("run_1", eventOf(2, "run.completed"));
    const entry = await readUntil(reader, "\n\n");
    const data = JSON.parse(
      /data: (.*)\n/.exec((await Promise.resolve(entry)).split("\n\n").at(-2)! + "\n")![1]!,
    ) as object;
    expect(data).toBeTruthy();
    of.store.endRun("run_1", "success");
    expect(await readUntil(reader, "event: end")).toContain(
      'id: end\nevent: end\ndata: {"run_id":"run_1","status":"success"}\n\n',
    );
    expect((await reader.read()).done).toBe(true);
    await until(() => of.store.openStreams === 0);
  });

  test("data is the entry as GET /events gives it, with a time that parses", async () => {
    const of = kit();
    of.store.endRun("run_1", "success");
    const [, first] = await framesOf(await open(of));
    const data = JSON.parse(first!.slice(first!.indexOf("{"))) as { created_at: string };
    ANSWERS.Event.parse(data);
    expect(Number.isNaN(new Date(data.created_at).getTime())).toBe(false);
  });

  test.each([
    ["Last-Event-ID", "/runs/run_1/events/stream?after=-1", { "last-event-id": "0" }],
    ["after", "/runs/run_1/events/stream?after=0", {}],
    ["after, where Last-Event-ID is empty", "/runs/run_1/events/stream?after=0", { "last-event-id": "" }],
  ])("goes on behind %s, without loss or repetition", async (_what, path, headers) => {
    const of = kit();
    of.store.endRun("run_1", "error");
    const frames = await framesOf(await open(of, path, headers));
    expect(frames.map((frame) => frame.split(" ").slice(0, 2).join(" "))).toEqual([
      "retry: 2000",
      "1 llm.completed",
      "end end",
    ]);
  });

  test.each(["-1", "1.5", "abc", "0x1", "99999999999", "1 or 1"])("422 for the Last-Event-ID %p", async (id) => {
    const problem = await problemOf(open(kit(), undefined, { "last-event-id": id }));
    expect(problem).toMatchObject({
      status: 422,
      parameter: "Last-Event-ID",
      detail: expect.stringContaining("must be the id of a frame"),
    });
  });

  test("204 for who has the end already, so that an EventSource stays away", async () => {
    const of = kit();
    const response = await open(of, undefined, { "last-event-id": "end" });
    expect([response.status, response.body, of.store.openStreams]).toEqual([204, null, 0]);
  });

  test("a run without a journal has only its end", async () => {
    const of = kit();
    of.store.addRun(runOf("run_plain", { status: "success" }));
    const frames = await framesOf(await open(of, "/runs/run_plain/events/stream"));
    expect(frames).toEqual(["retry: 2000", 'end end {"run_id":"run_plain","status":"success"}']);
  });

  test("a comment is sent when nothing happens", async () => {
    const of = kit({ heartbeatMs: 5 });
    const client = new AbortController();
    const reader = readerOf(await open(of, "/runs/run_1/events/stream?after=1", {}, client.signal));
    expect(await readUntil(reader, ": keepalive\n\n: keepalive\n\n")).toContain("retry: 2000");
    client.abort();
  });

  test("a client that leaves frees everything: the source, its place, and no timer is left", async () => {
    const of = kit({ maxStreams: 1 });
    const client = new AbortController();
    const reader = readerOf(await open(of, undefined, {}, client.signal));
    await readUntil(reader, "llm.completed");
    expect(of.store.openStreams).toBe(1);
    expect(await problemOf(open(of))).toMatchObject({ status: 503, code: "OVERLOADED" });
    client.abort();
    await until(() => of.store.openStreams === 0);
    expect((await reader.read()).done).toBe(true);
    of.store.endRun("run_1", "success");
    expect(await framesOf(await open(of))).toHaveLength(4);
  });

  test("cancelling the body frees everything too, also before anything was read", async () => {
    const of = kit({ maxStreams: 1 });
    const reader = readerOf(await open(of));
    await readUntil(reader, "llm.completed");
    await reader.cancel();
    await until(() => of.store.openStreams === 0);
    await (await open(of)).body!.cancel();
    const gone = new AbortController();
    gone.abort();
    await open(of, undefined, {}, gone.signal);
    const head = await of.router(get("/runs/run_1/events/stream", {}, { method: "HEAD" }));
    expect([head.status, head.body]).toEqual([200, null]);
    of.store.endRun("run_1", "success");
    expect(await framesOf(await open(of))).toHaveLength(4);
  });

  test("a client that does not read holds one frame, not a queue", async () => {
    const of = kit();
    let given = 0;
    const events = Array.from({ length: 1_000 }, (_, index) => eventOf(index));
    of.store.addRun(runOf("run_long", { status: "success" }), events);
    const { streamEvents } = of.store;
    of.store.streamEvents = async function* (...args) {
      for await (const event of streamEvents.apply(of.store, args)) {
        given++;
        yield event;
      }
    };
    const response = await open(of, "/runs/run_long/events/stream");
    const reader = response.body!.getReader();
    for (let read = 0; read < 10; read++) await reader.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect(given).toBeLessThanOrEqual(11);
    await reader.cancel();
  });

  test("who may no longer is not served any more", async () => {
    let isAllowed = true;
    const of = kit({ authorize: () => (isAllowed ? {} : null), reauthorizeMs: 5 });
    const reader = readerOf(await open(of));
    await readUntil(reader, "llm.completed");
    isAllowed = false;
    expect((await reader.read()).done).toBe(true);
    await until(() => of.store.openStreams === 0);
  });

  test("who may no longer is cut off also where it does not read", async () => {
    let isAllowed = true;
    const of = kit({ authorize: () => (isAllowed ? {} : null), reauthorizeMs: 5 });
    const reader = (await open(of)).body!.getReader();
    await reader.read();
    await reader.read();
    expect(of.store.openStreams).toBe(1);
    isAllowed = false;
    await until(() => of.store.openStreams === 0);
    expect((await reader.read()).done).toBe(true);
  });

  test("who is allowed and does not read holds its place for some heartbeats only", async () => {
    const of = kit({ heartbeatMs: 5, maxStreams: 1 });
    const reader = (await open(of)).body!.getReader();
    await reader.read();
    await reader.read();
    expect(of.store.openStreams).toBe(1);
    await until(() => of.store.openStreams === 0);
    expect((await reader.read()).done).toBe(true);
    expect((await open(of)).status).toBe(200);
  });

  test("an authorize that fails ends no stream, a null and a 403 do", async () => {
    let asked = 0;
    let answer = (): Scope | null => ({});
    const authorize = () => {
      asked++;
      return answer();
    };
    const problem = new HttpProblem({ status: 403, code: "FORBIDDEN", detail: "no" });
    for (const refuse of [() => null, () => Promise.reject(problem) as never]) {
      answer = () => ({});
      const of = kit({ authorize, reauthorizeMs: 5 });
      const reader = readerOf(await open(of));
      await readUntil(reader, "llm.completed");
      answer = () => {
        throw new Error("who knows is away");
      };
      const before = asked;
      await until(() => asked > before + 2);
      of.store.addEvent("run_1", eventOf(2, "tool.started"));
      await readUntil(reader, "tool.started");
      answer = refuse;
      expect((await reader.read()).done).toBe(true);
    }
  });

  test("who became another tenant's is not served any more", async () => {
    let tenantId = "acme";
    const of = kit({ authorize: () => ({ tenantId }), reauthorizeMs: 5 });
    const reader = readerOf(await open(of));
    await readUntil(reader, "llm.completed");
    tenantId = "other";
    expect((await reader.read()).done).toBe(true);
  });

  test("a source that fails ends the stream with a problem, without a word of ours in it", async () => {
    const of = kit();
    const reader = readerOf(await open(of));
    await readUntil(reader, "llm.completed");
    of.store.outage = new RunStoreError("DATABASE_UNAVAILABLE", "10.0.0.7 refused");
    of.store.addEvent("run_1", eventOf(2));
    const text = await readUntil(reader, "event: problem");
    expect(text).toContain('"status":503');
    expect(text).not.toContain("10.0.0.7");
  });

  test("with deltas=1 it follows the run itself: pieces without an id, entries with theirs", async () => {
    const of = kit({ authorize: () => ({ tenantId: "acme" }) });
    const frames = await framesOf(await open(of, "/runs/run_1/events/stream?deltas=1&after=0"));
    expect(frames.map((frame) => frame.replace(/ ?\{.*/, ""))).toEqual([
      "retry: 2000",
      "0 run_started",
      "text_delta",
      "1 run_completed",
      "end end",
    ]);
    expect(of.verbs.asked[0]).toEqual([
      "follow",
      "run_1",
      expect.objectContaining({ afterSequenceIndex: 0, tenantId: "acme" }),
    ]);
    const completed = JSON.parse(frames[3]!.slice(frames[3]!.indexOf("{"))) as { result: unknown; data: unknown };
    expect(ANSWERS.RunResult.parse(completed.result)).toMatchObject({ output: { refundId: 3 } });
    expect(completed.data).toEqual({ orderId: 7 });
  });

  test("with deltas=1, behind the last entry of a run that is over, there is its end: who has that stays away", async () => {
    const of = kit();
    of.store.endRun("run_1", "success");
    of.verbs.story = [];
    const frames = await framesOf(await open(of, "/runs/run_1/events/stream?deltas=1", { "last-event-id": "1" }));
    expect(frames).toEqual(["retry: 2000", 'end end {"run_id":"run_1","status":"success"}']);
  });

  test("a client that leaves a stream with deltas frees it", async () => {
    const of = kit();
    of.verbs.gate = deferred().promise;
    const client = new AbortController();
    const reader = readerOf(await open(of, "/runs/run_1/events/stream?deltas=1", {}, client.signal));
    await readUntil(reader, "run_completed");
    expect(of.verbs.open).toBe(1);
    client.abort();
    await until(() => of.verbs.open === 0);
  });

  test("deltas are 422 where there is no Dendrite", async () => {
    const of = kit({ dendrite: undefined });
    expect(await problemOf(open(of, "/runs/run_1/events/stream?deltas=1"))).toMatchObject({
      status: 422,
      parameter: "deltas",
    });
  });
});

describe("POST /runs", () => {
  const BODY = {
    agent: "support",
    text: "hi",
    history: [
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
    ],
    context: [{ content: "c", kind: "doc", placement: "stable", source: "s", metadata: { pageNo: 1 } }],
    model: "anthropic:claude",
    params: { maxTokens: 5 },
    prompt: "p",
    tools: ["refund"],
    sources: ["fs"],
    max_iterations: 3,
    max_delegation_depth: 1,
    budget: { max_tokens: 1, max_cost_usd: 0.5, max_ms: 10, warn_at: [0.5], on_exceeded: "pause" },
    metadata: { threadId: "t1" },
    trace_id: "trc_9",
    priority: "high",
    timeout_ms: 5_000,
  };

  test("starts a run with everything the body says: 202, its id, and where it is", async () => {
    const { router, verbs } = kit({ authorize: () => ({ tenantId: "acme" }) });
    const response = await router(post("/runs", BODY, { "idempotency-key": "k1" }));
    expect([response.status, response.headers.get("location")]).toEqual([202, "runs/run_2"]);
    expect(new URL("runs/run_2", "http://host/api/runs").pathname).toBe("/api/runs/run_2");
    expect(await response.json()).toEqual({ run_id: "run_2", trace_id: "trc_2" });
    expect(verbs.asked).toEqual([
      [
        "start",
        "support",
        {
          text: "hi",
          history: BODY.history,
          context: BODY.context,
          model: "anthropic:claude",
          params: { maxTokens: 5 },
          prompt: "p",
          tools: ["refund"],
          sources: ["fs"],
          maxIterations: 3,
          maxDelegationDepth: 1,
          budget: { maxTokens: 1, maxCostUsd: 0.5, maxMs: 10, warnAt: [0.5], onExceeded: "pause" },
          metadata: { threadId: "t1" },
          traceId: "trc_9",
          priority: "high",
          timeoutMs: 5_000,
          tenantId: "acme",
          idempotencyKey: "k1",
        },
      ],
    ]);
  });

  test("with wait=1 it is 200 and the result, or 202 and what it waits for", async () => {
    const { router, verbs } = kit();
    const done = await router(post("/runs?wait=1", { agent: "support", text: "hi" }));
    expect(done.status).toBe(200);
    expect(await done.json()).toMatchObject({
      run_id: "run_1",
      status: "success",
      usage: { input_tokens: 10 },
      output: { refundId: 3 },
    });
    verbs.result = PAUSED;
    const paused = await router(post("/runs?wait=1", { agent: "support", text: "hi" }));
    expect(paused.status).toBe(202);
    expect(ANSWERS.RunResult.parse(await paused.json())).toMatchObject({
      pause: { pending: [{ call_id: "call_1", params: { orderId: 7 } }], expires_at: "2026-11-21T00:00:00.000Z" },
    });
  });

  test("with wait=1 a client that leaves aborts the run", async () => {
    const { router, verbs } = kit();
    const client = new AbortController();
    verbs.run = (_agent, { signal }) =>
      new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason as Error)));
    const request = new Request(post("/runs?wait=1", { agent: "support", text: "hi" }), { signal: client.signal });
    const response = router(request);
    setImmediate(() => client.abort());
    expect((await response).status).toBe(499);
  });

  test.each([
    [{}, "agent must be text, got none"],
    [{ agent: "a b", text: "x" }, "agent must be an agent's name"],
    [{ agent: "dnd_1", text: "x" }, "agent must be an agent's name"],
    [{ agent: "a", text: "" }, "text must be text that is not empty"],
    [{ agent: "a", text: 7 }, "text must be text, got 7"],
    [{ agent: "a", text: "x", timeout: 5 }, "timeout unknown key; known are agent, text, history"],
    [{ agent: "a", text: "x", tenant_id: "other" }, "tenant_id unknown key"],
    [{ agent: "a", text: "x", timeout_ms: 0 }, "timeout_ms must be at least 1, got 0"],
    [{ agent: "a", text: "x", max_iterations: 201 }, "max_iterations must be at most 200, got 201"],
    [{ agent: "a", text: "x", max_iterations: 1.5 }, "max_iterations must be a whole number, got 1.5"],
    [{ agent: "a", text: "x", tools: "refund" }, "tools must be a list"],
    [{ agent: "a", text: "x", metadata: [] }, "metadata must be an object"],
    [{ agent: "a", text: "x", priority: "now" }, 'priority must be high, normal or low, got "now"'],
    [{ agent: "a", text: "x", budget: { maxTokens: 1 } }, "budget.maxTokens unknown key; known are max_tokens"],
    [
      { agent: "a", text: "x", history: [{ role: "system", content: "y" }] },
      "history.0.role must be user or assistant",
    ],
    [{ agent: "a", text: "x", trace_id: "nope" }, "trace_id must be trc_"],
    [[], "the body must be an object"],
    [null, "the body must be an object"],
  ])("400 for %j", async (body, detail) => {
    const { router, verbs } = kit();
    const problem = await problemOf(router(post("/runs", body)));
    expect(problem).toMatchObject({ status: 400, code: "BAD_BODY", detail: expect.stringContaining(detail) });
    expect(verbs.asked).toEqual([]);
  });

  test("400, 413 and 415 as everywhere", async () => {
    const { router } = kit({ maxBodyBytes: 100 });
    expect(await problemOf(router(post("/runs", "{")))).toMatchObject({ status: 400, code: "BAD_JSON" });
    expect(await problemOf(router(post("/runs", { agent: "a", text: "x".repeat(100) })))).toMatchObject({
      status: 413,
    });
    expect(await problemOf(router(post("/runs", "{}", { "content-type": "text/plain" })))).toMatchObject({
      status: 415,
    });
    const key = { "idempotency-key": "" };
    expect(await problemOf(router(post("/runs", { agent: "a", text: "x" }, key)))).toMatchObject({ status: 400 });
  });

  test.each([
    [
      "UNKNOWN_NAME",
      422,
      { unknown_name: "refnd", known: ["refund"] },
      new UnknownNameError("support", "tool", "refnd", ["refund"]),
    ],
    ["GUARDRAIL_BLOCKED", 422, { entities: ["API_KEY"] }, new GuardrailBlockedError("support", "secrets", ["API_KEY"])],
    ["NO_WORKER", 503, {}, new NoWorkerError({ neuron: "support", capabilities: [] }, "default")],
  ])("%s is %s", async (code, status, members, error) => {
    const { router, verbs } = kit();
    verbs.failure = error;
    for (const path of ["/runs", "/runs?wait=1", "/runs/stream"]) {
      expect(await problemOf(router(post(path, { agent: "support", text: "hi" })))).toMatchObject({
        status,
        code,
        ...members,
      });
    }
  });

  test("422 for a neuron that is no agent, and for a retry of a run of one", async () => {
    await using fleet = await withFleet("memory");
    await fleet.worker([echoAxon()]);
    const dendrite = fleet.dendrite();
    const { router } = kit({ dendrite });
    const refused = { status: 422, code: "NOT_AN_AGENT", neuron: "echo" };
    expect(await problemOf(router(post("/runs", { agent: "echo", text: "hi" })))).toMatchObject(refused);
    const { meta } = await dendrite.dispatchAndWait({ neuron: "echo", input: { text: "hi" } });
    const run_id = meta.run_id!;
    expect(await problemOf(router(post(`/runs/${run_id}/retry`)))).toMatchObject({ ...refused, run_id });
  });

  test("503 beyond what may be under way, and streams have places of their own", async () => {
    const { router, verbs } = kit({ maxInFlight: 1, maxStreams: 1 });
    const gate = deferred<RunResult>();
    verbs.run = () => gate.promise;
    const waiting = router(post("/runs?wait=1", { agent: "support", text: "hi" }));
    await until(async () => (await router(get("/runs"))).status === 503);
    expect((await router(get("/runs/run_1/events/stream"))).status).toBe(200);
    expect((await router(get("/health"))).status).toBe(200);
    gate.resolve(RESULT);
    await waiting;
    expect((await router(get("/runs"))).status).toBe(200);
  });
});

describe("POST /runs/stream", () => {
  const stream = ({ router }: Kit, signal?: AbortSignal) =>
    router(new Request(post("/runs/stream", { agent: "support", text: "hi" }), signal ? { signal } : {}));

  test("gives the events of the run, and its end", async () => {
    const of = kit();
    const frames = await framesOf(await stream(of));
    expect(frames.map((frame) => frame.replace(/ ?\{.*/, ""))).toEqual([
      "retry: 2000",
      "0 run_started",
      "text_delta",
      "1 run_completed",
      "end end",
    ]);
    expect(frames[2]).toContain('{"type":"text_delta","run_id":"run_1","sequence_index":null,"text":"do"}');
  });

  test("ends with the pause, when the run waits for somebody", async () => {
    const of = kit();
    of.verbs.story = [STORY[0]!, { ...entry, type: "run_paused", sequenceIndex: 1, pause: PAUSED.pause }];
    const frames = await framesOf(await stream(of));
    expect(frames.at(-1)).toBe('end end {"run_id":"run_1","status":"waiting_approval"}');
  });

  test("a client that leaves frees everything, and no place is lost to a run that was refused", async () => {
    const of = kit({ maxStreams: 1 });
    of.verbs.gate = deferred().promise;
    const client = new AbortController();
    const reader = readerOf(await stream(of, client.signal));
    await readUntil(reader, "run_completed");
    client.abort();
    await until(() => of.verbs.open === 0);
    of.verbs.failure = new UnknownNameError("support", "tool", "x", []);
    expect((await stream(of)).status).toBe(422);
    of.verbs.failure = null;
    of.verbs.gate = Promise.resolve();
    expect((await stream(of)).status).toBe(200);
  });

  test("headers do not wait for a worker longer than a heartbeat", async () => {
    const of = kit({ heartbeatMs: 5 });
    const gate = deferred();
    of.verbs.stream = async function* () {
      await gate.promise;
      yield* STORY;
    };
    const reader = readerOf(await stream(of));
    await readUntil(reader, "keepalive");
    gate.resolve();
    await readUntil(reader, "event: end");
  });
});

describe("submissions", () => {
  test("approval: the word, its reasons, and who gave it", async () => {
    const of = kit({ authorize: () => ({ tenantId: "acme", actor: "ada" }) });
    const response = await of.router(
      post("/runs/run_1/approval", {
        approved: true,
        reason: "ok",
        calls: { call_2: { approved: false, reason: "no" } },
        timeout_ms: 9,
      }),
    );
    expect([response.status, await response.json()]).toEqual([
      202,
      { run_id: "run_1", trace_id: "trc_1", is_resumed: true, pending: [] },
    ]);
    expect(of.verbs.asked).toEqual([
      [
        "submitApproval",
        "run_1",
        {
          approved: true,
          reason: "ok",
          calls: { call_2: { approved: false, reason: "no" } },
          timeoutMs: 9,
          by: "ada",
          tenantId: "acme",
        },
      ],
    ]);
  });

  test("by is who authorize knows; without it what the body says; another name is 403", async () => {
    const open = kit();
    await open.router(post("/runs/run_1/input", { text: "yes", by: "eve" }));
    expect(open.verbs.asked[0]![2]).toMatchObject({ text: "yes", by: "eve" });
    const known = kit({ authorize: () => ({ actor: "ada" }) });
    for (const [path, body] of [
      ["approval", { approved: true }],
      ["input", { text: "x" }],
      ["tool-results", { results: [{ call_id: "c", result: null }] }],
      ["cancel", {}],
    ] as const) {
      expect(await problemOf(known.router(post(`/runs/run_1/${path}`, { ...body, by: "eve" })))).toMatchObject({
        status: 403,
      });
    }
    expect(known.verbs.asked).toEqual([]);
    expect((await known.router(post("/runs/run_1/input", { text: "x", by: "ada" }))).status).toBe(202);
  });

  test("tool results: results of any JSON, and errors", async () => {
    const of = kit();
    const results = [
      { call_id: "a", result: null },
      { call_id: "b", result: { fooBar: 1 } },
      { call_id: "c", error: "gone" },
    ];
    await of.router(post("/runs/run_1/tool-results", { results }));
    expect(of.verbs.asked[0]![2]).toMatchObject({
      results: [
        { callId: "a", result: null },
        { callId: "b", result: { fooBar: 1 } },
        { callId: "c", error: "gone" },
      ],
    });
  });

  test("with wait=1: the result when the run went on, else what is still missing", async () => {
    const of = kit();
    const done = await of.router(post("/runs/run_1/approval?wait=1", { approved: true }));
    expect([done.status, await done.json()]).toEqual([200, expect.objectContaining({ answer: "done" })]);
    of.verbs.isResumed = false;
    const missing = await of.router(post("/runs/run_1/approval?wait=1", { approved: true }));
    expect(missing.status).toBe(202);
    expect(await missing.json()).toMatchObject({
      is_resumed: false,
      pending: [{ call_id: "call_1", needs: "approval" }],
    });
  });

  test("cancel takes a reason or nothing; DELETE is the same; retry overrides", async () => {
    const of = kit();
    await of.router(post("/runs/run_1/cancel", { reason: "enough", by: "ada" }));
    await of.router(post("/runs/run_1/cancel"));
    const deleted = await of.router(send("DELETE", "/runs/run_1"));
    expect(await deleted.json()).toEqual({ run_id: "run_1", trace_id: "trc_1", status: "cancelled" });
    const begun = await of.router(
      post("/runs/run_1/retry", { model: "m", max_iterations: 2 }, { "idempotency-key": "k" }),
    );
    expect([begun.status, begun.headers.get("location")]).toEqual([202, "../run_2"]);
    expect(new URL("../run_2", "http://host/api/runs/run_1/retry").pathname).toBe("/api/runs/run_2");
    expect((await of.router(post("/runs/run_1/retry?wait=1"))).status).toBe(200);
    expect(of.verbs.asked).toMatchObject([
      ["cancelRun", "run_1", { reason: "enough", by: "ada" }],
      ["cancelRun", "run_1", { reason: undefined }],
      ["cancelRun", "run_1", {}],
      ["startRetry", "run_1", { model: "m", maxIterations: 2, idempotencyKey: "k" }],
      ["retry", "run_1", {}],
    ]);
  });

  test.each([
    ["approval", {}, "must have approved (true or false), or calls"],
    ["approval", { calls: {} }, "must have approved"],
    ["approval", { approved: "yes" }, "approved must be true or false"],
    ["input", {}, "text must be text"],
    ["tool-results", { results: [] }, "results must have at least 1"],
    ["tool-results", { results: [{ call_id: "a" }] }, "results.0 must have either result (any JSON) or error (text)"],
    ["tool-results", { results: [{ call_id: "a", result: 1, error: "x" }] }, "must have either result"],
    ["cancel", { why: "x" }, "why unknown key; known are reason, by"],
    ["retry", { history: [] }, "history unknown key"],
  ])("400 for %s with %j", async (path, body, detail) => {
    const of = kit();
    const problem = await problemOf(of.router(post(`/runs/run_1/${path}`, body)));
    expect(problem).toMatchObject({ status: 400, code: "BAD_BODY", detail: expect.stringContaining(detail) });
    expect(of.verbs.asked).toEqual([]);
  });

  test.each([
    ["RUN_NOT_FOUND", 404, {}, new RunNotFoundError("run run_1", "default")],
    ["RUN_NOT_PAUSED", 409, { current_status: "running" }, new RunNotPausedError("run_1")],
    [
      "PAUSE_STATUS_MISMATCH",
      409,
      { current_status: "waiting_approval", expected_status: "waiting_human_input" },
      new PauseStatusMismatchError("run_1", "waiting_approval", "waiting_human_input", "use submitApproval"),
    ],
    [
      "PAUSE_STATUS_MISMATCH",
      409,
      { current_status: "waiting_child", child_run_ids: ["run_2"] },
      new PauseStatusMismatchError("run_1", "waiting_child", "waiting_approval", "answer run_2", ["run_2"]),
    ],
    ["RUN_ALREADY_CLAIMED", 409, { run_id: "run_1" }, new RunAlreadyClaimedError("run_1")],
    ["RUN_ALREADY_TERMINAL", 409, { current_status: "success" }, new RunAlreadyTerminalError("run_1", "success")],
    ["RUN_NOT_TERMINAL", 409, { current_status: "running" }, new RunNotTerminalError("run_1", "running")],
    ["PAUSE_EXPIRED", 410, { expires_at: "1970-01-01T00:00:00.000Z" }, new PauseExpiredError("run_1", new Date(0))],
    ["INVALID_TOOL_RESULT", 422, { run_id: "run_1" }, new InvalidToolResultError("run_1", "no call x waits")],
  ])("%s is %s", async (code, status, members, error) => {
    const of = kit();
    of.verbs.failure = error;
    expect(await problemOf(of.router(post("/runs/run_1/approval", { approved: true })))).toMatchObject({
      status,
      code,
      ...members,
    });
  });
});

describe("options", () => {
  test.each([
    ["authorize", { authorize: undefined as never }],
    ["heartbeatMs", { heartbeatMs: 0 }],
    ["retryMs", { retryMs: -1 }],
    ["reauthorizeMs", { reauthorizeMs: 0.5 }],
    ["maxStreams", { maxStreams: 0 }],
    ["maxBodyBytes", { maxBodyBytes: 0 }],
    ["maxWaitMs", { maxWaitMs: 604_800_001 }],
    ["maxInFlight", { maxInFlight: 0 }],
    ["maxInFlightBytes", { maxInFlightBytes: 0 }],
  ])("a wrong %s is refused when the router is made", (name, options) => {
    expect(() => kit(options)).toThrow(name);
  });
});

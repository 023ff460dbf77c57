/**
 * The run routes over what a recorder wrote, on a real socket: the answers are what the document says, and the faults of the
 * read router this one replaces stay away (times that do not parse, date filters that fail, streams without an end, one tenant's
 * rows for another).
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { RunStore } from "@myelin/runs";
import { AgentStory, type StoryOptions } from "../../../../test/helpers/agent-story.ts";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { until } from "../../../../test/helpers/with-fleet.ts";
import { withRecordedLog, type RecordedLog } from "../../../../test/helpers/with-recorded-log.ts";
import { nodeListener } from "../node-listener.ts";
import { ANSWERS, type AnswerName } from "./answers.ts";
import { createRunRouter } from "./run-router.ts";

let recorded: RecordedLog;
let store: RunStore;
let server: Server;
let url: string;
let stories: Record<"done" | "paused" | "failed" | "cancelled" | "plain" | "child" | "other", AgentStory>;

let begun = 0;
/** Their ids say no time, so that a run that is not there is not waited for. */
const begin = (options: StoryOptions = {}) =>
  new AgentStory(recorded.log, { tenantId: "acme", runId: `run_n${begun++}`, ...options }).task();

beforeAll(async () => {
  recorded = await withRecordedLog();
  const done = begin({ metadata: { thread_id: "t1", order: 7, text: "7", flag: true } }).started();
  const [call] = done.answered([{ name: "add", params: { a: 1, someKey: 2 } }], { cost_nano_usd: 1_000_000 });
  done.toolDone(call!, { tool_name: "add", result: { sumOf: [1, 2] } });
  done.answered([], { text: "It is 3." });
  done.completed("It is 3.");
  const paused = begin({ metadata: { thread_id: "t1" } }).started();
  const [waiting] = paused.answered([{ name: "refund" }]);
  paused.paused("pause_1", "waiting_approval", [{ callId: waiting!, name: "refund", needs: "approval" }], {
    assignees: ["ada"],
    expires_at: "2030-01-01T00:00:00.000Z",
  });
  stories = {
    done,
    paused,
    failed: begin().started().failed(),
    cancelled: begin().started().cancelled("enough", "ada"),
    plain: begin({ agent: "worker" }),
    child: begin({ parentRunId: done.runId, traceId: done.traceId }).started(),
    other: begin({ tenantId: "other", metadata: { thread_id: "t1" } }).started(),
  };
  await recorded.record();
  store = RunStore.fromDatabaseUrl(recorded.database.url);
  const authorize = ({ headers }: Request) => {
    const tenant = headers.get("x-tenant");
    return tenant === null ? {} : { tenantId: tenant };
  };
  const router = createRunRouter({ store, authorize });
  server = createServer(nodeListener(router)).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await store.close();
  await recorded[Symbol.asyncDispose]();
});
expectNoLeaks();

const get = (path: string, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(`${url}${path}`, { headers: { connection: "close", ...headers }, ...(signal && { signal }) });
/** A body that is what the document says it is. */
async function read<N extends AnswerName>(name: N, path: string, headers: Record<string, string> = {}) {
  const response = await get(path, headers);
  const body: unknown = await response.json();
  expect({ status: response.status, body: ANSWERS[name].safeParse(body).error ?? "fits" }).toEqual({
    status: 200,
    body: "fits",
  });
  return body as never as { items: Record<string, unknown>[] } & Record<string, unknown>;
}
const idsOf = async (query: string, headers: Record<string, string> = {}) =>
  (await read("RunPage", `/runs?limit=1000&${query}`, headers)).items.map((run) => run["run_id"]).sort();
const ids = (...names: (keyof typeof stories)[]) => names.map((name) => stories[name].runId as string).sort();
const ALL = ["done", "paused", "failed", "cancelled", "plain", "child", "other"] as const;

describe("every kind of run", () => {
  test.each(ALL)("%s: all that is known of it is as the document says", async (name) => {
    const of = `/runs/${stories[name].runId}`;
    await read("Run", of);
    await read("EventPage", `${of}/events`);
    await read("LlmCallPage", `${of}/llm-calls`);
    await read("ToolCallPage", `${of}/tool-calls`);
    await read("TracePage", `${of}/traces`);
    await read("PauseList", `${of}/pauses`);
    await read("Delegation", `${of}/delegation`);
  });

  test("costs are told apart by model, agent, day and metadata", async () => {
    for (const by of ["model", "agent", "day", "metadata.thread_id"]) {
      const { items } = await read("CostList", `/costs?by=${by}&agent_name=support`, { "x-tenant": "acme" });
      expect(items.find((line) => line["cost_usd"] === 0.001)).toBeDefined();
    }
  });
});

describe("GET /runs", () => {
  test("times parse, in lists, in details and in journals", async () => {
    const { items } = await read("RunPage", "/runs");
    const detail = await read("Run", `/runs/${stories.done.runId}`);
    const { items: events } = await read("EventPage", `/runs/${stories.done.runId}/events`);
    for (const record of [...items, detail, ...events]) {
      const text = record["created_at"] as string;
      expect(new Date(text).toISOString()).toBe(text);
    }
  });

  test("started_after and started_before answer: the one with its time, the other without", async () => {
    const { created_at: at } = (await read("Run", `/runs/${stories.failed.runId}`)) as never as { created_at: string };
    const from = await idsOf(`started_after=${at}`);
    const to = await idsOf(`started_before=${at}`);
    expect(from).toContain(stories.failed.runId);
    expect(to).not.toContain(stories.failed.runId);
    expect([...from, ...to].sort()).toEqual(ids(...ALL));
    expect(await idsOf(`started_after=${at}&started_before=${at}`)).toEqual([]);
  });

  test.each([
    ["status=waiting_approval", ["paused"]],
    ["status=success&status=error", ["done", "failed"]],
    ["agent_name=worker", ["plain"]],
    ["assignee=ada", ["paused"]],
    ["tenant_id=other", ["other"]],
    ["metadata.thread_id=t1", ["done", "paused", "other"]],
    ["metadata.order=7", ["done"]],
    ["metadata.text=7", []],
    ['metadata.text="7"', ["done"]],
    ["metadata.flag=true&metadata.thread_id=t1", ["done"]],
    ["metadata.flag=null", []],
  ] as [string, (typeof ALL)[number][]][])("%s", async (query, names) => {
    expect(await idsOf(query)).toEqual(ids(...names));
  });

  test("parent_run_id and trace_id", async () => {
    expect(await idsOf(`parent_run_id=${stories.done.runId}`)).toEqual(ids("child"));
    expect(await idsOf(`trace_id=${stories.done.traceId}`)).toEqual(ids("done", "child"));
  });

  test("pages by cursor give every run once", async () => {
    const seen: unknown[] = [];
    for (let query = "limit=2"; ;) {
      const { items, next_cursor } = await read("RunPage", `/runs?${query}`);
      seen.push(...items.map((run) => run["run_id"]));
      if (next_cursor === null) break;
      query = `limit=2&cursor=${encodeURIComponent(next_cursor as string)}`;
    }
    expect(seen.sort()).toEqual(ids(...ALL));
  });

  test("422 for a cursor that is none", async () => {
    const response = await get("/runs?cursor=nonsense");
    expect([response.status, await response.json()]).toEqual([422, expect.objectContaining({ code: "INVALID_QUERY" })]);
  });
});

describe("H1: tenants", () => {
  test("lists, totals and costs hold one tenant's runs", async () => {
    expect(await idsOf("", { "x-tenant": "other" })).toEqual(ids("other"));
    expect(await idsOf("metadata.thread_id=t1", { "x-tenant": "acme" })).toEqual(ids("done", "paused"));
    expect(await read("RunPage", "/runs", { "x-tenant": "acme" })).toMatchObject({ total: 6 });
    expect(await read("RunPage", "/runs", { "x-tenant": "nobody" })).toMatchObject({ items: [], total: 0 });
    expect((await read("CostList", "/costs", { "x-tenant": "other" })).items).toEqual([]);
  });

  test.each(["", "/events", "/events/stream", "/llm-calls", "/tool-calls", "/traces", "/pauses", "/delegation"])(
    "/runs/:id%s of another tenant's run is 404",
    async (path) => {
      const of = `/runs/${stories.done.runId}${path}`;
      const response = await get(of, { "x-tenant": "other" });
      expect([response.status, await response.json()]).toEqual([
        404,
        expect.objectContaining({ code: "RUN_NOT_FOUND" }),
      ]);
    },
  );

  test("delegation does not show a parent of another tenant", async () => {
    const stray = begin({ tenantId: "other", parentRunId: stories.done.runId }).started();
    await recorded.record();
    const { parent } = await read("Delegation", `/runs/${stray.runId}/delegation`, { "x-tenant": "other" });
    expect(parent).toEqual({ run_id: stories.done.runId, is_known: false });
  });
});

describe("GET /runs/:id/events/stream", () => {
  const framesIn = (text: string) =>
    text.split("\n\n").flatMap((frame) => {
      const [, id, event, data] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(frame) ?? [];
      return id === undefined ? [] : [{ id, event, data: JSON.parse(data!) as Record<string, unknown> }];
    });

  test("of a run that is over gives its journal and its end, and closes", async () => {
    const { runId } = stories.done;
    const frames = framesIn(await (await get(`/runs/${runId}/events/stream`)).text());
    const { items } = await read("EventPage", `/runs/${runId}/events`);
    expect(frames.slice(0, -1).map(({ data }) => data)).toEqual(items);
    expect(frames.slice(0, -1).map(({ id, event }) => `${id} ${event}`)).toEqual(
      items.map((item) => `${String(item["sequence_index"])} ${String(item["event_type"])}`),
    );
    expect(frames.at(-1)).toEqual({ id: "end", event: "end", data: { run_id: runId, status: "success" } });
  });

  test("what comes is there when it is recorded; a client that broke off goes on without loss or repetition", async () => {
    const run = begin().started();
    await recorded.record();
    const client = new AbortController();
    const response = await get(`/runs/${run.runId}/events/stream`, {}, client.signal);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const readUntil = async (wanted: string) => {
      while (!text.includes(wanted)) text += (await reader.read()).value ?? "";
    };
    await readUntil("event: run.started");
    run.answered([]);
    await recorded.record();
    await readUntil("event: llm.completed");
    client.abort();
    run.completed();
    await recorded.record();
    const last = framesIn(text).at(-1)!.id;
    const rest = framesIn(await (await get(`/runs/${run.runId}/events/stream`, { "last-event-id": last })).text());
    expect([...framesIn(text), ...rest].map(({ id, event }) => `${id} ${event}`)).toEqual([
      "0 run.started",
      "1 llm.completed",
      "2 run.completed",
      "end end",
    ]);
  });

  test("a client whose connection is cut is let go of at once", async () => {
    const begun: string[] = [];
    const ended: string[] = [];
    const watched = new Proxy(store, {
      get(target, name) {
        if (name !== "streamEvents") return (Reflect.get(target, name) as () => unknown).bind(target);
        return async function* (...args: Parameters<RunStore["streamEvents"]>) {
          begun.push(args[0]);
          try {
            yield* target.streamEvents(...args);
          } finally {
            ended.push(args[0]);
          }
        };
      },
    });
    const router = createRunRouter({ store: watched, authorize: () => ({}), heartbeatMs: 600_000 });
    const own = createServer(nodeListener(router)).listen(0, "127.0.0.1");
    await once(own, "listening");
    const { runId } = stories.paused;
    const socket = connect((own.address() as AddressInfo).port, "127.0.0.1");
    socket.write(`GET /runs/${runId}/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    let text = "";
    socket.on("data", (bytes) => (text += String(bytes)));
    await until(() => text.includes("event: run.paused"));
    expect([begun, ended]).toEqual([[runId], []]);
    socket.destroy();
    await until(() => ended.length === 1);
    await new Promise((resolve) => own.close(resolve));
  });
});

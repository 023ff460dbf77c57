import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createSignal, newTraceId } from "@myelin/bus";
import { RUN_STATUSES } from "@myelin/bus/run-events";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { withEmptyDatabase } from "../../../../test/helpers/with-database.ts";
import { withRecordedLog, type RecordedLog } from "../../../../test/helpers/with-recorded-log.ts";
import { openDatabase } from "../database.ts";
import type { RunFilter } from "./run-filter.ts";
import { RunStore } from "./run-store.ts";
import type { RunSummary, TraceNode } from "./views.ts";

const RUNS = 60;
const id = (n: number) => `run_${String(n).padStart(3, "0")}` as const;
const trace = (n: number) => `trc_${n % 10}` as const;

/** What the n-th run was dispatched with. Several keys mean "not there" in several ways. */
function metadataOf(n: number): Record<string, unknown> {
  return {
    thread_id: `t${n % 3}`,
    ...(n % 2 === 0 && { n: n % 4 }),
    ...(n % 5 === 0 && { flag: n % 10 === 0 }),
    ...(n % 6 === 0 && { nothing: null }),
    ...(n % 4 === 0 && { deep: n % 8 === 0 ? { a: 1 } : { a: 1, b: 2 }, list: n % 8 === 0 ? [1, 2] : [2, 1] }),
    "dotted.key with 'quotes' and ünïcode": n % 7,
    one: n % 9 === 0 ? 1 : "1",
  };
}

let recorded: RecordedLog;
let store: RunStore;
let all: readonly RunSummary[];
beforeAll(async () => {
  recorded = await withRecordedLog();
  const { log } = recorded;
  for (let n = 0; n < RUNS; n++) {
    const meta = {
      run_id: id(n),
      attempt: 1,
      ...(n % 3 !== 0 && { tenant_id: `tenant-${n % 3}` }),
      ...(n % 10 === 9 && { parent_run_id: id(n - 1) }),
    };
    const directed = { id: `neuron-${n % 4}`, type: "neuron", capabilities: ["text"] };
    const common = { trace_id: trace(n), directed, meta };
    if (n % 2 === 1) log.wait(-1_000); // two runs at one time: the id decides
    const task = log.add({ ...common, type: "TASK", payload: { input: { n }, metadata: metadataOf(n) } });
    if (n % 2 === 1) log.wait(1_000);
    const parent_id = task.parsed.ok ? task.parsed.signal.id : null;
    const reply = { ...common, parent_id };
    if (n % 6 === 1) log.add({ ...reply, type: "AGENT_OUTPUT", payload: { output: { n } } });
    if (n % 6 === 2)
      log.add({ ...reply, type: "ERROR", payload: { code: "BROKEN", message: "it broke", recoverable: true } });
    if (n % 6 === 3) log.add({ ...reply, type: "CLARIFICATION", payload: { question: "?" } });
    if (n % 6 === 4) log.add({ ...reply, type: "PERMISSION", payload: { action: "!" } });
    if (n % 6 === 5) log.add({ ...reply, type: "STOPPED", payload: {} });
  }
  await recorded.record();
  store = RunStore.fromDatabaseUrl(recorded.database.url);
  all = (await store.listRuns({}, { limit: 1_000 })).runs;
});
afterAll(async () => {
  await store.close();
  await recorded[Symbol.asyncDispose]();
});
expectNoLeaks();

const nOf = (run: RunSummary) => Number(run.runId.slice(4));

describe("listRuns", () => {
  test("without a filter gives every run, newest first, the greater id first where times are equal", () => {
    expect(all).toHaveLength(RUNS);
    const sorted = [...all].sort(
      (a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.runId < b.runId ? 1 : -1),
    );
    expect(all).toEqual(sorted);
    expect(new Set(all.map((run) => run.createdAt.getTime())).size).toBeLessThan(RUNS);
  });

  test("gives 50 unless told otherwise", async () => {
    expect((await store.listRuns()).runs).toEqual(all.slice(0, 50));
    expect((await store.listRuns({}, { limit: 3, offset: 5 })).runs).toEqual(all.slice(5, 8));
    expect((await store.listRuns({}, { offset: RUNS })).runs).toEqual([]);
  });

  test("gives records of our own", () => {
    expect(all.find((run) => run.runId === id(8))).toEqual({
      runId: id(8),
      tenantId: "tenant-2",
      traceId: trace(8),
      parentRunId: null,
      retryOfRunId: null,
      neuronId: "neuron-0",
      agentName: null,
      model: null,
      delegationLevel: 0,
      status: "error",
      pause: null,
      metadata: metadataOf(8),
      error: { code: "BROKEN", message: "it broke", recoverable: true },
      attempts: 1,
      iterationCount: 0,
      llmCallCount: 0,
      toolCallCount: 0,
      totalInputTokens: null,
      totalOutputTokens: null,
      totalCacheReadTokens: null,
      totalCacheCreationTokens: null,
      totalReasoningTokens: null,
      totalCostUsd: null,
      unknownCostCount: 0,
      lastProgressAt: null,
      createdAt: expect.any(Date),
      updatedAt: expect.any(Date),
      endedAt: expect.any(Date),
    });
    expect(JSON.parse(JSON.stringify(all))).toHaveLength(RUNS);
  });

  const middle = () => all[30]!.createdAt;
  test.each<[what: string, filter: () => RunFilter, passes: (run: RunSummary) => boolean]>([
    ["nothing", () => ({}), () => true],
    [
      "undefined, which is nothing",
      () => ({ status: undefined, tenantId: undefined, metadataFilter: undefined }),
      () => true,
    ],
    ...RUN_STATUSES.map(
      (status) =>
        [`status ${status}`, () => ({ status }), (run: RunSummary) => run.status === status] as [
          string,
          () => RunFilter,
          (run: RunSummary) => boolean,
        ],
    ),
    ["several statuses", () => ({ status: ["running", "error"] }), (run) => ["running", "error"].includes(run.status)],
    ["no status", () => ({ status: [] }), () => false],
    ["neuronId", () => ({ neuronId: "neuron-2" }), (run) => nOf(run) % 4 === 2],
    ["agentName, the same", () => ({ agentName: "neuron-2" }), (run) => nOf(run) % 4 === 2],
    ["neuronId and another agentName", () => ({ neuronId: "neuron-2", agentName: "neuron-1" }), () => false],
    ["parentRunId", () => ({ parentRunId: id(18) }), (run) => nOf(run) === 19],
    ["tenantId", () => ({ tenantId: "tenant-1" }), (run) => nOf(run) % 3 === 1],
    ["tenantId null: none", () => ({ tenantId: null }), (run) => nOf(run) % 3 === 0],
    ["traceId", () => ({ traceId: trace(4) }), (run) => nOf(run) % 10 === 4],
    ["namespace", () => ({ namespace: "array" }), () => true],
    ["another namespace", () => ({ namespace: "other" }), () => false],
    ["startedAfter, included", () => ({ startedAfter: middle() }), (run) => run.createdAt >= middle()],
    ["startedBefore, excluded", () => ({ startedBefore: middle() }), (run) => run.createdAt < middle()],
    ["metadata {}", () => ({ metadataFilter: {} }), () => true],
    ["metadata text", () => ({ metadataFilter: { thread_id: "t1" } }), (run) => nOf(run) % 3 === 1],
    [
      "metadata, two keys",
      () => ({ metadataFilter: { thread_id: "t1", n: 2 } }),
      (run) => nOf(run) % 3 === 1 && nOf(run) % 4 === 2,
    ],
    ["metadata 0 is not missing", () => ({ metadataFilter: { n: 0 } }), (run) => nOf(run) % 4 === 0],
    ['metadata 1 is 1.0, not true and not "1"', () => ({ metadataFilter: { one: 1.0 } }), (run) => nOf(run) % 9 === 0],
    ['metadata "1" is not 1', () => ({ metadataFilter: { one: "1" } }), (run) => nOf(run) % 9 !== 0],
    ["metadata true", () => ({ metadataFilter: { flag: true } }), (run) => nOf(run) % 10 === 0],
    ["metadata false is not missing", () => ({ metadataFilter: { flag: false } }), (run) => nOf(run) % 10 === 5],
    ["metadata null is not missing", () => ({ metadataFilter: { nothing: null } }), (run) => nOf(run) % 6 === 0],
    ["metadata object, equal only", () => ({ metadataFilter: { deep: { a: 1 } } }), (run) => nOf(run) % 8 === 0],
    ["metadata list, equal only", () => ({ metadataFilter: { list: [2, 1] } }), (run) => nOf(run) % 8 === 4],
    ["metadata part of a list", () => ({ metadataFilter: { list: [1] } }), () => false],
    ["metadata {} as a value is equal only to {}", () => ({ metadataFilter: { deep: {} } }), () => false],
    [
      "metadata key with anything in it",
      () => ({ metadataFilter: { "dotted.key with 'quotes' and ünïcode": 3 } }),
      (run) => nOf(run) % 7 === 3,
    ],
    ["metadata key that nobody has", () => ({ metadataFilter: { missing: null } }), () => false],
    [
      "all at once",
      () => ({
        status: "success",
        neuronId: "neuron-1",
        tenantId: "tenant-1",
        startedBefore: middle(),
        metadataFilter: { thread_id: "t1" },
      }),
      (run) => run.status === "success" && nOf(run) % 4 === 1 && nOf(run) % 3 === 1 && run.createdAt < middle(),
    ],
  ])("filters by %s, and countRuns counts the same", async (_what, filter, passes) => {
    const wanted = all.filter(passes);
    const { runs, nextCursor } = await store.listRuns(filter(), { limit: 1_000 });
    expect(runs).toEqual(wanted);
    expect(nextCursor).toBeNull();
    expect(await store.countRuns(filter())).toBe(wanted.length);
  });

  test.each([1, 7, 20, 60])(
    "pages of %d by cursor are the whole list, nothing twice, whatever is added meanwhile",
    async (limit) => {
      const pages: RunSummary[] = [];
      let cursor: string | null = null;
      let added = 0;
      do {
        const page = await store.listRuns({}, { limit, cursor });
        pages.push(...page.runs);
        cursor = page.nextCursor;
        if (added++ < 2) {
          recorded.log.add({
            type: "TASK",
            trace_id: newTraceId(),
            payload: { input: {} },
            directed: { id: "w", type: null, capabilities: [] },
            meta: { run_id: `run_new_${limit}_${added}` },
          });
          await recorded.record();
        }
      } while (cursor !== null);
      expect(pages.filter((run) => !run.runId.startsWith("run_new"))).toEqual(all);
      await recorded.query("DELETE FROM runs WHERE run_id LIKE 'run_new%'");
    },
  );

  test("the cursor keeps to the filter", async () => {
    const filter = { tenantId: "tenant-1" };
    const first = await store.listRuns(filter, { limit: 8 });
    const second = await store.listRuns(filter, { limit: 100, cursor: first.nextCursor! });
    expect([...first.runs, ...second.runs]).toEqual(all.filter((run) => run.tenantId === "tenant-1"));
  });
});

describe("a bad argument is refused, with its value and the fix", () => {
  const asked = (filter: unknown, page: unknown = {}) => store.listRuns(filter as RunFilter, page as never);
  test.each<[string, () => Promise<unknown>, string]>([
    [
      "an unknown status",
      () => asked({ status: "done" }),
      'status must be one of running, waiting_client_tool, waiting_human_input, waiting_approval, waiting_child, success, error, cancelled, max_iterations, got "done"',
    ],
    ["one of several", () => asked({ status: ["running", ""] }), 'got ""'],
    ["an unknown key", () => asked({ tenant: "x" }), 'the filter has no "tenant"; it knows status'],
    ["no object", () => asked(null), "the filter must be an object, got null"],
    [
      "an empty tenant",
      () => asked({ tenantId: "" }),
      'tenantId must be text, not empty and without U+0000, got ""; leave it out to match all',
    ],
    ["an empty name", () => asked({ agentName: "" }), "agentName must be text"],
    [
      "a number for an id",
      () => asked({ parentRunId: 7 }),
      "parentRunId must be text, not empty and without U+0000, got 7",
    ],
    ["U+0000", () => asked({ traceId: "a\0" }), 'got "a\\u0000"'],
    [
      "an invalid Date",
      () => asked({ startedAfter: new Date("x") }),
      "startedAfter must be a valid Date in the years 1 to 9999, got Invalid Date",
    ],
    ["a far Date", () => asked({ startedBefore: new Date(8.64e15) }), "startedBefore must be a valid Date"],
    ["text for a Date", () => asked({ startedBefore: "2026-01-01" }), 'startedBefore must be a Date, got "2026-01-01"'],
    ["metadata that is a list", () => asked({ metadataFilter: [] }), "metadataFilter must be an object, got []"],
    [
      "metadata undefined",
      () => asked({ metadataFilter: { a: undefined } }),
      "metadataFilter.a must be a JSON value, got undefined; leave the key out",
    ],
    ["metadata NaN", () => asked({ metadataFilter: { a: { b: NaN } } }), "metadataFilter.a must be a JSON value"],
    ["metadata Date", () => asked({ metadataFilter: { a: new Date(0) } }), "metadataFilter.a must be a JSON value"],
    ["metadata bigint", () => asked({ metadataFilter: { a: 1n } }), "metadataFilter.a must be a JSON value, got 1n"],
    ["metadata with U+0000", () => asked({ metadataFilter: { a: "\0" } }), 'metadataFilter."a" holds U+0000'],
    ["limit 0", () => asked({}, { limit: 0 }), "limit must be a whole number from 1 to 1000, got 0"],
    ["limit 1001", () => asked({}, { limit: 1_001 }), "limit must be a whole number from 1 to 1000, got 1001"],
    ["limit 1.5", () => asked({}, { limit: 1.5 }), "limit"],
    ["offset -1", () => asked({}, { offset: -1 }), "offset must be a whole number from 0"],
    ["an unknown page key", () => asked({}, { after: 1 }), 'the page has no "after"'],
    [
      "a cursor that is none",
      () => asked({}, { cursor: "nonsense" }),
      'cursor must be the nextCursor of an earlier page, got "nonsense"',
    ],
    [
      "a cursor beyond time",
      () => asked({}, { cursor: Buffer.from("999999999999999 run_1").toString("base64url") }),
      "cursor must be",
    ],
    ["cursor and offset", () => asked({}, { cursor: "x", offset: 1 }), "pass either cursor or offset, not both"],
    ["getRun without an id", () => store.getRun(""), "runId must be text"],
    [
      "getEvents behind -2",
      () => store.getEvents("run", { afterSequenceIndex: -2 }),
      "afterSequenceIndex must be a whole number from -1",
    ],
    ["getSignals of nothing", () => store.getSignals({} as never), "pass either runId or traceId"],
    [
      "getSignals of both",
      () => store.getSignals({ runId: "a", traceId: "b" } as never),
      "pass either runId or traceId",
    ],
    [
      "getSignals of an unknown type",
      () => store.getSignals({ runId: "a" }, { types: ["NOISE" as never] }),
      "types must be one of TASK",
    ],
    ["listWorkers by an unknown key", () => store.listWorkers({ neuron: "x" } as never), 'the filter has no "neuron"'],
    ["countRecorded of no namespace", () => store.countRecorded(""), "namespace must be text"],
  ])("%s", async (_what, ask, message) => {
    await expect(ask()).rejects.toMatchObject({
      name: "RunStoreError",
      code: "INVALID_FILTER",
      message: expect.stringContaining(message),
    });
  });

  test("an unknown status does not compile", () => {
    // @ts-expect-error: not one of RUN_STATUSES
    const filter: RunFilter = { status: "done" };
    expect(filter).toBeDefined();
  });
});

describe("getRun", () => {
  test("gives input, output, and what else a list leaves out", async () => {
    const run = await store.getRun(id(7));
    expect(run).toMatchObject({
      ...all.find((one) => one.runId === id(7)),
      namespace: "array",
      input: { n: 7 },
      output: { n: 7 },
      priority: "normal",
      deadline: null,
      lateTerminals: 0,
    });
    expect(run!.lastSeq).toBe(run!.firstSeq + 1);
  });

  test("gives null for an unknown run", async () => {
    expect(await store.getRun("run_unknown")).toBeNull();
  });
});

describe("getEvents", () => {
  const runId = "run_journal";
  beforeAll(async () => {
    const entries = Array.from({ length: 5 }, (_, n) => ({
      sequence_index: n,
      iteration_index: n >> 1,
      event_type: "step.completed",
      correlation_id: n === 2 ? "c2" : null,
      data: { n },
    }));
    const directed = { id: "w", type: null, capabilities: [] };
    recorded.log.add({
      type: "RUN_EVENT",
      trace_id: newTraceId(),
      directed,
      payload: { entries },
      meta: { run_id: runId },
    });
    await recorded.record();
    await recorded.query("DELETE FROM runs WHERE run_id = $1", [runId]);
  });
  const indexes = async (...args: Parameters<RunStore["getEvents"]>) =>
    (await store.getEvents(...args)).map((event) => event.sequenceIndex);

  test("gives the journal in its order, behind an index, as many as asked for", async () => {
    expect((await store.getEvents(runId))[2]).toEqual({
      sequenceIndex: 2,
      iterationIndex: 1,
      eventType: "step.completed",
      correlationId: "c2",
      data: { n: 2 },
      createdAt: recorded.log.entries.at(-1)!.storedAt,
    });
    expect(await indexes(runId)).toEqual([0, 1, 2, 3, 4]);
    expect(await indexes(runId, { afterSequenceIndex: 0 })).toEqual([1, 2, 3, 4]);
    expect(await indexes(runId, { afterSequenceIndex: 1, limit: 2 })).toEqual([2, 3]);
    expect(await indexes(runId, { afterSequenceIndex: 4 })).toEqual([]);
    expect(await indexes(runId, { afterSequenceIndex: 2 ** 40 })).toEqual([]);
  });

  test("gives none for a plain or unknown run", async () => {
    expect(await store.getEvents(id(1))).toEqual([]);
    expect(await store.getEvents("run_unknown")).toEqual([]);
  });
});

describe("getSignals", () => {
  test("gives the Signals of a run, or of a trace, in the order of the log", async () => {
    const ofRun = await store.getSignals({ runId: id(7) });
    expect(ofRun.map((signal) => signal.type)).toEqual(["TASK", "AGENT_OUTPUT"]);
    const entry = recorded.log.entries.find(({ seq }) => seq === ofRun[0]!.seq)!;
    const signal = entry.parsed.ok ? entry.parsed.signal : undefined;
    expect(ofRun[0]).toEqual({
      seq: entry.seq,
      storedAt: entry.storedAt,
      id: signal!.id,
      type: "TASK",
      traceId: trace(7),
      parentId: null,
      runId: id(7),
      tenantId: "tenant-1",
      ts: new Date(signal!.ts),
      directed: signal!.directed,
      payload: signal!.payload,
      meta: signal!.meta,
    });
    const ofTrace = await store.getSignals({ traceId: trace(7) });
    expect(ofTrace.length).toBeGreaterThan(10);
    expect(ofTrace.map(({ seq }) => seq)).toEqual(ofTrace.map(({ seq }) => seq).sort((a, b) => a - b));
    expect(new Set(ofTrace.map((one) => one.traceId))).toEqual(new Set([trace(7)]));
  });

  test("gives only some types, behind a sequence, as many as asked for", async () => {
    const ofTrace = await store.getSignals({ traceId: trace(2) });
    expect(await store.getSignals({ traceId: trace(2) }, { types: ["ERROR", "STOPPED"] })).toEqual(
      ofTrace.filter(({ type }) => type === "ERROR" || type === "STOPPED"),
    );
    expect(await store.getSignals({ traceId: trace(2) }, { types: [] })).toEqual([]);
    expect(await store.getSignals({ traceId: trace(2) }, { afterSeq: ofTrace[2]!.seq, limit: 2 })).toEqual(
      ofTrace.slice(3, 5),
    );
  });

  test("gives the last ones first when asked to", async () => {
    const ofTrace = await store.getSignals({ traceId: trace(2) });
    expect(await store.getSignals({ traceId: trace(2) }, { order: "desc", limit: 2 })).toEqual(
      [...ofTrace].reverse().slice(0, 2),
    );
    const options = { order: "backwards" as never };
    await expect(store.getSignals({ traceId: trace(2) }, options)).rejects.toThrow("order must be one of asc, desc");
  });

  test("getSignal gives one by its id, by an index, and null for an unknown one", async () => {
    const [task] = await store.getSignals({ runId: id(7) });
    expect(await store.getSignal(task!.id)).toEqual(task);
    expect(await store.getSignal("evt_unknown")).toBeNull();
    await expect(store.getSignal("")).rejects.toMatchObject({ code: "INVALID_FILTER" });
    await recorded.query("SET enable_seqscan = off");
    const plan = await recorded.query(
      "EXPLAIN SELECT seq FROM signals WHERE id = 'evt_1' ORDER BY log_id, seq LIMIT 1",
    );
    await recorded.query("RESET enable_seqscan");
    expect(JSON.stringify(plan)).toMatch(/signals_\w*id_idx/);
  });

  test("finds what belongs to a trace and to no run, also days later and without any run", async () => {
    const [lonely, early] = [newTraceId(), newTraceId()];
    recorded.log.add({
      type: "TASK",
      trace_id: early,
      payload: { input: {} },
      directed: { id: "w", type: null, capabilities: [] },
      meta: { run_id: "run_early" },
    });
    recorded.log.wait(6 * 86_400_000);
    for (const trace_id of [lonely, early]) recorded.log.add({ type: "STOP", trace_id, payload: {} });
    await recorded.record();
    expect((await store.getSignals({ traceId: lonely })).map(({ type }) => type)).toEqual(["STOP"]);
    expect((await store.getSignals({ traceId: early })).map(({ type }) => type)).toEqual(["TASK", "STOP"]);
  });

  test("of a run asks no week but its own", async () => {
    recorded.log.wait(60 * 86_400_000);
    recorded.log.add({ type: "STOP", trace_id: newTraceId(), payload: {} });
    await recorded.record();
    const plan = await recorded.query<{ "QUERY PLAN": string }>(
      `EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) SELECT seq FROM signals WHERE run_id = '${id(7)}'
       AND stored_at >= (SELECT created_at FROM runs WHERE run_id = '${id(7)}') AND stored_at <= (SELECT updated_at FROM runs WHERE run_id = '${id(7)}')`,
    );
    const lines = plan.map((line) => line["QUERY PLAN"]);
    const weekOf = (line: string) => /Scan .*on (signals_\d+)/.exec(line)?.[1];
    expect(new Set(lines.flatMap((line) => weekOf(line) ?? [])).size).toBeGreaterThanOrEqual(2);
    const asked = lines.filter((line) => !line.includes("never executed")).flatMap((line) => weekOf(line) ?? []);
    expect(new Set(asked).size).toBe(1);
  });

  test("gives none for what is unknown", async () => {
    expect(await store.getSignals({ runId: "run_unknown" })).toEqual([]);
    expect(await store.getSignals({ traceId: "trc_unknown" })).toEqual([]);
    expect(await store.getTraceTree("trc_unknown")).toEqual([]);
  });
});

test("getTraceTree hangs each Signal under the one that caused it", async () => {
  const trace_id = newTraceId();
  const directed = { id: "w", type: null, capabilities: [] };
  const task = createSignal({ type: "TASK", trace_id, directed, payload: { input: {} }, meta: { run_id: "run_tree" } });
  const child = createSignal({
    type: "TASK",
    trace_id,
    directed,
    parent_id: task.id,
    payload: { input: {} },
    meta: { run_id: "run_child" },
  });
  const { log } = recorded;
  log.add(task);
  log.add(child);
  log.add({
    type: "AGENT_OUTPUT",
    trace_id,
    directed,
    parent_id: child.id,
    payload: { output: {} },
    meta: { run_id: "run_child" },
  });
  log.add({
    type: "AGENT_OUTPUT",
    trace_id,
    directed,
    parent_id: task.id,
    payload: { output: {} },
    meta: { run_id: "run_tree" },
  });
  await recorded.record();
  const shape = (nodes: readonly TraceNode[]): unknown =>
    nodes.map(({ signal, children }) => [signal.type, signal.runId, shape(children)]);
  expect(shape(await store.getTraceTree(trace_id))).toEqual([
    [
      "TASK",
      "run_tree",
      [
        ["TASK", "run_child", [["AGENT_OUTPUT", "run_child", []]]],
        ["AGENT_OUTPUT", "run_tree", []],
      ],
    ],
  ]);
});

test("listWorkers gives each neuron of each process", async () => {
  const directed = { id: "neuron-9", type: null, capabilities: ["text"] };
  const { log } = recorded;
  const register = (instance: string) =>
    log.add({
      type: "REGISTER",
      trace_id: newTraceId(),
      directed,
      payload: { role: "axon", capabilities: ["text"], concurrency: 2 },
      meta: { instance },
    });
  register("dnd_1");
  const last = register("dnd_2");
  const left = log.add({
    type: "DEREGISTER",
    trace_id: newTraceId(),
    directed,
    payload: {},
    meta: { instance: "dnd_2" },
  });
  await recorded.record();
  const workers = await store.listWorkers({ namespace: "array", neuronId: "neuron-9" });
  expect(workers).toMatchObject([
    {
      instanceId: "dnd_1",
      status: "registered",
      concurrency: 2,
      capabilities: ["text"],
      processed: 0,
      leftAt: null,
      label: null,
    },
    {
      instanceId: "dnd_2",
      status: "left",
      registeredAt: last.storedAt,
      lastSeenAt: left.storedAt,
      leftAt: left.storedAt,
    },
  ]);
  expect(
    (await store.listWorkers({ neuronId: "neuron-9", seenAfter: last.storedAt })).map(({ instanceId }) => instanceId),
  ).toEqual(["dnd_2"]);
  expect(await store.listWorkers({ namespace: "other" })).toEqual([]);
});

test("R2: countRecorded accounts for every sequence of the log", async () => {
  const { log } = recorded;
  log.addBytes("garbage");
  log.addBytes("gone");
  log.add({ type: "STOP", trace_id: newTraceId(), payload: {} });
  log.remove(log.lastSeq - 1, log.lastSeq - 1);
  await recorded.record();
  const counted = await store.countRecorded("array");
  expect(counted).toEqual({ position: log.lastSeq, signals: log.lastSeq - 2, deadLetters: 1, missing: 1 });
  expect(await store.countRecorded("other")).toBeNull();
});

describe("connections", () => {
  test("H1: a RunStore of its own cannot write, whatever it is made to ask", async () => {
    await using own = await recorded.database.snapshot();
    // A read that would write: listRuns asks a view whose function inserts.
    await own.query(`ALTER TABLE runs RENAME TO runs_table;
      CREATE FUNCTION writes() RETURNS SETOF runs_table LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO recorder_gaps VALUES (1, 1000, 1000); RETURN QUERY SELECT * FROM runs_table; END $$;
      CREATE VIEW runs AS SELECT * FROM writes()`);
    await using reading = RunStore.fromDatabaseUrl(own.url);
    await expect(reading.listRuns()).rejects.toMatchObject({
      code: "QUERY_FAILED",
      message: expect.stringContaining("read-only transaction"),
    });
    expect(await own.query("SELECT * FROM recorder_gaps WHERE from_seq = 1000")).toEqual([]);
  });

  test("H1: nor when the URL brings options of its own", async () => {
    const url = new URL(recorded.database.url);
    url.searchParams.set("options", "-c default_transaction_read_only=off -c statement_timeout=9999");
    const db = await openDatabase(url.toString(), { applicationName: "test", readOnly: true });
    const [row] = await db.$queryRawUnsafe<unknown[]>(
      "SELECT current_setting('default_transaction_read_only') AS ro, current_setting('statement_timeout') AS timeout",
    );
    await db.close();
    expect(row).toEqual({ ro: "on", timeout: "9999ms" });
  });

  test("a store over somebody's client leaves it open", async () => {
    const client = await openDatabase(recorded.database.url, { applicationName: "test" });
    const over = RunStore.fromClient(client);
    expect(await over.countRuns({ status: "error" })).toBe(10);
    await over.close();
    await expect(over.countRuns()).rejects.toMatchObject({ code: "CLOSED" });
    expect(await client.$queryRawUnsafe("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await client.close();
  });

  test("closing twice is fine, using it afterwards is an error, and one never used closes too", async () => {
    const own = RunStore.fromDatabaseUrl(recorded.database.url);
    await own.countRuns();
    await Promise.all([own.close(), own.close()]);
    await own.close();
    await expect(own.getRun(id(1))).rejects.toMatchObject({ name: "RunStoreError", code: "CLOSED" });
    await RunStore.fromDatabaseUrl(recorded.database.url).close();
  });

  test("times are right whatever the zone of the database", async () => {
    await using own = await recorded.database.snapshot();
    await own.query(`ALTER DATABASE ${own.name} SET timezone = 'America/New_York'`);
    await using elsewhere = RunStore.fromDatabaseUrl(own.url);
    const wanted = await store.getRun(id(7));
    expect(await elsewhere.getRun(id(7))).toEqual(wanted);
    const page = await elsewhere.listRuns({ startedAfter: wanted!.createdAt }, { limit: 1_000 });
    expect(page.runs.map(({ runId }) => runId)).toContain(id(7));
    expect(await elsewhere.countRuns({ startedBefore: wanted!.createdAt })).toBe(
      await store.countRuns({ startedBefore: wanted!.createdAt }),
    );
  });

  test("a database that is away, without tables, or no database at all is said", async () => {
    await using away = RunStore.fromDatabaseUrl("postgresql://app:secret@127.0.0.1:1/x");
    await expect(away.getRun("run")).rejects.toMatchObject({ name: "RunStoreError", code: "DATABASE_UNAVAILABLE" });
    await using empty = await withEmptyDatabase();
    await using unmigrated = RunStore.fromDatabaseUrl(empty.url);
    await expect(unmigrated.getRun("run")).rejects.toMatchObject({
      code: "NOT_MIGRATED",
      message: expect.stringContaining("migrate(databaseUrl)"),
    });
    expect(() => RunStore.fromDatabaseUrl("localhost")).toThrow("a database URL looks like");
  });

  test("a schema other than public may be named in the URL", async () => {
    await using own = await recorded.database.snapshot();
    await own.query(
      "CREATE SCHEMA other; ALTER TABLE runs SET SCHEMA other; ALTER TABLE logs SET SCHEMA other; ALTER TABLE run_events SET SCHEMA other",
    );
    await using elsewhere = RunStore.fromDatabaseUrl(`${own.url}?schema=other`);
    expect(await elsewhere.getRun(id(1))).toMatchObject({ runId: id(1) });
    expect(() => RunStore.fromDatabaseUrl(`${own.url}?schema=a;b`)).toThrow('?schema= must be a plain name, got "a;b"');
  });
});

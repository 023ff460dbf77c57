/** What Signals make of a run's row. Each story is recorded in one batch and again Signal by Signal: the same must come out. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import { createSignal, encodeSignal, newRunId, newTraceId, parseSignal, type Signal } from "@myelin/bus";
import { ArrayLog } from "../../../../test/helpers/array-log.ts";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { withRecordedLog, type RecordedLog } from "../../../../test/helpers/with-recorded-log.ts";

let recorded: RecordedLog;
let log: ArrayLog;
beforeAll(async () => {
  recorded = await withRecordedLog();
});
beforeEach(async () => {
  log = recorded.log;
  log.recreate();
});
afterAll(async () => {
  await recorded[Symbol.asyncDispose]();
});
expectNoLeaks();

const worker = { id: "worker", type: "neuron", capabilities: [] };

type Step =
  | "task"
  | "timed task"
  | "timed wake-up"
  | "timed question"
  | "wake-up"
  | "output"
  | "final"
  | "error"
  | "stopped"
  | "question"
  | "permission"
  | "told permission"
  | "escalation"
  | Entry;
type Entry = { event_type: string; data?: Record<string, unknown>; iteration_index?: number };

const PAUSED: Entry = { event_type: "run.paused", data: { status: "waiting_approval" } };

function tellRun(steps: Step[], runId = newRunId()) {
  const trace_id = newTraceId();
  let sequence = 0;
  for (const step of steps) {
    const common = { trace_id, directed: worker, meta: { run_id: runId, attempt: 1 } };
    if (typeof step === "object") {
      const entry = { iteration_index: 0, correlation_id: null, data: {}, sequence_index: sequence++, ...step };
      log.add({ ...common, type: "RUN_EVENT", payload: { entries: [entry] } });
      continue;
    }
    const add = {
      task: () => log.add({ ...common, type: "TASK", payload: { input: { n: 1 }, metadata: { thread_id: "t1" } } }),
      "timed task": () =>
        log.add({ ...common, type: "TASK", payload: { input: {}, deadline: "2026-11-20T12:00:00Z" } }),
      "timed wake-up": () =>
        log.add({
          ...common,
          type: "TASK",
          payload: {
            input: {},
            answers: [{ kind: "clarification", question: "?", answer: "!" }],
            deadline: "2026-11-21T12:00:00Z",
          },
        }),
      "timed question": () =>
        log.add({ ...common, type: "CLARIFICATION", payload: { question: "?", expires_at: "2026-11-22T12:00:00Z" } }),
      "wake-up": () =>
        log.add({
          ...common,
          type: "TASK",
          payload: {
            input: { n: 2 },
            metadata: { thread_id: "other" },
            answers: [{ kind: "clarification", question: "?", answer: "!" }],
          },
        }),
      output: () => log.add({ ...common, type: "AGENT_OUTPUT", payload: { output: { a: log.lastSeq + 1 } } }),
      final: () => log.add({ ...common, type: "FINAL", payload: { result: { f: 1 } } }),
      error: () =>
        log.add({ ...common, type: "ERROR", payload: { code: "BROKEN", message: "it broke", recoverable: true } }),
      stopped: () => log.add({ ...common, type: "STOPPED", payload: {} }),
      question: () => log.add({ ...common, type: "CLARIFICATION", payload: { question: "?" } }),
      permission: () => log.add({ ...common, type: "PERMISSION", payload: { action: "delete" } }),
      "told permission": () =>
        log.add({ ...common, type: "PERMISSION", payload: { action: "delete", context: { pause_id: "pause_1" } } }),
      escalation: () => log.add({ ...common, type: "ESCALATION", payload: { reason: "too hard" } }),
    } satisfies Record<Exclude<Step, object>, () => unknown>;
    add[step]();
  }
  return runId;
}

async function rowOf(runId: string) {
  const [row] = await recorded.query("SELECT * FROM runs WHERE run_id = $1", [runId]);
  return row;
}

describe.each<[title: string, steps: Step[], row: Record<string, unknown>]>([
  [
    "a TASK is a run that runs",
    ["task"],
    {
      status: "running",
      input: { n: 1 },
      metadata: { thread_id: "t1" },
      neuron_id: "worker",
      attempts: 1,
      ended_at: null,
      terminals: 0,
    },
  ],
  [
    "AGENT_OUTPUT ends it with success",
    ["task", "output"],
    { status: "success", output: { a: 2 }, input: { n: 1 }, error_code: null, terminals: 1 },
  ],
  ["FINAL does so too", ["task", "final"], { status: "success", output: { f: 1 } }],
  [
    "ERROR ends it with error",
    ["task", "error"],
    { status: "error", output: null, error_code: "BROKEN", error_message: "it broke", error_recoverable: true },
  ],
  ["STOPPED ends it as cancelled", ["task", "stopped"], { status: "cancelled", output: null, error_code: null }],
  ["CLARIFICATION waits for human input", ["task", "question"], { status: "waiting_human_input", terminal_seq: null }],
  ["PERMISSION waits for approval", ["task", "permission"], { status: "waiting_approval" }],
  ["ESCALATION waits for approval", ["task", "escalation"], { status: "waiting_approval" }],
  [
    "a wake-up runs again, and asks nothing new",
    ["task", "question", "wake-up"],
    { status: "running", input: { n: 1 }, metadata: { thread_id: "t1" }, task_seq: "1", live_seq: "3" },
  ],
  [
    "a run whose TASK is gone takes what its wake-up says",
    ["wake-up"],
    { status: "running", input: { n: 2 }, task_seq: null },
  ],
  ["of two TASKs the first one asks", ["task", "task"], { task_seq: "1", input: { n: 1 } }],
  [
    "of two terminals the first one counts",
    ["task", "output", "error"],
    { status: "success", output: { a: 2 }, error_code: null, terminal_seq: "2", terminals: 2, last_seq: "3" },
  ],
  [
    "the other way round too",
    ["task", "error", "output"],
    { status: "error", output: null, error_code: "BROKEN", terminals: 2 },
  ],
  [
    "a question after the end changes nothing",
    ["task", "output", "question", "wake-up"],
    { status: "success", live_seq: "1", last_seq: "4" },
  ],
  [
    "a reply without its TASK is a run all the same",
    ["output"],
    { status: "success", input: null, metadata: {}, neuron_id: "worker" },
  ],
  ["run.started runs", [{ event_type: "run.started" }], { status: "running", input: null, iteration_count: 0 }],
  [
    "run.paused waits for what it says",
    ["task", { event_type: "run.paused", data: { status: "waiting_client_tool" } }],
    { status: "waiting_client_tool" },
  ],
  [
    "run.paused that says nothing waits for human input",
    ["task", { event_type: "run.paused" }],
    { status: "waiting_human_input" },
  ],
  [
    "run.resumed runs again",
    ["task", { event_type: "run.paused" }, { event_type: "run.resumed" }],
    { status: "running" },
  ],
  [
    "the question of a journal is told twice, and waits once",
    ["task", PAUSED, "told permission"],
    { status: "waiting_approval", live_seq: "3" },
  ],
  [
    "one that was answered before the second telling was stored waits no more",
    ["task", PAUSED, { event_type: "run.resumed" }, "told permission"],
    { status: "running", live_seq: "3", last_seq: "4" },
  ],
  ["one whose journal is gone waits all the same", ["told permission"], { status: "waiting_approval" }],
  [
    "run.error is an error before the reply says so",
    ["task", { event_type: "run.error" }],
    { status: "error", terminal_seq: null, error_code: null },
  ],
  ["run.cancelled is cancelled", ["task", { event_type: "run.cancelled" }], { status: "cancelled" }],
  [
    "an attempt after an error runs again",
    ["task", { event_type: "run.error" }, { event_type: "attempt.started" }],
    { status: "running" },
  ],
  [
    "the reply of a run that used up its iterations does not make it a success",
    ["task", { event_type: "run.completed", data: { status: "max_iterations" } }, "output"],
    { status: "max_iterations", output: { a: 3 } },
  ],
  [
    "but a run that went on after that does",
    [
      "task",
      { event_type: "run.completed", data: { status: "max_iterations" } },
      { event_type: "run.resumed" },
      "output",
    ],
    { status: "success" },
  ],
  [
    "the deadline is the TASK's",
    ["timed task"],
    { deadline: new Date("2026-11-20T12:00:00Z"), last_task_seq: "1", pause_expires_at: null },
  ],
  [
    "a question keeps the deadline of its TASK, and says until when it waits",
    ["timed task", "timed question"],
    { deadline: new Date("2026-11-20T12:00:00Z"), pause_expires_at: new Date("2026-11-22T12:00:00Z") },
  ],
  [
    "a wake-up brings its own deadline",
    ["timed task", "timed question", "timed wake-up"],
    { deadline: new Date("2026-11-21T12:00:00Z"), task_seq: "1", last_task_seq: "3", pause_expires_at: null },
  ],
  [
    "a wake-up without a deadline has none",
    ["timed task", "timed question", "wake-up"],
    { deadline: null, last_task_seq: "3" },
  ],
  [
    "the last question says until when it waits",
    ["timed task", "timed question", "question"],
    { pause_expires_at: null, live_seq: "3" },
  ],
  [
    "a TASK after the end changes no deadline",
    ["timed task", "output", "timed wake-up"],
    { deadline: new Date("2026-11-20T12:00:00Z"), last_task_seq: "1", status: "success" },
  ],
  [
    "the iteration count is the greatest",
    [
      { event_type: "llm.completed", iteration_index: 3 },
      { event_type: "llm.completed", iteration_index: 2 },
    ],
    { iteration_count: 3 },
  ],
])("%s", (_title, steps, row) => {
  test("R1: in one batch", async () => {
    const runId = tellRun(steps);
    await recorded.record();
    expect(await rowOf(runId)).toMatchObject(row);
  });

  test("R1: Signal by Signal, and all again", async () => {
    const whole = new ArrayLog();
    const runId = newRunId();
    tellRun(steps, runId);
    whole.entries = log.entries;
    log.entries = [];
    for (const entry of whole.entries) {
      log.entries = [...log.entries, entry];
      await recorded.record();
    }
    expect(await rowOf(runId)).toMatchObject(row);
    await recorded.query("UPDATE recorder_positions SET seq = 0 WHERE seq = $1", [log.lastSeq]);
    await recorded.record();
    expect(await rowOf(runId)).toMatchObject(row);
  });
});

test("what was given at dispatch is on the run", async () => {
  const trace_id = newTraceId();
  const run_id = newRunId();
  const entry = log.add({
    type: "TASK",
    trace_id,
    directed: worker,
    payload: {
      input: { prompt: "hi" },
      priority: "low",
      deadline: "2026-11-20T12:00:00.5+02:00",
      metadata: { thread_id: "t", user_id: 7 },
    },
    meta: { run_id, tenant_id: "acme", parent_run_id: "run_parent", attempt: 2 },
  });
  await recorded.record();
  expect(await rowOf(run_id)).toMatchObject({
    tenant_id: "acme",
    trace_id,
    parent_run_id: "run_parent",
    priority: "low",
    deadline: new Date("2026-11-20T10:00:00.500Z"),
    metadata: { thread_id: "t", user_id: 7 },
    attempts: 2,
    created_at: entry.storedAt,
    updated_at: entry.storedAt,
  });
  const [signal] = await recorded.query("SELECT * FROM signals WHERE trace_id = $1", [trace_id]);
  expect(signal).toMatchObject({ run_id, tenant_id: "acme", type: "TASK", stored_at: entry.storedAt, parent_id: null });
});

test("a TASK of another make that names no run is the run its worker will answer under", async () => {
  const common = { trace_id: newTraceId(), directed: worker };
  const payload = { input: { n: 1 } };
  log.add({ ...common, id: "evt_77", type: "TASK", payload });
  log.add({ ...common, id: "evt_78", type: "TASK", payload, meta: { run_id: "thread 1" } });
  log.add({ ...common, type: "AGENT_OUTPUT", payload: { output: {} }, meta: { run_id: "run_77" } });
  await recorded.record();
  expect(await rowOf("run_77")).toMatchObject({ status: "success", input: { n: 1 }, task_seq: "1" });
  expect(await rowOf("run_78")).toMatchObject({ status: "running", input: { n: 1 } });
  const signals = "SELECT run_id FROM signals WHERE trace_id = $1 ORDER BY seq";
  expect(await recorded.query(signals, [common.trace_id])).toEqual(
    ["run_77", "run_78", "run_77"].map((run_id) => ({ run_id })),
  );
});

test("a deadline in a year that Postgres does not know is left out, and the TASK is recorded", async () => {
  const run_id = newRunId();
  log.add({
    type: "TASK",
    trace_id: newTraceId(),
    directed: worker,
    payload: { input: {}, deadline: "0000-01-01T00:00:00Z" },
    meta: { run_id },
  });
  await recorded.record();
  expect(await rowOf(run_id)).toMatchObject({ status: "running", deadline: null });
  expect(await recorded.query("SELECT * FROM dead_letters")).toEqual([]);
});

test("times of a run bound its Signals, also when the log's clock went back", async () => {
  const run_id = tellRun(["task"]);
  log.wait(-60_000);
  const early = log.add({
    type: "AGENT_OUTPUT",
    trace_id: newTraceId(),
    directed: worker,
    payload: { output: {} },
    meta: { run_id },
  });
  await recorded.record();
  expect(await rowOf(run_id)).toMatchObject({
    created_at: early.storedAt,
    ended_at: early.storedAt,
    updated_at: log.entries[0]!.storedAt,
  });
});

test("the RUN_EVENT fixture becomes rows of run_events", async () => {
  const bytes = readFileSync(new URL("../../../../test/fixtures/signals/run-event.valid.json", import.meta.url));
  const entry = log.addBytes(bytes);
  const signal = (entry.parsed as { signal: Signal }).signal;
  await recorded.record();
  const rows = await recorded.query("SELECT * FROM run_events WHERE run_id = $1 ORDER BY sequence_index", [
    signal.meta.run_id,
  ]);
  const common = { seq: String(entry.seq), created_at: entry.storedAt, run_id: signal.meta.run_id, tenant_id: "" };
  expect(rows).toMatchObject([
    {
      ...common,
      sequence_index: 0,
      event_type: "run.started",
      iteration_index: 0,
      correlation_id: null,
      data: { agent_name: "support" },
    },
    {
      ...common,
      sequence_index: 1,
      event_type: "llm.completed",
      iteration_index: 1,
      correlation_id: "call_1",
      data: { input_tokens: 12 },
    },
  ]);
});

test("of two entries with one index the first in the log is kept", async () => {
  const run_id = newRunId();
  for (const n of [1, 2]) {
    const entry = {
      sequence_index: 0,
      iteration_index: 0,
      event_type: "step.completed",
      correlation_id: null,
      data: { n },
    };
    log.add({
      type: "RUN_EVENT",
      trace_id: newTraceId(),
      directed: worker,
      payload: { entries: [entry] },
      meta: { run_id },
    });
  }
  await recorded.record();
  expect(await recorded.query("SELECT data FROM run_events WHERE run_id = $1", [run_id])).toEqual([{ data: { n: 1 } }]);
});

test("every week has a partition, made when it is met; each entry is where its stored time says", async () => {
  const before = await partitions();
  log.add({ type: "AUDIT", trace_id: newTraceId(), payload: { kind: "k", domain: "d", outcome: "o", attempt: 1 } });
  log.wait(15 * 86_400_000);
  const late = log.add({
    type: "AUDIT",
    trace_id: newTraceId(),
    ts: "1999-01-01T00:00:00Z",
    payload: { kind: "k", domain: "d", outcome: "o", attempt: 1 },
  });
  await recorded.record();
  const after = await partitions();
  expect(after.length).toBe(before.length + 1);
  const monday = new Date(late.storedAt);
  monday.setUTCDate(monday.getUTCDate() - ((monday.getUTCDay() + 6) % 7));
  const name = `signals_${monday.toISOString().slice(0, 10).replaceAll("-", "")}`;
  expect(after).toContain(name);
  expect(await recorded.query(`SELECT seq FROM ${name}`)).toEqual([{ seq: String(late.seq) }]);
});

const partitions = async () =>
  (
    await recorded.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'signals'::regclass",
    )
  ).map(({ name }) => name);

describe("workers", () => {
  const register = (instance: string, capabilities = ["text"]) =>
    log.add({
      type: "REGISTER",
      trace_id: newTraceId(),
      directed: worker,
      payload: { role: "axon", capabilities, concurrency: 8, version: "1.2" },
      meta: { instance },
    });
  const deregister = (instance: string) =>
    log.add({ type: "DEREGISTER", trace_id: newTraceId(), directed: worker, payload: {}, meta: { instance } });
  const rowsOf = (...instances: string[]) =>
    recorded.query("SELECT * FROM workers WHERE instance_id = ANY($1) ORDER BY instance_id", [instances]);

  test("three replicas of a neuron are three rows", async () => {
    for (const instance of ["dnd_a1", "dnd_a2", "dnd_a3"]) register(instance);
    await recorded.record();
    expect(await rowsOf("dnd_a1", "dnd_a2", "dnd_a3")).toMatchObject(
      ["dnd_a1", "dnd_a2", "dnd_a3"].map((instance_id) => ({
        instance_id,
        neuron_id: "worker",
        namespace: log.namespace,
        status: "registered",
        capabilities: ["text"],
        concurrency: 8,
        version: "1.2",
        left_at: null,
      })),
    );
  });

  test("one that deregisters has left, whether in the same batch or a later one", async () => {
    register("dnd_b1");
    const left = deregister("dnd_b1");
    register("dnd_b2");
    await recorded.record();
    const leftLater = deregister("dnd_b2");
    await recorded.record();
    expect(await rowsOf("dnd_b1", "dnd_b2")).toMatchObject([
      { status: "left", left_at: left.storedAt, capabilities: ["text"] },
      { status: "left", left_at: leftLater.storedAt, capabilities: ["text"] },
    ]);
  });

  test("one that registers again is back", async () => {
    register("dnd_c1");
    deregister("dnd_c1");
    await recorded.record();
    register("dnd_c1", ["text", "chat"]);
    await recorded.record();
    expect(await rowsOf("dnd_c1")).toMatchObject([
      { status: "registered", left_at: null, capabilities: ["text", "chat"] },
    ]);
  });
});

test("a Signal of another make without meta is a row, and belongs to no run", async () => {
  const { meta: _meta, ...rest } = createSignal({ type: "STOP", trace_id: newTraceId(), payload: {} });
  const bytes = new TextEncoder().encode(JSON.stringify(rest));
  expect(parseSignal(bytes).ok).toBe(true);
  log.addBytes(bytes);
  log.addBytes(
    encodeSignal(createSignal({ type: "STOP", trace_id: rest.trace_id, payload: {}, meta: { run_id: "" } })),
  );
  await recorded.record();
  const rows = await recorded.query("SELECT run_id, tenant_id, meta FROM signals WHERE trace_id = $1 ORDER BY seq", [
    rest.trace_id,
  ]);
  expect(rows).toEqual([
    { run_id: null, tenant_id: "", meta: {} },
    { run_id: null, tenant_id: "", meta: { run_id: "" } },
  ]);
});

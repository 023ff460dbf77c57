/** What makes a dead letter of a task. Each story is recorded in one batch and again entry by entry: the same must come out. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { newRunId, newTraceId, type LogEntry, type Signal, type SignalId } from "@myelin/bus";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { withRecordedLog, type RecordedLog } from "../../../../test/helpers/with-recorded-log.ts";
import type { DeadLetter } from "../store/views.ts";
import { RunStore } from "../store/run-store.ts";

let recorded: RecordedLog;
let store: RunStore;
beforeAll(async () => {
  recorded = await withRecordedLog();
  store = RunStore.fromDatabaseUrl(recorded.database.url);
});
beforeEach(async () => {
  recorded.log.recreate();
  await recorded.query("TRUNCATE logs, recorder_positions, recorder_gaps, signals, runs, run_events, dead_letters");
});
afterAll(async () => {
  await store.close();
  await recorded[Symbol.asyncDispose]();
});
expectNoLeaks();

const worker = { id: "worker", type: "neuron", capabilities: [] };
const idOf = ({ parsed }: LogEntry): SignalId => (parsed as { signal: Signal }).signal.id;
const trace_id = newTraceId();
const attempts = [
  { attempt: 1, code: "MODEL_OVERLOADED", message: "busy", at: "2026-11-16T08:00:00.000Z", instance: "dnd_1" },
];

function ask(run_id: string, init: { id?: SignalId; parent_id?: SignalId } = {}): LogEntry {
  return recorded.log.add({
    type: "TASK",
    trace_id,
    directed: worker,
    payload: { input: {} },
    meta: { run_id },
    ...init,
  });
}
function fail(run_id: string, task: LogEntry, init: { id?: SignalId; payload?: object } = {}): LogEntry {
  return recorded.log.add({
    type: "ERROR",
    trace_id,
    parent_id: idOf(task),
    directed: worker,
    meta: { run_id, tenant_id: "acme", task_seq: task.seq, attempt: 2 },
    ...init,
    payload: { code: "BROKEN", message: "it broke", recoverable: true, ...init.payload },
  });
}
function answer(run_id: string, task: LogEntry): LogEntry {
  const meta = { run_id, task_seq: task.seq };
  return recorded.log.add({ type: "AGENT_OUTPUT", trace_id, directed: worker, payload: { output: {} }, meta });
}

/** The dead letters after the story was recorded in one batch; the same must come of recording it entry by entry, and again. */
async function deadLetters(): Promise<readonly DeadLetter[]> {
  const { log } = recorded;
  await recorded.record();
  const { deadLetters: atOnce } = await store.listDeadLetters();
  await recorded.query("TRUNCATE signals, runs, dead_letters");
  await recorded.query("UPDATE recorder_positions SET seq = 0");
  const all = log.entries;
  log.entries = [];
  for (const entry of all) {
    log.entries = [...log.entries, entry];
    await recorded.record();
  }
  expect((await store.listDeadLetters()).deadLetters).toEqual(atOnce);
  await recorded.query("UPDATE recorder_positions SET seq = 0");
  await recorded.record();
  expect((await store.listDeadLetters()).deadLetters).toEqual(atOnce);
  return atOnce;
}

test("R1: a run whose first terminal is the ERROR of a durable task is a dead letter, with its history", async () => {
  const runId = newRunId();
  const task = ask(runId);
  const error = fail(runId, task, { payload: { attempts } });
  expect(await deadLetters()).toEqual([
    {
      id: idOf(error),
      kind: "task",
      code: "BROKEN",
      message: "it broke",
      namespace: recorded.log.namespace,
      seq: 2,
      createdAt: error.storedAt,
      tenantId: "acme",
      runId,
      neuronId: "worker",
      traceId: trace_id,
      taskSeq: 1,
      attempts,
      replayedRunId: null,
    },
  ]);
  expect(await store.getDeadLetter(idOf(error))).toMatchObject({ id: idOf(error), subject: null, bytes: null });
  expect(await store.countRecorded(recorded.log.namespace)).toMatchObject({ position: 2, signals: 2, deadLetters: 0 });
});

test("R1: a run that ended before its ERROR is none, and neither is the ERROR of a transient task", async () => {
  const [answered, transient] = [newRunId(), newRunId()];
  const task = ask(answered);
  answer(answered, task);
  fail(answered, task);
  const payload = { code: "BROKEN", message: "live", recoverable: false };
  recorded.log.add({ type: "ERROR", trace_id, directed: worker, payload, meta: { run_id: transient } });
  expect(await deadLetters()).toEqual([]);
});

test("R1: of several ERRORs of a run the first is the dead letter, whatever comes after it", async () => {
  const runId = newRunId();
  const task = ask(runId);
  const first = fail(runId, task);
  fail(runId, task, { payload: { code: "LATE" } });
  answer(runId, task);
  expect(await deadLetters()).toMatchObject([{ id: idOf(first), code: "BROKEN" }]);
});

test("R1: it names the run of the first TASK that follows it and has it as parent", async () => {
  const [runId, early, again, third] = [newRunId(), newRunId(), newRunId(), newRunId()];
  const id = "evt_known_before" as const;
  const task = ask(runId);
  ask(early, { parent_id: id });
  fail(runId, task, { id });
  ask(again, { parent_id: id });
  ask(third, { parent_id: id });
  expect(await deadLetters()).toMatchObject([{ id, replayedRunId: again }]);
});

test("what an ERROR claims of its attempts is kept only when it is a list", async () => {
  const runId = newRunId();
  recorded.log.addBytes(
    JSON.stringify({
      v: "1",
      id: "evt_odd",
      trace_id,
      type: "ERROR",
      ts: "2026-11-16T08:00:00Z",
      directed: worker,
      payload: { code: "X", message: "m", recoverable: false },
      meta: { run_id: runId, task_seq: 1 },
    }).replace('"task_seq":1', '"task_seq":1.0'),
  );
  expect(await deadLetters()).toMatchObject([{ id: "evt_odd", taskSeq: 1, attempts: [] }]);
});

test("an ERROR that Postgres cannot hold is a dead letter twice: the message, and the task", async () => {
  const runId = newRunId();
  const error = fail(runId, ask(runId), { payload: { message: "nul \0" } });
  const found = await deadLetters();
  expect(found.map(({ id, kind, code, message }) => [id, kind, code, message])).toEqual([
    ["msg_1_2", "message", "UNSTORABLE", expect.any(String)],
    [idOf(error), "task", "BROKEN", "nul \ufffd"],
  ]);
});

test("listDeadLetters filters, and pages by cursor without missing or repeating one", async () => {
  for (let n = 0; n < 25; n++) {
    const runId = newRunId();
    if (n % 5 === 0) recorded.log.addBytes(`garbage ${n}`);
    fail(runId, ask(runId), { payload: { code: n % 2 === 0 ? "EVEN" : "ODD" } });
    if (n % 3 === 0) recorded.log.wait(-1_000); // several at one time: the id decides
  }
  await recorded.record();
  const { deadLetters: all, nextCursor } = await store.listDeadLetters();
  expect([all.length, nextCursor]).toEqual([30, null]);
  const paged: DeadLetter[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await store.listDeadLetters({ limit: 7, cursor });
    paged.push(...page.deadLetters);
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  expect(paged).toEqual(all);
  const sorted = [...all].sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1));
  expect(all).toEqual(sorted);
  const count = async (options: Parameters<RunStore["listDeadLetters"]>[0]) =>
    (await store.listDeadLetters(options)).deadLetters.length;
  expect(await count({ kind: "message" })).toBe(5);
  expect(await count({ kind: "task", code: "EVEN" })).toBe(13);
  expect(await count({ neuronId: "worker", tenantId: "acme" })).toBe(25);
  expect(await count({ tenantId: null })).toBe(5);
  expect(await count({ neuronId: "other" })).toBe(0);
  const [message] = (await store.listDeadLetters({ kind: "message", limit: 1 })).deadLetters;
  const detail = await store.getDeadLetter(message!.id);
  expect(new TextDecoder().decode(detail!.bytes)).toBe("garbage 20");
  expect(detail).toMatchObject({ code: "NOT_JSON", runId: null, traceId: null, neuronId: null, attempts: [] });
  expect(await store.getDeadLetter("evt_unknown")).toBeNull();
});

test.each<[object, string]>([
  [{ kind: "tasks" }, "kind must be one of task, message"],
  [{ limit: 0 }, "limit must be a whole number from 1 to 1000"],
  [{ cursor: "x" }, "cursor must be the nextCursor"],
  [{ tenant: "a" }, 'the options has no "tenant"'],
  [{ code: "" }, "code must be text"],
])("listDeadLetters refuses %p", async (options, message) => {
  await expect(store.listDeadLetters(options as never)).rejects.toThrow(message);
});

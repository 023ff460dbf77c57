/** R2 for what cannot be a row: it is a dead letter, with its bytes, and its neighbours never notice. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { randomBytes } from "node:crypto";
import { createSignal, encodeSignal, newRunId, newTraceId } from "@myelin/bus";
import type { ArrayLog } from "../../../../test/helpers/array-log.ts";
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
  await recorded.query("TRUNCATE logs, recorder_positions, recorder_gaps, signals, runs, run_events, dead_letters");
});
afterAll(async () => {
  await recorded[Symbol.asyncDispose]();
});
expectNoLeaks();

const worker = { id: "worker", type: "neuron", capabilities: [] };
const addGood = (run_id = newRunId()) =>
  log.add({ type: "TASK", trace_id: newTraceId(), directed: worker, payload: { input: {} }, meta: { run_id } });

/** An AGENT_OUTPUT as text, with something put in place of `OUTPUT`. */
function outputText(run_id: string, output: string, ts = "2026-11-16T08:00:00Z"): string {
  const signal = createSignal({
    type: "AGENT_OUTPUT",
    trace_id: newTraceId(),
    directed: worker,
    ts,
    payload: { output: { text: "OUTPUT" } },
    meta: { run_id },
  });
  return JSON.stringify(signal).replace('"OUTPUT"', () => output);
}

const deadLetters = () => recorded.query<Record<string, unknown>>("SELECT * FROM dead_letters ORDER BY seq");
const seqs = async () =>
  (await recorded.query<{ seq: string }>("SELECT seq FROM signals ORDER BY seq")).map(({ seq }) => Number(seq));

const nested = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;

test.each<[what: string, text: (runId: string) => string, outputOnRun: unknown]>([
  ["U+0000 in a text", (run) => outputText(run, '"a\\u0000b"'), { text: "a\ufffdb" }],
  ["U+0000 in a key", (run) => outputText(run, '{"a\\u0000":1}'), { text: { "a\ufffd": 1 } }],
  ["half a surrogate pair", (run) => outputText(run, '"a\\ud83d b"'), { text: "a\ufffd b" }],
  ["a number beyond every form", (run) => outputText(run, "1e999999"), { text: null }],
  [
    "a time in a year that Postgres does not know",
    (run) => outputText(run, '"fine"', "0000-01-01T00:00:00Z"),
    { text: "fine" },
  ],
])(
  "R2: a Signal with %s is a dead letter with its bytes; its run ends, with what can be shown",
  async (_what, text, output) => {
    const runId = newRunId();
    for (let n = 0; n < 5; n++) addGood();
    addGood(runId);
    const poison = log.addBytes(text(runId), "myelin.array.put.AGENT_OUTPUT.x._.00.y");
    for (let n = 0; n < 5; n++) addGood();
    expect(poison.parsed.ok).toBe(true);
    await recorded.record();
    expect(await seqs()).toEqual([1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]);
    const letters = await deadLetters();
    expect(letters).toMatchObject([
      {
        id: "msg_1_7",
        kind: "message",
        seq: "7",
        code: "UNSTORABLE",
        subject: poison.subject,
        run_id: runId,
        stored_at: poison.storedAt,
      },
    ]);
    expect(new Uint8Array(letters[0]!["bytes"] as Buffer)).toEqual(poison.bytes);
    const [run] = await recorded.query("SELECT status, output, terminals FROM runs WHERE run_id = $1", [runId]);
    expect(run).toEqual({ status: "success", output, terminals: 1 });
  },
);

test("R2: what is no Signal is a dead letter with the reason the bus gives", async () => {
  addGood();
  log.addBytes("not json");
  log.addBytes('{"v":"1"}');
  log.addBytes('{"v":"9"}');
  log.addBytes(new Uint8Array([0xff, 0x00, 0xfe]));
  log.addBytes(new Uint8Array(0));
  log.addBytes(JSON.stringify({ v: "1", type: "TASK", id: "bad \0 id" }));
  addGood();
  await recorded.record();
  expect(await seqs()).toEqual([1, 8]);
  const letters = await deadLetters();
  expect(letters.map(({ code }) => code)).toEqual([
    "NOT_JSON",
    "UNKNOWN_TYPE",
    "WRONG_VERSION",
    "NOT_JSON",
    "NOT_JSON",
    "WRONG_SHAPE",
  ]);
  expect(new Uint8Array(letters[3]!["bytes"] as Buffer)).toEqual(new Uint8Array([0xff, 0x00, 0xfe]));
});

test("R2: nested deeper than Postgres goes is a dead letter, and its run ends", async () => {
  const runId = newRunId();
  addGood(runId);
  log.addBytes(outputText(runId, nested));
  addGood();
  await recorded.record();
  expect(await seqs()).toEqual([1, 3]);
  expect(await deadLetters()).toMatchObject([{ seq: "2", code: "UNSTORABLE" }]);
  expect(await recorded.query("SELECT status FROM runs WHERE run_id = $1", [runId])).toEqual([{ status: "success" }]);
});

test("R2: what cannot be recorded even when mended is a dead letter and no more", async () => {
  addGood();
  const id = randomBytes(6_000).toString("hex"); // an index takes a third of a page
  log.add({
    type: "TASK",
    trace_id: newTraceId(),
    directed: { ...worker, id },
    payload: { input: {} },
    meta: { run_id: "run_long" },
  });
  addGood();
  await recorded.record();
  expect(await seqs()).toEqual([1, 3]);
  expect(await deadLetters()).toMatchObject([{ seq: "2", code: "UNSTORABLE", run_id: "run_long" }]);
  expect(await recorded.query("SELECT FROM runs WHERE run_id = 'run_long'")).toEqual([]);
});

test("R2: many of them, anywhere, and a journal entry whose index is out of range", async () => {
  const good: number[] = [];
  for (let n = 0; n < 40; n++) {
    if (n % 7 === 3) log.addBytes(outputText(newRunId(), "1e999999"));
    else if (n % 7 === 5) {
      const entry = {
        sequence_index: 2 ** 40,
        iteration_index: 0,
        event_type: "run.started",
        correlation_id: null,
        data: {},
      };
      log.add({
        type: "RUN_EVENT",
        trace_id: newTraceId(),
        directed: worker,
        payload: { entries: [entry] },
        meta: { run_id: newRunId() },
      });
    } else good.push(addGood().seq);
  }
  await recorded.record();
  expect(await seqs()).toEqual(good);
  expect((await deadLetters()).length).toBe(40 - good.length);
  expect(await recorded.query("SELECT seq FROM recorder_positions")).toEqual([{ seq: "40" }]);
});

test("R2: a text that only looks like poison is a row", async () => {
  log.addBytes(outputText(newRunId(), '"\\\\u0000 and \\ud83d\\ude00"'));
  await recorded.record();
  expect(await recorded.query("SELECT payload->'output'->>'text' AS text FROM signals")).toEqual([
    { text: "\\u0000 and 😀" },
  ]);
});

test("what the recorder reads from a Signal cannot be forged by it", async () => {
  const signal = createSignal({ type: "STOP", trace_id: newTraceId(), payload: {} });
  const forged = JSON.stringify({ _mended: true, _seq: 77, _at: "1999-01-01T00:00:00Z", ...signal, _mended_: 1 });
  log.addBytes(forged);
  log.addBytes(`${JSON.stringify(signal).slice(0, -1)},"_mended":true,"_seq":78,"_at":"1999-01-01T00:00:00Z"}  `);
  log.addBytes(`\ufeff ${JSON.stringify(signal)}`);
  await recorded.record();
  expect(await seqs()).toEqual([1, 2, 3]);
  expect(await deadLetters()).toEqual([]);
});

test("numbers keep the digits they came with", async () => {
  log.addBytes(outputText(newRunId(), "12345678901234567890.123"));
  await recorded.record();
  expect(await recorded.query("SELECT payload->'output'->>'text' AS text FROM signals")).toEqual([
    { text: "12345678901234567890.123" },
  ]);
});

test("a gap in the log is recorded, at its beginning, inside, and between batches", async () => {
  for (let n = 0; n < 12; n++) addGood();
  log.remove(1, 3);
  log.remove(6, 7);
  const later = log.entries.splice(-2);
  await recorded.record();
  expect(await recorded.query("SELECT from_seq, to_seq FROM recorder_gaps ORDER BY 1")).toEqual([
    { from_seq: "1", to_seq: "3" },
    { from_seq: "6", to_seq: "7" },
  ]);
  log.entries.push(...later.slice(1));
  await recorded.record();
  expect(await recorded.query("SELECT from_seq, to_seq FROM recorder_gaps WHERE from_seq > 7")).toEqual([
    { from_seq: "11", to_seq: "11" },
  ]);
  expect(await seqs()).toEqual([4, 5, 8, 9, 10, 12]);
});

test("a log that was made anew is another log, and hides nothing of the old one", async () => {
  addGood();
  addGood();
  await recorded.record();
  log.recreate();
  log.addBytes(encodeSignal(createSignal({ type: "STOP", trace_id: newTraceId(), payload: {} })));
  await recorded.record();
  expect(await recorded.query("SELECT log_id, seq::int FROM signals ORDER BY log_id, seq")).toEqual([
    { log_id: 1, seq: 1 },
    { log_id: 1, seq: 2 },
    { log_id: 2, seq: 1 },
  ]);
});

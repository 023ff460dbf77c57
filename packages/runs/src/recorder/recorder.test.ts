import { describe, expect, test } from "@jest/globals";
import { connectSynapse, createSignal, newRunId, newTraceId, type Logger, type SynapseStatus } from "@myelin/bus";
import { ArrayLog } from "../../../../test/helpers/array-log.ts";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { leveredDatabase } from "../../../../test/helpers/levered-database.ts";
import { withDatabase, withEmptyDatabase, type TestDatabase } from "../../../../test/helpers/with-database.ts";
import { until } from "../../../../test/helpers/with-fleet.ts";
import { sharedNatsUrl, uniqueNamespace } from "../../../../test/helpers/with-nats.ts";
import { LogRolledBackError } from "../errors.ts";
import type { RecorderOptions, RecorderState } from "./recorder-options.ts";
import { Recorder } from "./recorder.ts";

expectNoLeaks();

const worker = { id: "worker", type: "neuron", capabilities: [] };
const newTask = () =>
  ({
    type: "TASK",
    trace_id: newTraceId(),
    directed: worker,
    payload: { input: { n: 1 } },
    meta: { run_id: newRunId() },
  }) as const;

function addTasks(log: ArrayLog, count: number): void {
  for (let n = 0; n < count; n++) log.add(newTask());
}

const seqsIn = async (db: TestDatabase) =>
  (await db.query<{ seq: string }>("SELECT seq FROM signals ORDER BY log_id, seq")).map(({ seq }) => Number(seq));
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, at) => at + first);

/** A logger that remembers what would wake somebody up. */
function rememberNoise() {
  const noise: string[] = [];
  const loud = (fields: object, event: string) =>
    void noise.push(`${event} ${String((fields as { error?: unknown }).error)}`);
  const logger: Logger = { debug: () => {}, info: () => {}, warn: loud, error: loud };
  return { noise, logger };
}

/** Options whose observer resolves `reached(state)` when the recorder gets there. */
function watched(options: RecorderOptions) {
  const waiting: { state: RecorderState; resolve: () => void }[] = [];
  const states: RecorderState[] = [];
  const stopped: Error[] = [];
  const recorder = new Recorder({
    ...options,
    observer: {
      ...options.observer,
      stateChanged(state) {
        states.push(state);
        for (const one of waiting) if (one.state === state) one.resolve();
      },
      stopped: (error) => void stopped.push(error),
    },
  });
  const reached = (state: RecorderState) =>
    recorder.state === state ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ state, resolve }));
  return { recorder, reached, states, stopped };
}

describe("R2: every entry of the log is recorded", () => {
  test("what is there at the start, what comes later, in batches of any size", async () => {
    await using db = await withDatabase();
    const log = new ArrayLog();
    addTasks(log, 25);
    const sizes: number[] = [];
    await using recorder = new Recorder({
      bus: log,
      databaseUrl: db.url,
      batchSize: 10,
      observer: { batchWritten: ({ entries, signals }) => void sizes.push(entries, signals) },
    });
    await recorder.start();
    await recorder.waitFor(25);
    addTasks(log, 5);
    log.addBytes("garbage");
    await recorder.waitFor(31);
    expect(recorder.position()).toBe(31);
    expect(await recorder.lag()).toBe(0);
    expect(await seqsIn(db)).toEqual(upTo(30));
    expect(await db.query("SELECT seq::int, code FROM dead_letters")).toEqual([{ seq: 31, code: "NOT_JSON" }]);
    expect(Math.max(...sizes)).toBe(10);
  });

  test.each(["memory", "nats"])("of a namespace on %s://", async (transport) => {
    await using db = await withDatabase();
    await using synapse = await connectSynapse(transport === "nats" ? sharedNatsUrl() : "memory://");
    const bus = await synapse.open(uniqueNamespace("recorder"));
    await using recorder = new Recorder({ bus, synapse, databaseUrl: db.url });
    await recorder.start();
    const appended = await Promise.all(Array.from({ length: 300 }, () => bus.append(createSignal(newTask()))));
    await recorder.waitFor(Math.max(...appended.map(({ seq }) => seq)));
    expect(await seqsIn(db)).toEqual(upTo(300));
    const [run] = await db.query("SELECT count(*)::int AS runs FROM runs WHERE status = 'running'");
    expect(run).toEqual({ runs: 300 });
  });

  test("one larger than a batch may be goes alone", async () => {
    await using db = await withDatabase();
    const log = new ArrayLog();
    const text = "x".repeat(5 * 1024 * 1024);
    for (let n = 0; n < 4; n++) log.add({ ...newTask(), payload: { input: { text } } });
    const entries: number[] = [];
    await using recorder = new Recorder({
      bus: log,
      databaseUrl: db.url,
      observer: { batchWritten: (batch) => void entries.push(batch.entries) },
    });
    await recorder.start();
    await recorder.waitFor(4);
    expect(entries).toEqual([1, 1, 1, 1]);
  });

  test("a database restored from an older copy catches up by itself, under a running recorder", async () => {
    await using db = await withDatabase();
    const log = new ArrayLog();
    addTasks(log, 10);
    await using first = new Recorder({ bus: log, databaseUrl: db.url });
    await first.start();
    await first.waitFor(10);
    await first.drain();
    await using copy = await db.snapshot();
    await using client = await leveredDatabase(db.url);
    await using recorder = new Recorder({ bus: log, client, standbyIntervalMs: 10 });
    await recorder.start();
    addTasks(log, 10);
    await recorder.waitFor(20);
    await client.replaceBy(copy.url);
    addTasks(log, 10);
    await recorder.waitFor(30);
    expect(await seqsIn(copy)).toEqual(upTo(30));
    expect(await copy.query("SELECT count(*)::int AS runs FROM runs")).toEqual([{ runs: 30 }]);
  });

  test("connections that Postgres ends are opened again", async () => {
    await using db = await withDatabase();
    const log = new ArrayLog();
    await using recorder = new Recorder({ bus: log, databaseUrl: db.url });
    await recorder.start();
    for (let round = 1; round <= 3; round++) {
      addTasks(log, 50);
      await db.disconnectAll();
      await recorder.waitFor(round * 50);
    }
    expect(await seqsIn(db)).toEqual(upTo(150));
  });

  test("a log that was deleted and made again is recorded from its beginning", async () => {
    await using db = await withDatabase();
    const log = new ArrayLog();
    addTasks(log, 3);
    await using recorder = new Recorder({ bus: log, databaseUrl: db.url, checkIntervalMs: 10 });
    await recorder.start();
    await recorder.waitFor(3);
    log.recreate();
    addTasks(log, 2);
    while ((await seqsIn(db)).length < 5) await new Promise(setImmediate);
    expect(await seqsIn(db)).toEqual([1, 2, 3, 1, 2]);
    // The rows can be seen a moment before the recorder hears that they were written.
    while (recorder.position() === 3) await new Promise(setImmediate);
    expect(recorder.position()).toBe(2);
  });
});

describe("R3: a slow or absent database", () => {
  test("holds up nobody but the recorder, which reads no further ahead than a batch", async () => {
    await using db = await withDatabase();
    await using client = await leveredDatabase(db.url);
    const log = new ArrayLog();
    await using recorder = new Recorder({ bus: log, client, batchSize: 10 });
    await recorder.start();
    const release = client.hold();
    addTasks(log, 1_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(log.yielded).toBeLessThanOrEqual(21);
    expect(recorder.position()).toBe(0);
    expect(await recorder.lag()).toBe(1_000);
    release();
    await recorder.waitFor(1_000);
    expect(await seqsIn(db)).toEqual(upTo(1_000));
  });

  test("is waited for, said once, and what came meanwhile is recorded", async () => {
    await using db = await withDatabase();
    await using client = await leveredDatabase(db.url);
    const log = new ArrayLog();
    const { noise, logger } = rememberNoise();
    const { recorder, reached } = watched({ bus: log, client, logger });
    await using _recorder = recorder;
    await recorder.start();
    client.outage = new Error("the database system is shutting down");
    addTasks(log, 3);
    await reached("waiting");
    const queries = client.queries;
    while (client.queries < queries + 3) await new Promise((resolve) => setTimeout(resolve, 10));
    client.outage = null;
    await recorder.waitFor(3);
    expect(noise).toEqual(["recorder.waiting Error: the database system is shutting down"]);
    expect(await seqsIn(db)).toEqual([1, 2, 3]);
  });

  test("at the start is waited for too, and so is the bus", async () => {
    await using db = await withDatabase();
    await using client = await leveredDatabase(db.url);
    const log = new ArrayLog();
    addTasks(log, 2);
    client.outage = new Error("connect ECONNREFUSED");
    const { recorder, reached } = watched({ bus: log, client });
    await using _recorder = recorder;
    const started = recorder.start();
    await reached("waiting");
    log.outage = new Error("no responders");
    client.outage = null;
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(recorder.state).not.toBe("recording");
    log.outage = null;
    await started;
    await recorder.waitFor(2);
  });
});

describe("two recorders of one log", () => {
  test("one writes, the other stands by without noise, and takes over when the first one goes", async () => {
    await using db = await withDatabase();
    const log = new ArrayLog();
    const { noise, logger } = rememberNoise();
    const options = { bus: log, databaseUrl: db.url, batchSize: 5, standbyIntervalMs: 20, logger };
    const pair = [watched(options), watched(options)] as const;
    await using _first = pair[0].recorder;
    await using _second = pair[1].recorder;
    await Promise.all(pair.map(({ recorder }) => recorder.start()));
    addTasks(log, 50);
    await Promise.race(pair.map(({ reached }) => reached("standby")));
    addTasks(log, 50);
    await Promise.all(pair.map(({ recorder }) => recorder.waitFor(100)));
    // Who is slow for longer than the interval may lose its place: on a busy machine they change it now and then.
    await until(() => pair.filter(({ recorder }) => recorder.state === "recording").length === 1);
    const [active, standby] = pair[0].recorder.state === "standby" ? [pair[1], pair[0]] : [pair[0], pair[1]];
    await active.recorder.drain();
    addTasks(log, 10);
    await standby.recorder.waitFor(110);
    expect(standby.recorder.state).toBe("recording");
    expect(await seqsIn(db)).toEqual(upTo(110));
    expect(noise).toEqual([]);
  });

  test("met for the first time at once, each of four logs gets a number, without noise", async () => {
    await using db = await withDatabase();
    const logs = ["one", "two", "three", "four"].map((namespace) => new ArrayLog(namespace));
    const { noise, logger } = rememberNoise();
    const recorders = logs.map((log) => new Recorder({ bus: log, databaseUrl: db.url, logger }));
    await Promise.all(recorders.map((recorder) => recorder.start()));
    await Promise.all(recorders.map((recorder) => recorder.drain()));
    expect(await db.query("SELECT log_id FROM logs ORDER BY 1")).toEqual([1, 2, 3, 4].map((log_id) => ({ log_id })));
    expect(noise).toEqual([]);
  });
});

describe("a log that was rolled back", () => {
  async function recordedTen() {
    const db = await withDatabase();
    const log = new ArrayLog();
    addTasks(log, 10);
    const first = new Recorder({ bus: log, databaseUrl: db.url });
    await first.start();
    await first.waitFor(10);
    await first.drain();
    return { db, log };
  }

  test("is noticed at the start, when it ends before the position", async () => {
    const { db, log } = await recordedTen();
    await using _db = db;
    log.rollBackTo(7);
    await using recorder = new Recorder({ bus: log, databaseUrl: db.url });
    await expect(recorder.start()).rejects.toMatchObject({
      name: "LogRolledBackError",
      code: "LOG_ROLLED_BACK",
      recordedSeq: 10,
      lastSeq: 7,
      message: expect.stringContaining("it ends at 7, 10 is recorded"),
    });
  });

  test("is noticed when it has grown past the position again, by what it holds there", async () => {
    const { db, log } = await recordedTen();
    await using _db = db;
    log.rollBackTo(7);
    addTasks(log, 10);
    await using recorder = new Recorder({ bus: log, databaseUrl: db.url });
    await expect(recorder.start()).rejects.toThrow(/it holds evt_\w+ at 10, evt_\w+ is recorded/);
    expect(await seqsIn(db)).toEqual(upTo(10));
  });

  test("is noticed by its time when the entry there is no Signal", async () => {
    await using db = await withDatabase();
    const log = new ArrayLog();
    log.addBytes("garbage");
    const first = new Recorder({ bus: log, databaseUrl: db.url });
    await first.start();
    await first.waitFor(1);
    await first.drain();
    log.rollBackTo(0);
    log.addBytes("garbage");
    await using recorder = new Recorder({ bus: log, databaseUrl: db.url });
    await expect(recorder.start()).rejects.toThrow(
      /it stored 1 at 2026-11-16T08:00:02.000Z, 2026-11-16T08:00:01.000Z is recorded/,
    );
  });

  test("ends recording while it runs: within the check interval, and nothing more is written", async () => {
    const { db, log } = await recordedTen();
    await using _db = db;
    const { recorder, reached, stopped } = watched({ bus: log, databaseUrl: db.url, checkIntervalMs: 10 });
    await using _recorder = recorder;
    await recorder.start();
    const waiting = recorder.waitFor(99);
    log.rollBackTo(7);
    await reached("stopped");
    await expect(waiting).rejects.toThrow(LogRolledBackError);
    await expect(recorder.waitFor(99)).rejects.toThrow(LogRolledBackError);
    expect(stopped).toEqual([expect.objectContaining({ code: "LOG_ROLLED_BACK" })]);
    addTasks(log, 10);
    expect(await seqsIn(db)).toEqual(upTo(10));
  });

  test("is noticed at a reconnect before anything that came after it is written", async () => {
    const { db, log } = await recordedTen();
    await using _db = db;
    const listeners = new Set<(status: SynapseStatus) => void>();
    const synapse = {
      onStatus(listener: (status: SynapseStatus) => void) {
        listeners.add(listener);
        return { [Symbol.dispose]: () => void listeners.delete(listener) };
      },
    };
    const { recorder, reached } = watched({ bus: log, databaseUrl: db.url, synapse });
    await using _recorder = recorder;
    await recorder.start();
    expect(listeners.size).toBe(1);
    let release = () => {};
    log.gate = new Promise((resolve) => (release = resolve));
    log.rollBackTo(7);
    for (const listener of listeners) listener({ type: "reconnected" });
    addTasks(log, 10);
    while (log.yielded < 7) await new Promise(setImmediate); // 11 to 17, which the position would take
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    await reached("stopped");
    expect(await seqsIn(db)).toEqual(upTo(10));
    expect(listeners.size).toBe(0);
  });

  test("is not suspected when what was recorded is purged", async () => {
    const { db, log } = await recordedTen();
    await using _db = db;
    log.add(newTask());
    log.remove(1, 10);
    await using recorder = new Recorder({ bus: log, databaseUrl: db.url });
    await recorder.start();
    await recorder.waitFor(11);
    expect(await db.query("SELECT * FROM recorder_gaps")).toEqual([]);
  });
});

describe("drain", () => {
  test("S1: finishes the batch that is being written and begins no other", async () => {
    await using db = await withDatabase();
    await using client = await leveredDatabase(db.url);
    const log = new ArrayLog();
    const { recorder, reached } = watched({ bus: log, client, batchSize: 5 });
    await recorder.start();
    const release = client.hold();
    const before = client.queries;
    addTasks(log, 20);
    while (client.queries === before) await new Promise(setImmediate);
    let isDrained = false;
    const draining = recorder.drain().then(() => (isDrained = true));
    await new Promise(setImmediate);
    expect(isDrained).toBe(false);
    release();
    await draining;
    await reached("stopped");
    expect(await seqsIn(db)).toEqual(upTo(5));
    await expect(recorder.waitFor(6)).rejects.toMatchObject({ code: "CLOSED" });
    await expect(new Recorder({ bus: log, client }).drain()).resolves.toBeUndefined();
  });

  test("ends a recorder that waits for a database, and its start rejects", async () => {
    await using db = await withDatabase();
    await using client = await leveredDatabase(db.url);
    client.outage = new Error("away");
    const { recorder, reached } = watched({ bus: new ArrayLog(), client });
    const started = recorder.start();
    started.catch(() => {});
    await reached("waiting");
    await recorder.drain();
    await expect(started).rejects.toMatchObject({ code: "CLOSED" });
    await expect(recorder.start()).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("waitFor", () => {
  test("times out saying where the position is, and obeys an abort", async () => {
    await using db = await withDatabase();
    await using recorder = new Recorder({ bus: new ArrayLog(), databaseUrl: db.url });
    await recorder.start();
    await recorder.waitFor(0);
    await expect(recorder.waitFor(1, { timeoutMs: 5 })).rejects.toMatchObject({
      code: "TIMEOUT",
      message: "sequence 1 was not recorded within 5 ms; the position is 0",
    });
    await expect(recorder.waitFor(1, { timeoutMs: 0 })).rejects.toMatchObject({ code: "INVALID_OPTION" });
    const abort = new AbortController();
    const waiting = recorder.waitFor(1, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });
});

test("live HEARTBEATs keep the workers up to date; one that has left stays left", async () => {
  await using db = await withDatabase();
  const log = new ArrayLog();
  await using recorder = new Recorder({ bus: log, databaseUrl: db.url });
  await recorder.start();
  const beat = (instance: string, processed: number, label = "node \0 one") => {
    const neuron = {
      neuron_id: "worker",
      capabilities: ["text"],
      concurrency: 8,
      in_flight: 2,
      processed,
      last_processed_at: "2026-11-20T10:00:00Z",
      version: "1.0",
    };
    const signal = createSignal({
      type: "HEARTBEAT",
      trace_id: newTraceId(),
      directed: worker,
      payload: {
        status: "healthy",
        label,
        neurons: [neuron, { ...neuron, neuron_id: "other", last_processed_at: null }],
      },
      meta: { instance },
    });
    for (const hear of log.liveHandlers) hear(signal);
  };
  log.add({
    type: "DEREGISTER",
    trace_id: newTraceId(),
    directed: worker,
    payload: {},
    meta: { instance: "dnd_gone" },
  });
  await recorder.waitFor(1);
  beat("dnd_1", 1);
  beat("dnd_1", 2);
  beat("dnd_2", 5);
  beat("dnd_gone", 5);
  await recorder.drain();
  const rows = await db.query("SELECT * FROM workers WHERE neuron_id = 'worker' ORDER BY instance_id");
  expect(rows).toMatchObject([
    {
      instance_id: "dnd_1",
      namespace: log.namespace,
      label: "node \ufffd one",
      status: "healthy",
      capabilities: ["text"],
      concurrency: 8,
      in_flight: 2,
      processed: "2",
      last_processed_at: new Date("2026-11-20T10:00:00Z"),
      version: "1.0",
      left_at: null,
    },
    { instance_id: "dnd_2", processed: "5" },
    { instance_id: "dnd_gone", status: "left" },
  ]);
  expect(log.liveHandlers.size).toBe(0);
});

test("a database without tables is said at the start", async () => {
  await using db = await withEmptyDatabase();
  await using recorder = new Recorder({ bus: new ArrayLog(), databaseUrl: db.url });
  await expect(recorder.start()).rejects.toMatchObject({
    code: "NOT_MIGRATED",
    message: expect.stringContaining("migrate(databaseUrl)"),
  });
});

test("a Synapse that is drained under a recorder stops it", async () => {
  await using db = await withDatabase();
  const synapse = await connectSynapse("memory://");
  const bus = await synapse.open("drained-under");
  const { recorder, reached, stopped } = watched({ bus, synapse, databaseUrl: db.url });
  await using _recorder = recorder;
  await recorder.start();
  await synapse.drain();
  await reached("stopped");
  expect(stopped).toMatchObject([{ code: "CLOSED" }]);
});

test.each<[string, Partial<RecorderOptions>, string]>([
  ["neither database", {}, "either databaseUrl or client"],
  ["both databases", { databaseUrl: "postgresql://x/y", client: {} as never }, "either databaseUrl or client"],
  [
    "batchSize 0",
    { databaseUrl: "postgresql://x/y", batchSize: 0 },
    "batchSize must be a whole number from 1 to 10000, got 0",
  ],
  [
    "maxWaitMs NaN",
    { databaseUrl: "postgresql://x/y", maxWaitMs: NaN },
    "maxWaitMs must be a whole number from 0 to 10000, got NaN",
  ],
  ["checkIntervalMs 1", { databaseUrl: "postgresql://x/y", checkIntervalMs: 1 }, "checkIntervalMs"],
  ["keepLogMs -1", { databaseUrl: "postgresql://x/y", keepLogMs: -1 }, "keepLogMs must be a whole number from 0"],
  ["keepSignalsMs 0.5", { databaseUrl: "postgresql://x/y", keepSignalsMs: 0.5 }, "keepSignalsMs"],
  ["standbyIntervalMs 1.5", { databaseUrl: "postgresql://x/y", standbyIntervalMs: 1.5 }, "standbyIntervalMs"],
])("a bad option is refused: %s", (_what, options, message) => {
  expect(() => new Recorder({ bus: new ArrayLog(), ...options })).toThrow(message);
});

test("a database URL that is none is refused at the start", async () => {
  await using recorder = new Recorder({ bus: new ArrayLog(), databaseUrl: "localhost:5432" });
  await expect(recorder.start()).rejects.toMatchObject({ code: "INVALID_OPTION" });
});

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { connectSynapse, createSignal, newRunId, newTraceId, type Bus, type Logger } from "@myelin/bus";
import { ArrayLog } from "../../../../test/helpers/array-log.ts";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { withDatabase, type TestDatabase } from "../../../../test/helpers/with-database.ts";
import { until } from "../../../../test/helpers/with-fleet.ts";
import { sharedNatsUrl, uniqueNamespace } from "../../../../test/helpers/with-nats.ts";
import { openDatabase, type OwnedDatabase } from "../database.ts";
import { ensurePartitions } from "./partitions.ts";
import { openPosition } from "./position.ts";
import { Recorder } from "./recorder.ts";
import { dropOldWeeks, purgeLog } from "./retention.ts";
import { writeBatch } from "./write-batch.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let own: TestDatabase;
let db: OwnedDatabase;
beforeAll(async () => {
  own = await withDatabase();
  db = await openDatabase(own.url, { applicationName: "test" });
});
afterAll(async () => {
  await db.close();
  await own[Symbol.asyncDispose]();
});
expectNoLeaks();

const worker = { id: "worker", type: null, capabilities: [] };
const taskOf = (run_id: string) =>
  createSignal({ type: "TASK", trace_id: newTraceId(), directed: worker, payload: { input: {} }, meta: { run_id } });
const outputOf = (run_id: string) =>
  createSignal({
    type: "AGENT_OUTPUT",
    trace_id: newTraceId(),
    directed: worker,
    payload: { output: {} },
    meta: { run_id },
  });

describe("the floor of a log", () => {
  let log: ArrayLog;
  /** A log whose entries are an hour old, a second apart. */
  beforeEach(() => {
    log = new ArrayLog(uniqueNamespace("floor"), new Date(Date.now() - HOUR_MS));
  });
  const addRuns = (count: number) => {
    for (let n = 0; n < count; n++) {
      const runId = newRunId();
      log.add(taskOf(runId));
      log.add(outputOf(runId));
    }
  };
  const record = async () => {
    const { logId, seq } = await openPosition(db, log.namespace, await log.info());
    const entries = log.entries.filter((entry) => entry.seq > seq);
    await writeBatch(db, { logId, namespace: log.namespace }, seq, entries);
  };
  const purge = async (keepLogMs = 600_000) => {
    const purged = await purgeLog(log, db, log, keepLogMs);
    return { purged, first: (await log.info()).firstSeq };
  };

  test("is what is recorded; the entry of the position stays", async () => {
    addRuns(3);
    await record();
    addRuns(2);
    expect(await purge()).toEqual({ purged: 5, first: 6 });
    expect(await purge()).toEqual({ purged: 0, first: 6 });
    await record();
    expect(await purge()).toEqual({ purged: 4, first: 10 });
  });

  test("is the first entry that is not old enough", async () => {
    addRuns(2);
    log.wait(HOUR_MS - 60_000);
    addRuns(2);
    await record();
    expect(await purge()).toEqual({ purged: 4, first: 5 });
    expect(await purge(0)).toEqual({ purged: 3, first: 8 });
  });

  test("is the first entry of an open run, until it has ended", async () => {
    addRuns(2);
    const open = newRunId();
    log.add(taskOf(open));
    addRuns(2);
    await record();
    expect(await purge()).toEqual({ purged: 4, first: 5 });
    log.add(outputOf(open));
    await record();
    expect(await purge()).toEqual({ purged: 5, first: 10 });
  });

  test("is not held for more than thirty days by a run that nothing happens to", async () => {
    const waiting = newRunId();
    log.add(taskOf(waiting));
    addRuns(2);
    await record();
    await own.query("UPDATE runs SET updated_at = now() - interval '29 days' WHERE run_id = $1", [waiting]);
    expect(await purge()).toEqual({ purged: 0, first: 1 });
    await own.query("UPDATE runs SET updated_at = now() - interval '31 days' WHERE run_id = $1", [waiting]);
    expect(await purge()).toEqual({ purged: 4, first: 5 });
  });

  test("is at the beginning of a log that was never recorded, is empty, or is another one by now", async () => {
    expect(await purge()).toMatchObject({ purged: 0 });
    addRuns(2);
    expect(await purge()).toEqual({ purged: 0, first: 1 });
    await record();
    expect(await purgeLog(log, db, { createdAt: new Date(0) }, 0)).toBe(0);
    expect((await log.info()).firstSeq).toBe(1);
  });
});

describe.each(["memory", "nats"])("a recorder of %s://", (transport) => {
  async function withBus(): Promise<{ bus: Bus } & AsyncDisposable> {
    const synapse = await connectSynapse(transport === "nats" ? sharedNatsUrl() : "memory://");
    const bus = await synapse.open(uniqueNamespace("retention"));
    return { bus, [Symbol.asyncDispose]: () => synapse.drain() };
  }
  const run = async (bus: Bus, recorder: Recorder) => {
    const runId = newRunId();
    await bus.append(taskOf(runId));
    await recorder.waitFor((await bus.append(outputOf(runId))).seq);
  };
  const gaps = (bus: Bus) =>
    own.query(
      "SELECT from_seq::int, to_seq::int FROM recorder_gaps JOIN logs USING (log_id) WHERE namespace = $1 ORDER BY 1",
      [bus.namespace],
    );

  test("purges what it has recorded, and neither it nor the next one takes that for a gap", async () => {
    await using held = await withBus();
    const { bus } = held;
    const purges: number[] = [];
    const options = { bus, databaseUrl: own.url, keepLogMs: 0 };
    await using first = new Recorder({ ...options, observer: { retained: ({ purged }) => void purges.push(purged) } });
    await first.start();
    for (let n = 0; n < 10; n++) await run(bus, first);
    await until(async () => (await bus.info()).firstSeq === 20);
    expect(purges.reduce((sum, one) => sum + one, 0)).toBe(19);
    expect(await bus.get(1)).toBeNull();
    await first.drain();
    await using second = new Recorder(options);
    await second.start();
    await run(bus, second);
    expect(await gaps(bus)).toEqual([]);
    const counts = await own.query(
      "SELECT count(*)::int AS n FROM signals JOIN logs USING (log_id) WHERE namespace = $1",
      [bus.namespace],
    );
    expect(counts).toEqual([{ n: 22 }]);
  });

  test("purges nothing when told so", async () => {
    await using held = await withBus();
    const { bus } = held;
    await using recorder = new Recorder({ bus, databaseUrl: own.url, keepLogMs: null });
    await using other = new Recorder({ bus, databaseUrl: own.url, keepLogMs: HOUR_MS });
    await recorder.start();
    await run(bus, recorder);
    await other.start();
    await new Promise((resolve) => setTimeout(resolve, 400)); // longer than the shortest interval
    expect((await bus.info()).firstSeq).toBe(1);
  });

  test("R2: of a database older than what the log keeps, the difference is a gap: recorded, said, and recorded on", async () => {
    await using held = await withBus();
    const { bus } = held;
    await using recorder = new Recorder({ bus, databaseUrl: own.url, keepLogMs: null });
    await recorder.start();
    await run(bus, recorder);
    await recorder.drain();
    await using copy = await own.snapshot();
    await using later = new Recorder({ bus, databaseUrl: own.url, keepLogMs: null });
    await later.start();
    for (let n = 0; n < 4; n++) await run(bus, later);
    await later.drain();
    await bus.purge(11); // all of it: 3 to 10 are in the newer database only

    const said: { event: string; fields: unknown }[] = [];
    const warn = (fields: object, event: string) => void said.push({ event, fields });
    const logger: Logger = { debug: () => {}, info: () => {}, warn, error: warn };
    await using restored = new Recorder({ bus, databaseUrl: copy.url, keepLogMs: null, logger });
    await restored.start();
    expect(await restored.lag()).toBe(0);
    expect(said).toEqual([
      { event: "recorder.gap", fields: { namespace: bus.namespace, behindSeq: 2, untilSeq: 10, missing: 8 } },
    ]);
    const rows = "SELECT from_seq::int, to_seq::int FROM recorder_gaps JOIN logs USING (log_id) WHERE namespace = $1";
    expect(await copy.query(rows, [bus.namespace])).toEqual([{ from_seq: 3, to_seq: 10 }]);
    await run(bus, restored);
    expect(restored.position()).toBe(12);
    expect(await gaps(bus)).toEqual([]);
  });
});

test("a purge that fails is said once, is tried again, and recording goes on", async () => {
  const log = new ArrayLog(uniqueNamespace("refused"), new Date(Date.now() - HOUR_MS));
  const said: string[] = [];
  const warn = (_fields: object, event: string) => void said.push(event);
  const logger: Logger = { debug: () => {}, info: () => {}, warn, error: warn };
  let refusals = 0;
  const bus = Object.assign(log, {
    purge: async (beforeSeq: number) => {
      if (++refusals <= 2) throw new Error("no permission");
      log.remove(1, beforeSeq - 1);
    },
  });
  await using recorder = new Recorder({ bus, databaseUrl: own.url, keepLogMs: 0, logger });
  await recorder.start();
  for (let n = 0; n < 4; n++) log.add(createSignal({ type: "STOP", trace_id: newTraceId(), payload: {} }));
  await recorder.waitFor(4);
  await until(() => refusals === 2);
  log.add(createSignal({ type: "STOP", trace_id: newTraceId(), payload: {} }));
  await recorder.waitFor(5);
  await until(() => log.entries.length === 1);
  expect(said).toEqual(["recorder.retention-failed"]);
});

test("weeks of signals that ended long enough ago are dropped, and come back when they are recorded again", async () => {
  await using fresh = await withDatabase();
  const fleeting = await openDatabase(fresh.url, { applicationName: "test" });
  const weeks = async () =>
    (
      await fresh.query<{ name: string }>(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'signals'::regclass ORDER BY 1",
      )
    ).map(({ name }) => name);
  const times = [0, 10, 30, 60].map((days) => new Date(Date.now() - days * DAY_MS));
  await ensurePartitions(fleeting, times);
  const before = await weeks();
  expect(before).toHaveLength(4);
  expect(await dropOldWeeks(fleeting, 20 * DAY_MS)).toEqual(before.slice(0, 2));
  expect(await weeks()).toEqual(before.slice(2));
  expect(await dropOldWeeks(fleeting, 20 * DAY_MS)).toEqual([]);
  await ensurePartitions(fleeting, times);
  expect(await weeks()).toEqual(before);

  await fleeting.close();
  const dropped: string[] = [];
  await using recorder = new Recorder({
    bus: new ArrayLog(),
    databaseUrl: fresh.url,
    keepLogMs: null,
    keepSignalsMs: 0,
    observer: { retained: ({ droppedWeeks }) => void dropped.push(...droppedWeeks) },
  });
  await recorder.start();
  await until(() => dropped.length > 0);
  expect(dropped).toEqual(before.slice(0, 3)); // this week goes on
});

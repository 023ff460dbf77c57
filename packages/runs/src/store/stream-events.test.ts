import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { AgentStory } from "../../../../test/helpers/agent-story.ts";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { leveredDatabase } from "../../../../test/helpers/levered-database.ts";
import { until } from "../../../../test/helpers/with-fleet.ts";
import { withRecordedLog, type RecordedLog } from "../../../../test/helpers/with-recorded-log.ts";
import { streamEvents, type EventStreamOptions } from "./stream-events.ts";
import { RunStore } from "./run-store.ts";

let recorded: RecordedLog;
let store: RunStore;
beforeAll(async () => {
  recorded = await withRecordedLog();
  store = RunStore.fromDatabaseUrl(recorded.database.url);
});
afterAll(async () => {
  await store.close();
  await recorded[Symbol.asyncDispose]();
});
expectNoLeaks();

/** Follow a run in the background. */
function follow(runId: string, options: EventStreamOptions = {}, of: RunStore = store) {
  const seen: number[] = [];
  const ended = (async () => {
    for await (const { sequenceIndex } of of.streamEvents(runId, options)) seen.push(sequenceIndex);
  })();
  ended.catch(() => {}); // each test looks at it
  return { seen, ended };
}

const begin = async () => {
  const run = new AgentStory(recorded.log).task().started();
  await recorded.record();
  return run;
};

describe("streamEvents", () => {
  test("gives what is there, then each entry as it is recorded, and ends with the run", async () => {
    const run = await begin();
    const { seen, ended } = follow(run.runId);
    await until(() => seen.length === 1);
    run.answered([]);
    await recorded.record();
    await until(() => seen.length === 2);
    run.completed();
    await recorded.record();
    await ended;
    expect(seen).toEqual([0, 1, 2]);
  });

  test("of a run that is over gives all of it and ends, from where it is told to", async () => {
    const run = await begin();
    run.answered([]);
    run.completed();
    await recorded.record();
    const all = follow(run.runId);
    await all.ended;
    expect(all.seen).toEqual([0, 1, 2]);
    const rest = follow(run.runId, { afterSequenceIndex: 1 });
    await rest.ended;
    expect(rest.seen).toEqual([2]);
    const nothing = follow(run.runId, { afterSequenceIndex: 99 });
    await nothing.ended;
    expect(nothing.seen).toEqual([]);
  });

  test("a run without a journal ends it too, and so does one that somebody else ended", async () => {
    const plain = new AgentStory(recorded.log).task();
    const swept = await begin();
    const streams = [follow(plain.runId), follow(swept.runId)];
    await until(() => streams[1]!.seen.length === 1);
    for (const { runId, traceId } of [plain, swept]) {
      const payload = { code: "DEADLINE_EXCEEDED", message: "late", recoverable: true };
      const directed = { id: "sweeper", type: null, capabilities: [] };
      recorded.log.add({ type: "ERROR", trace_id: traceId, directed, payload, meta: { run_id: runId } });
    }
    await recorded.record();
    await Promise.all(streams.map(({ ended }) => ended));
    expect(streams.map(({ seen }) => seen)).toEqual([[], [0]]);
  });

  test("gives a journal of any length in its order", async () => {
    const run = await begin();
    for (let more = 0; more < 12; more++)
      run.append(...Array.from({ length: 100 }, () => ["skill.invoked", {}] as const));
    run.completed();
    await recorded.record();
    const { seen, ended } = follow(run.runId);
    await ended;
    expect(seen).toEqual(Array.from({ length: 1_202 }, (_, at) => at));
  });

  test("a reader that stands still holds few entries of a long journal", async () => {
    const asked: string[] = [];
    const rows = Array.from({ length: 1_000 }, (_, at) => ({ status: "success", sequence_index: at, created_at: 0 }));
    const reader = {
      tenant: undefined,
      query: async (sql: string) => {
        asked.push(sql);
        return rows.slice(0, Number(/LIMIT (\d+)/.exec(sql)![1])) as never[];
      },
      watch: async () => ({ next: async () => {}, [Symbol.dispose]: () => {} }) as never,
    };
    const entries = streamEvents(reader, "run_1", {});
    await entries.next();
    await entries.return();
    expect(asked).toHaveLength(1);
    expect(Number(/LIMIT (\d+)/.exec(asked[0]!)![1])).toBeLessThanOrEqual(32);
  });

  test("ends when its signal aborts, while it waits and between entries", async () => {
    const run = await begin();
    const controller = new AbortController();
    const waiting = follow(run.runId, { signal: controller.signal });
    await until(() => waiting.seen.length === 1);
    controller.abort();
    await waiting.ended;
    const before = follow(run.runId, { signal: AbortSignal.abort() });
    await before.ended;
    expect(before.seen).toEqual([]);
    run.answered([]);
    await recorded.record();
    const between = new AbortController();
    for await (const { sequenceIndex } of store.streamEvents(run.runId, { signal: between.signal })) {
      expect(sequenceIndex).toBe(0);
      between.abort();
    }
  });

  test("with untilEnd false goes on after the end, for what comes late", async () => {
    const run = await begin();
    run.completed();
    await recorded.record();
    const controller = new AbortController();
    const { seen, ended } = follow(run.runId, { untilEnd: false, signal: controller.signal });
    await until(() => seen.length === 2);
    run.append(["skill.invoked", {}]);
    await recorded.record();
    await until(() => seen.length === 3);
    controller.abort();
    await ended;
  });

  test("asks once for each time that its run was recorded, and never in between", async () => {
    await using db = await leveredDatabase(recorded.database.url);
    await using counted = RunStore.fromClient(db, { databaseUrl: recorded.database.url });
    const [run, other] = [await begin(), await begin()];
    const { seen, ended } = follow(run.runId, {}, counted);
    const others = follow(other.runId);
    await until(() => seen.length === 1 && others.seen.length === 1);
    for (let count = 2; count <= 6; count++) {
      other.answered([]);
      await recorded.record();
      await until(() => others.seen.length === count); // heard of by both connections
    }
    expect(db.queries).toBe(1);
    run.completed();
    await recorded.record();
    await ended;
    expect(db.queries).toBe(2);
    other.completed();
    await recorded.record();
    await others.ended;
  });

  test("followers share one connection, which goes with the last of them", async () => {
    const count = async () => {
      const sql = `SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE application_name = 'myelin-run-listener' AND datname = current_database()`;
      return (await recorded.query<{ count: number }>(sql))[0]!.count;
    };
    const run = await begin();
    const streams = Array.from({ length: 20 }, () => follow(run.runId));
    await until(() => streams.every(({ seen }) => seen.length === 1));
    expect(await count()).toBe(1);
    run.completed();
    await recorded.record();
    await Promise.all(streams.map(({ ended }) => ended));
    await until(async () => (await count()) === 0);
  });

  test("goes on when its connections were lost, with what was recorded meanwhile", async () => {
    const run = await begin();
    const { seen, ended } = follow(run.runId);
    await until(() => seen.length === 1);
    for (let times = 2; times <= 4; times++) {
      run.answered([]);
      await recorded.database.disconnectAll();
      await until(() =>
        recorded.record().then(
          () => true,
          () => false,
        ),
      ); // it was disconnected too
      await until(() => seen.length === times);
    }
    run.completed();
    await recorded.record();
    await ended;
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  test("an unknown run, a store that was closed, and a client without a URL are said", async () => {
    await expect(follow("run_none").ended).rejects.toMatchObject({ name: "RunStoreError", code: "RUN_NOT_FOUND" });
    const run = await begin();
    const closing = RunStore.fromDatabaseUrl(recorded.database.url);
    const { seen, ended } = follow(run.runId, {}, closing);
    await until(() => seen.length === 1);
    await closing.close();
    await expect(ended).rejects.toMatchObject({ code: "CLOSED" });
    await expect(follow(run.runId, {}, closing).ended).rejects.toMatchObject({ code: "CLOSED" });
    await using db = await leveredDatabase(recorded.database.url);
    await expect(follow(run.runId, {}, RunStore.fromClient(db)).ended).rejects.toMatchObject({
      code: "INVALID_OPTION",
      message: expect.stringContaining("databaseUrl"),
    });
    const away = RunStore.fromDatabaseUrl("postgresql://app:secret@127.0.0.1:1/x");
    await expect(follow(run.runId, {}, away).ended).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    await away.close();
    await expect(follow(run.runId, { afterSequenceIndex: -2 }).ended).rejects.toMatchObject({ code: "INVALID_FILTER" });
  });
});

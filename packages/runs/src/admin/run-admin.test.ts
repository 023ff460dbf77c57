import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { AgentStory } from "../../../../test/helpers/agent-story.ts";
import { ArrayLog } from "../../../../test/helpers/array-log.ts";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { withRecordedLog, type RecordedLog } from "../../../../test/helpers/with-recorded-log.ts";
import { RunStore } from "../store/run-store.ts";
import { RunAdmin } from "./run-admin.ts";

let recorded: RecordedLog;
let admin: RunAdmin;
beforeAll(async () => {
  recorded = await withRecordedLog();
  admin = RunAdmin.fromDatabaseUrl(recorded.database.url);
});
beforeEach(() => recorded.log.recreate());
afterAll(async () => recorded[Symbol.asyncDispose]());
expectNoLeaks();

const TABLES = ["signals", "runs", "run_events", "llm_calls", "tool_invocations", "messages", "dead_letters"];

async function countsOf(runId: string): Promise<Record<string, number>> {
  const counts = await Promise.all(
    TABLES.map(async (table) => {
      const sql = `SELECT count(*)::int AS count FROM ${table} WHERE run_id = $1`;
      return [table, (await recorded.query<{ count: number }>(sql, [runId]))[0]!.count] as const;
    }),
  );
  return Object.fromEntries(counts);
}

/** A run with rows in every table. */
function tell(tenantId?: string): AgentStory {
  const run = new AgentStory(recorded.log, { tenantId }).task().started();
  const [call] = run.answered([{ name: "read" }]);
  run.toolDone(call!, { tool_name: "read", result: "\0" });
  return run.completed();
}
const ALL = { signals: 5, runs: 1, run_events: 4, llm_calls: 1, tool_invocations: 1, messages: 3, dead_letters: 1 };
const NONE = Object.fromEntries(TABLES.map((table) => [table, 0]));

/** Record the log again, from its beginning. */
async function recordAgain(): Promise<void> {
  await recorded.query("UPDATE recorder_positions SET seq = 0");
  await recorded.record();
}

describe("deleteRun", () => {
  test("deletes every row of a run, says how many, and leaves its neighbours alone", async () => {
    const [run, other] = [tell(), tell()];
    await recorded.record();
    expect(await countsOf(run.runId)).toEqual(ALL);
    expect(await admin.deleteRun(run.runId)).toEqual(ALL);
    expect(await countsOf(run.runId)).toEqual(NONE);
    expect(await countsOf(other.runId)).toEqual(ALL);
    expect(await admin.deleteRun(run.runId)).toBeNull();
  });

  test("R1: recording the log again does not bring it back, nor does what comes late", async () => {
    const [run, other] = [tell(), tell()];
    await recorded.record();
    await admin.deleteRun(run.runId);
    await recordAgain();
    run.failed();
    recorded.log.addBytes(JSON.stringify({ v: "1", broken: run.runId }));
    await recorded.record();
    expect(await countsOf(run.runId)).toEqual(NONE);
    expect(await countsOf(other.runId)).toEqual(ALL);
    await using store = RunStore.fromDatabaseUrl(recorded.database.url);
    expect(await store.getRun(run.runId)).toBeNull();
  });

  test("refuses a run that is not over, unless it is told to", async () => {
    const run = new AgentStory(recorded.log).task().started();
    await recorded.record();
    await expect(admin.deleteRun(run.runId)).rejects.toMatchObject({
      name: "RunStoreError",
      code: "RUN_IS_OPEN",
      message: `the run ${run.runId} is running; cancel it first, or pass force`,
    });
    expect(await countsOf(run.runId)).toMatchObject({ runs: 1, run_events: 1 });
    expect(await admin.deleteRun(run.runId, { force: true })).toMatchObject({ runs: 1, run_events: 1 });
    expect(await countsOf(run.runId)).toEqual(NONE);
  });

  test("of a tenant's it deletes what is its own", async () => {
    const [acmes, nobodys] = [tell("acme"), tell()];
    await recorded.record();
    expect(await admin.deleteRun(acmes.runId, { tenantId: "globex" })).toBeNull();
    expect(await admin.deleteRun(acmes.runId, { tenantId: null })).toBeNull();
    expect(await admin.deleteRun(nobodys.runId, { tenantId: "acme" })).toBeNull();
    expect(await countsOf(acmes.runId)).toEqual(ALL);
    expect(await admin.deleteRun(acmes.runId, { tenantId: "acme" })).toEqual(ALL);
    expect(await admin.deleteRun(nobodys.runId, { tenantId: null })).toEqual(ALL);
  });

  test("waits for a batch that is being recorded, which does not know of the tombstone", async () => {
    const run = tell();
    await recorded.record();
    // As the recorder's statement does: it has moved the position and is not through yet.
    await recorded.query("BEGIN");
    await recorded.query("UPDATE recorder_positions SET seq = seq");
    const deletion = admin.deleteRun(run.runId);
    await recorded.query(
      "INSERT INTO messages SELECT (jsonb_populate_record(m, '{\"order_index\": 99}')).* FROM messages AS m WHERE run_id = $1 AND order_index = 0",
      [run.runId],
    );
    await recorded.query("COMMIT");
    expect(await deletion).toEqual({ ...ALL, messages: ALL.messages + 1 });
    expect(await countsOf(run.runId)).toEqual(NONE);
  });

  test("two at once: one deletes, the other finds nothing", async () => {
    const run = tell();
    await recorded.record();
    const both = await Promise.all([admin.deleteRun(run.runId), admin.deleteRun(run.runId)]);
    expect(both.filter((one) => one !== null)).toEqual([ALL]);
  });

  test("what is wrong is said", async () => {
    expect(await admin.deleteRun("run_none")).toBeNull();
    await expect(admin.deleteRun("")).rejects.toMatchObject({ code: "INVALID_FILTER" });
    await expect(admin.deleteRun("run", { tenant: "x" } as never)).rejects.toMatchObject({ code: "INVALID_FILTER" });
    expect(() => RunAdmin.fromDatabaseUrl("localhost")).toThrow("a database URL looks like");
    const away = RunAdmin.fromDatabaseUrl("postgresql://app:secret@127.0.0.1:1/x");
    await expect(away.deleteRun("run")).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    const { runId } = tell();
    await recorded.record();
    const readOnly = RunAdmin.fromDatabaseUrl(
      `${recorded.database.url}?options=-c%20default_transaction_read_only%3Don`,
    );
    await expect(readOnly.deleteRun(runId)).rejects.toMatchObject({ code: "QUERY_FAILED" });
  });
});

test("dropOldSignals drops the weeks that are old enough, and keeps what was made of them", async () => {
  await using old = await withRecordedLog(new ArrayLog("old", new Date("2025-01-06T08:00:00Z")));
  const { runId } = new AgentStory(old.log).task().started().completed();
  await old.record();
  const oldAdmin = RunAdmin.fromDatabaseUrl(old.database.url);
  await using store = RunStore.fromDatabaseUrl(old.database.url);
  expect(await oldAdmin.dropOldSignals({ olderThanMs: 1_000_000_000_000 })).toEqual([]);
  expect(await store.getSignals({ runId })).toHaveLength(4);
  expect(await oldAdmin.dropOldSignals({ olderThanMs: 0 })).toEqual(["signals_20250106"]);
  expect(await store.getSignals({ runId })).toEqual([]);
  expect(await store.getEvents(runId)).toHaveLength(2);
  await expect(oldAdmin.dropOldSignals({ olderThanMs: -1 })).rejects.toMatchObject({ code: "INVALID_OPTION" });
});

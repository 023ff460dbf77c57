import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { ArrayLog } from "../../../../test/helpers/array-log.ts";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { runStep, tell, type RunStep } from "../../../../test/helpers/run-story.ts";
import { withDatabase, type TestDatabase } from "../../../../test/helpers/with-database.ts";
import { openDatabase, type OwnedDatabase } from "../database.ts";
import { openPosition } from "./position.ts";
import { writeBatch } from "./write-batch.ts";

/** More with R1_TRIALS, to look for what twenty do not find. */
const TRIALS = Number(process.env["R1_TRIALS"] ?? 20);

let own: TestDatabase;
let db: OwnedDatabase;
beforeAll(async () => {
  own = await withDatabase();
  db = await openDatabase(own.url, { applicationName: "test", preparedStatements: true });
});
afterAll(async () => {
  await db.close();
  await own[Symbol.asyncDispose]();
});
beforeEach(() => clear());
expectNoLeaks();

describe("R1: recording a log gives the same rows", () => {
  const story = fc.array(runStep, { minLength: 1, maxLength: 40, size: "max" });
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });

  test("in any batches, with repeats, by two recorders at once that die and begin again", async () => {
    await fc.assert(
      fc.asyncProperty(story, sizes, sizes, fc.nat({ max: 20 }), async (steps, ourSizes, theirSizes, life) => {
        const log = logOf(steps);
        const wanted = await recordOneByOne(log);
        await clear();
        await Promise.all([
          record(log, ourSizes).then(() => {}),
          record(log, theirSizes, life).then(() => record(log, theirSizes)),
        ]);
        expect(await dump()).toEqual(wanted);
        await repeatFrom(log, 0, ourSizes);
        expect(await dump()).toEqual(wanted);
        await repeatFrom(log, Math.floor(log.lastSeq / 2), theirSizes);
        expect(await dump()).toEqual(wanted);
      }),
      { numRuns: TRIALS },
    );
  }, 600_000);

  test("and no batch is half there", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (steps) => {
        await clear();
        const log = logOf(steps);
        const { logId } = await openPosition(db, log.namespace, await log.info());
        const results = await Promise.all(
          [1, 2, 3].map(() => writeBatch(db, { logId, namespace: log.namespace }, 0, log.entries)),
        );
        expect(results.filter((result) => result !== null)).toHaveLength(1);
        const [result] = results.filter((one) => one !== null);
        expect(result!.signals + result!.deadLetters).toBe(log.entries.length);
      }),
      { numRuns: 20 },
    );
  });
});

/** Record from wherever the position is; `life` batches, then die. */
async function record(log: ArrayLog, sizes: number[], life = Infinity): Promise<void> {
  const info = await log.info();
  for (let turn = 0; ; turn++) {
    const size = sizes[turn % sizes.length]!;
    const { logId, seq } = await openPosition(db, log.namespace, info);
    const entries = log.entries.filter((entry) => entry.seq > seq).slice(0, size);
    if (entries.length === 0 || turn >= life) return;
    await writeBatch(db, { logId, namespace: log.namespace }, seq, entries);
  }
}

async function recordOneByOne(log: ArrayLog): Promise<unknown> {
  await clear();
  await record(log, [1]);
  return dump();
}

/** Record again from an earlier position, as an operator may have it. */
async function repeatFrom(log: ArrayLog, seq: number, sizes: number[]): Promise<void> {
  await own.query("UPDATE recorder_positions SET seq = $1", [seq]);
  await record(log, sizes);
}

function logOf(steps: RunStep[]): ArrayLog {
  const log = new ArrayLog();
  for (const step of steps) tell(log, step);
  return log;
}

const TABLES = [
  "logs",
  "recorder_positions",
  "recorder_gaps",
  "signals",
  "runs",
  "run_events",
  "llm_calls",
  "tool_invocations",
  "messages",
  "workers",
  "dead_letters",
];

async function clear(): Promise<void> {
  await own.query(`TRUNCATE ${TABLES.join(", ")}`);
}

async function dump(): Promise<Record<string, string[]>> {
  const all: Record<string, string[]> = {};
  for (const table of TABLES) {
    const rows = await own.query<{ row: string }>(`SELECT to_jsonb(t)::text AS row FROM ${table} AS t ORDER BY 1`);
    all[table] = rows.map(({ row }) => row);
  }
  return all;
}

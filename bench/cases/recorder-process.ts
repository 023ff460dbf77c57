/**
 * The program of recorder/throughput. Both write the same Signals to the same tables in batches of the same size, and at the
 * end both must have written the same rows. Reading the log is no part of it.
 */
import { createSignal, encodeSignal, newRunId, newTraceId, parseSignal, type LogEntry, type Signal } from "@myelin/bus";
import { ensurePartitions, openDatabase, openPosition, writeBatch, type OwnedDatabase } from "@myelin/runs";
import pg from "pg";
import { answerJob, makeJob } from "../contenders/job.ts";
import { serveParent } from "../harness/child.ts";
import type { Sample } from "../harness/statistics.ts";
import { bulkInsert } from "./bulk-insert.ts";

export interface PrepareArgument {
  readonly recorderUrl: string;
  readonly bulkUrl: string;
  /** Signals per round. */
  readonly entries: number;
  readonly batchSize: number;
}

const NAMESPACE = "bench";
const LOG = { stream: "MYELIN_bench", createdAt: new Date("2026-01-05T00:00:00Z") };
/** How many dispatches are between a TASK and its reply, as with so many in flight. */
const IN_FLIGHT = 64;

interface Prepared {
  readonly db: OwnedDatabase;
  /** Beside the recorder: to empty its tables, and to compare. */
  readonly recorderSide: pg.Client;
  readonly bulkSide: pg.Client;
  readonly batches: readonly (readonly LogEntry[])[];
}
let prepared: Prepared | undefined;

serveParent({
  async prepare({ recorderUrl, bulkUrl, entries, batchSize }: PrepareArgument): Promise<void> {
    const db = await openDatabase(recorderUrl, { applicationName: "bench", preparedStatements: true });
    const [recorderSide, bulkSide] = await Promise.all([recorderUrl, bulkUrl].map(connect));
    const log = await makeLog(entries);
    const batches = Array.from({ length: Math.ceil(log.length / batchSize) }, (_, at) =>
      log.slice(at * batchSize, (at + 1) * batchSize),
    );
    prepared = { db, recorderSide: recorderSide!, bulkSide: bulkSide!, batches };
    const times = log.map((entry) => entry.storedAt);
    await ensurePartitions(db, times);
    await ensurePartitions(
      { $queryRawUnsafe: async <T>(sql: string) => (await bulkSide!.query(sql)).rows as T },
      times,
    );
  },

  async recorder(): Promise<Sample> {
    const { db, recorderSide, batches } = prepared!;
    await empty(recorderSide);
    const { logId } = await openPosition(db, NAMESPACE, { ...LOG, firstSeq: 1, lastSeq: 0, bytes: 0 });
    return measure(async () => {
      let position = 0;
      for (const batch of batches) {
        const result = await writeBatch(db, { logId, namespace: NAMESPACE }, position, batch);
        if (result?.signals !== batch.length) throw new Error(`a batch was recorded as ${JSON.stringify(result)}`);
        position = batch.at(-1)!.seq;
      }
    });
  },

  async bulkInsert(): Promise<Sample> {
    const { bulkSide, batches } = prepared!;
    await empty(bulkSide);
    return measure(async () => {
      for (const batch of batches) await bulkInsert(bulkSide, batch);
    });
  },

  /** Both wrote the same, or the comparison means nothing. */
  async compare(): Promise<void> {
    const { recorderSide, bulkSide } = prepared!;
    for (const table of ["signals", "runs"]) {
      const [ours, theirs] = await Promise.all([recorderSide, bulkSide].map((side) => digest(side, table)));
      if (ours !== theirs) throw new Error(`the two wrote different rows of ${table}: ${ours} and ${theirs}`);
    }
  },

  async stop(): Promise<void> {
    await Promise.all([prepared?.db.close(), prepared?.recorderSide.end(), prepared?.bulkSide.end()]);
  },
});

async function measure(write: () => Promise<void>): Promise<Sample> {
  const count = prepared!.batches.reduce((sum, batch) => sum + batch.length, 0);
  const startedAt = performance.now();
  const before = process.cpuUsage();
  await write();
  const { user, system } = process.cpuUsage(before);
  const opsPerSec = (count / (performance.now() - startedAt)) * 1_000;
  return { opsPerSec, p50Ms: null, p99Ms: null, cpuUs: (user + system) / count };
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
}

async function empty(side: pg.Client): Promise<void> {
  await side.query("TRUNCATE signals, runs, logs, recorder_positions");
}

/** How many rows, and what they hold: one number each, whatever their order. */
async function digest(side: pg.Client, table: string): Promise<string> {
  const { rows } = await side.query<{ rows: string; hash: string }>(
    `SELECT count(*) AS rows, sum(hashtextextended(t::text, 0)) AS hash FROM ${table} AS t`,
  );
  return `${rows[0]!.rows} rows, hash ${rows[0]!.hash}`;
}

/** TASKs and their replies, as a log holds them: each reply some tasks later. */
async function makeLog(count: number): Promise<LogEntry[]> {
  const tasks: Extract<Signal, { type: "TASK" }>[] = [];
  const log: LogEntry[] = [];
  const append = (signal: Signal) => {
    const seq = log.length + 1;
    const bytes = encodeSignal(signal);
    const storedAt = new Date(LOG.createdAt.getTime() + seq);
    log.push({ seq, storedAt, subject: "bench", bytes, parsed: parseSignal(bytes) });
  };
  for (let asked = 0; log.length < count; asked++) {
    const task = createSignal({
      type: "TASK",
      trace_id: newTraceId(),
      directed: { id: "answerer", type: null, capabilities: [] },
      payload: {
        input: { ...makeJob() },
        deadline: new Date(LOG.createdAt.getTime() + 3_600_000).toISOString(),
        metadata: { thread_id: `thread-${asked % 100}`, user_id: `user-${asked % 10}` },
      },
      meta: { run_id: newRunId(), tenant_id: "bench", reply_to: "dnd_bench", instance: "dnd_bench" },
    });
    tasks.push(task);
    append(task);
    const answered = tasks[asked - IN_FLIGHT];
    if (!answered || log.length === count) continue;
    const { meta, trace_id, payload } = answered;
    const output = await answerJob(payload.input as { prompt: string });
    append(
      createSignal({
        type: "AGENT_OUTPUT",
        trace_id,
        parent_id: answered.id,
        directed: { id: "answerer", type: null, capabilities: ["text-generation"] },
        payload: { output: { ...output } },
        meta: { ...meta, attempt: 1, instance: "dnd_worker" },
      }),
    );
  }
  return log;
}

/**
 * runs/1m: questions to RunStore with a million runs in the table. Each is asked many times, of another tenant or thread each
 * time, and the plan of the last one is printed: the scans of it, which is what tells a good one from a bad one.
 */
import { migrate, RunStore, type Database, type RunFilter } from "@myelin/runs";
import pg from "pg";
import type { BenchCase, Figure } from "../harness/bench-case.ts";
import { quantile } from "../harness/statistics.ts";
import { MIDDLE, seedRuns } from "./runs-seed.ts";

/** What a page may take at the median. */
const TARGET_MS = 10;
/** Totals are exact up to here. */
const COUNT_LIMIT = 10_001;

interface Question {
  readonly name: string;
  /** Per round; slow ones are asked less. */
  readonly times: number;
  /** Undefined for what is known to be slow. */
  readonly targetMs?: number;
  ask(store: RunStore, at: number): Promise<unknown>;
}

const tenantId = (at: number) => `tenant-${at % 10}`;
const thread = (at: number) => ({ metadataFilter: { thread_id: `thread-${(at * 997) % 200_000}` } });
const user = (at: number) => ({ metadataFilter: { user_id: `user-${(at * 61) % 20_000}` } });
const web = { metadataFilter: { channel: "web" } };
const beta = { metadataFilter: { beta: true } };

function list(name: string, filter: (at: number) => RunFilter): Question {
  return { name, times: 100, targetMs: TARGET_MS, ask: (store, at) => store.listRuns(filter(at)) };
}

/** The page behind the middle of what the filter passes. */
function middle(name: string, filter: RunFilter): Question {
  let cursor: string | undefined;
  const ask = async (store: RunStore) => {
    cursor ??= (await store.listRuns({ ...filter, startedBefore: MIDDLE }, { limit: 1 })).nextCursor!;
    return store.listRuns(filter, { cursor });
  };
  return { name, times: 100, targetMs: TARGET_MS, ask };
}

const slow = (name: string, ask: Question["ask"], times = 2): Question => ({ name, times, ask });

const QUESTIONS: readonly Question[] = [
  list("a thread", thread),
  list("a thread, with tenant", (at) => ({ tenantId: tenantId(at), ...thread(at) })),
  list("a user", user),
  list("a common key, with tenant", (at) => ({ tenantId: tenantId(at), ...web })),
  list("a common key", () => web),
  list("an agent, with tenant", (at) => ({ tenantId: tenantId(at), agentName: `agent-${at % 20}` })),
  middle("a page in the middle", {}),
  middle("the same, of a tenant", { tenantId: "tenant-3" }),
  middle("the same, by a common key", { tenantId: "tenant-3", ...web }),
  middle("the same, waiting for approval", { status: "waiting_approval" }),
  slow("count to 10,001", (store) => store.countRuns({}, { limit: COUNT_LIMIT }), 10),
  slow(
    "the same, tenant and common key",
    (store, at) => store.countRuns({ tenantId: tenantId(at), ...web }, { limit: COUNT_LIMIT }),
    10,
  ),
  slow("the same, tenant and errors", (store, at) =>
    store.countRuns({ tenantId: tenantId(at), status: "error" }, { limit: COUNT_LIMIT }),
  ),
  slow("count all", (store) => store.countRuns()),
  slow("count a common key", (store) => store.countRuns(web)),
  slow("offset 500,000", (store) => store.listRuns({}, { offset: 500_000 })),
  slow("a key of old runs only", (store) => store.listRuns(beta)),
  slow("costs by agent", (store) => store.getCosts({ by: "agent" })),
  slow("costs of a thread", (store, at) => store.getCosts({ by: "agent", filter: thread(at) }), 50),
];

export const runsCases: readonly BenchCase[] = [
  {
    name: "runs/1m",
    isQuick: false,
    async run(environment, { rounds }) {
      const url = await makeDatabase(await environment.postgresUrl());
      const client = new pg.Client({ connectionString: url, options: "-c random_page_cost=1.1" }); // as RunStore's own
      await client.connect();
      try {
        await seedRuns(client);
        const medians = new Map<string, number[]>();
        const notes: string[] = [];
        let asked: { sql: string; values: unknown[] } | undefined;
        const database: Database = {
          async $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T> {
            asked = { sql, values };
            return (await client.query(sql, values)).rows as T;
          },
        };
        await using store = RunStore.fromClient(database);
        for (let round = 0; round <= rounds; round++) {
          for (const question of QUESTIONS) {
            const ms = await measure(store, question, round);
            // The first round does not count; it tells the plans.
            if (round === 0) notes.push(`${question.name}: ${await scansOf(client, asked!)}`);
            else medians.set(question.name, [...(medians.get(question.name) ?? []), ms]);
          }
        }
        const figures = QUESTIONS.map(({ name, targetMs }): [string, Figure] => {
          const value = quantile(medians.get(name)!, 0.5);
          return [`${name} (ms)`, { value, ...(targetMs !== undefined && { target: targetMs }) }];
        });
        return { contenders: [], ratios: {}, figures: Object.fromEntries(figures), notes };
      } finally {
        await client.end();
      }
    },
  },
];

/** How long an answer takes, at the median. */
async function measure(store: RunStore, { times, ask }: Question, round: number): Promise<number> {
  const latencies: number[] = [];
  for (let at = 0; at < times; at++) {
    const startedAt = performance.now();
    await ask(store, round * times + at);
    latencies.push(performance.now() - startedAt);
  }
  return quantile(latencies, 0.5);
}

/** The scans and sorts of the plan, outermost first. */
async function scansOf(client: pg.Client, { sql, values }: { sql: string; values: unknown[] }): Promise<string> {
  const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN (COSTS OFF) ${sql}`, values);
  return rows
    .map((row) => row["QUERY PLAN"].replace("->", "").trim())
    .filter((line) => /\bScan\b|^(Incremental )?Sort$/.test(line) && !/^Subquery|run_events/.test(line))
    .join(" · ");
}

async function makeDatabase(serverUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query("CREATE DATABASE bench_runs");
  } finally {
    await client.end();
  }
  const url = new URL(serverUrl);
  url.pathname = "/bench_runs";
  await migrate(url.toString());
  return url.toString();
}

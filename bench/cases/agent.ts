/**
 * agent/runs: an agent's run of two model calls and one tool, asked for over the bus, with 1, 8 or 32 of them in flight. A
 * round is over when the rows of all its runs are in Postgres. Model and tool answer at once.
 */
import type { FsyncPolicy } from "@myelin/dev";
import pg from "pg";
import type { BenchProcess } from "../harness/bench-process.ts";
import type { BenchCase } from "../harness/bench-case.ts";
import { makeDatabase } from "../harness/make-database.ts";
import { interleave } from "../harness/rounds.ts";
import { ratio, spread, toSample, type Round, type Sample } from "../harness/statistics.ts";
import type { OpenArgument } from "./agent-process.ts";

/** Runs per second of Dendrux on Postgres, by runs in flight, on two cores such as these: measured elsewhere, not here. */
const DENDRUX: Readonly<Record<number, number>> = { 1: 27, 8: 41, 32: 32 };
/** A model call, a tool, a model call. */
const STEPS = 3;
const TARGET_ADDED_MS = 3;
const WARM_UP_MS = 3_000;

const VARIANTS: readonly { group: string; fsync: FsyncPolicy; target: number }[] = [
  { group: "agent/runs", fsync: "default", target: 10 },
  { group: "agent-fsync/runs", fsync: "always", target: 6 },
];

export const agentCases: readonly BenchCase[] = VARIANTS.flatMap(({ group, fsync, target }) =>
  [1, 8, 32].map((inFlight) => agentCase(`${group}/${inFlight}`, { fsync, target, inFlight })),
);

interface Variant {
  readonly fsync: FsyncPolicy;
  readonly target: number;
  readonly inFlight: number;
}

function agentCase(name: string, { fsync, target, inFlight }: Variant): BenchCase {
  return {
    name,
    isQuick: false,
    async run(environment, { rounds, roundMs }) {
      const argument: OpenArgument = {
        url: await environment.natsUrl(fsync),
        namespace: name.replaceAll("/", "-"),
        databaseUrl: await makeDatabase(await environment.postgresUrl(), name.replaceAll(/\W/g, "_")),
      };
      const forks = Array.from({ length: 4 }, () => environment.process("cases/agent-process.ts", true));
      const [worker, recorder, dispatcher, loops] = (await Promise.all(forks)) as [
        BenchProcess,
        BenchProcess,
        BenchProcess,
        BenchProcess,
      ];
      await recorder.call("record", argument);
      await worker.call("work", argument);
      await dispatcher.call("ask", argument);
      await loops.call("openLoops", argument);
      const ours = [worker, recorder, dispatcher];
      const load = { inFlight, durationMs: roundMs };

      const measureOurs = async (): Promise<Sample> => {
        const before = await cpuUsOf(ours);
        const startedAt = performance.now();
        const round = await dispatcher.call<Round>("measure", load);
        await recorder.call("recorded");
        // What the recorder was behind is part of it.
        const elapsedMs = performance.now() - startedAt;
        return toSample({ ...round, elapsedMs }, (await cpuUsOf(ours)) - before);
      };
      const measureLoop = async (request: "measureLoop" | "measureCommits"): Promise<Sample> => {
        const before = await cpuUsOf([loops]);
        const round = await loops.call<Round>(request, load);
        return toSample(round, (await cpuUsOf([loops])) - before);
      };
      await dispatcher.call("measure", { inFlight: 32, durationMs: Math.min(WARM_UP_MS, roundMs * 8) });
      const samples = await interleave(
        [
          { name: "myelin", measure: measureOurs },
          { name: "byHand", measure: () => measureLoop("measureLoop") },
          { name: "commitsByHand", measure: () => measureLoop("measureCommits") },
        ],
        rounds,
      );
      const recorded = await countRows(argument.databaseUrl);
      for (const one of [dispatcher, worker, recorder, loops]) await one.stop();

      const [mine, byHand, commits] = ["myelin", "byHand", "commitsByHand"].map((contender) => samples.get(contender)!);
      const dendrux = mine!.map((): Sample => ({
        opsPerSec: DENDRUX[inFlight]!,
        p50Ms: null,
        p99Ms: null,
        cpuUs: null,
      }));
      const addedMs = (medianMs(mine!) - medianMs(byHand!)) / STEPS;
      return {
        contenders: [
          ...[...samples].map(([contender, list]) => ({ name: contender, samples: list })),
          { name: "dendrux", samples: dendrux },
        ],
        ratios: {
          byHand: ratio(mine!, byHand!),
          commitsByHand: ratio(mine!, commits!),
          dendrux: { ...ratio(mine!, dendrux), target },
        },
        figures: {
          ...recorded,
          ...(inFlight === 1 && { addedMsPerStep: { value: addedMs, target: TARGET_ADDED_MS } }),
        },
        notes: [
          "byHand keeps nothing; commitsByHand commits each step to Postgres, in the process that asks, and survives nothing more than that",
          "dendrux is a constant: what it did on two such cores, not measured in this run",
        ],
      };
    },
  };
}

const medianMs = (samples: readonly Sample[]): number => spread(samples.map(({ p50Ms }) => p50Ms ?? 0)).median;

async function cpuUsOf(processes: readonly BenchProcess[]): Promise<number> {
  const used = await Promise.all(processes.map((one) => one.call<number>("cpuUs")));
  return used.reduce((sum, one) => sum + one, 0);
}

/** Every run must be there whole, or the numbers mean nothing. */
async function countRows(databaseUrl: string): Promise<Record<string, { value: number }>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ runs: number; ended: number; calls: number; tools: number }>(
      `SELECT (SELECT count(*)::int FROM runs) AS runs, (SELECT count(*)::int FROM runs WHERE status = 'success') AS ended,
        (SELECT count(*)::int FROM llm_calls) AS calls, (SELECT count(*)::int FROM tool_invocations) AS tools`,
    );
    const { runs, ended, calls, tools } = rows[0]!;
    if (ended !== runs || calls !== 2 * runs || tools !== runs) {
      throw new Error(
        `of ${runs} runs ${ended} ended well, with ${calls} model calls and ${tools} tool calls on record`,
      );
    }
    return { runsRecorded: { value: runs } };
  } finally {
    await client.end();
  }
}

/** recorder/throughput: Signals written to Postgres, by the recorder's batch writer and by a hand-written bulk insert. */
import type { BenchCase } from "../harness/bench-case.ts";
import { makeDatabase } from "../harness/make-database.ts";
import { interleave } from "../harness/rounds.ts";
import { ratio, type Sample } from "../harness/statistics.ts";
import type { PrepareArgument } from "./recorder-process.ts";

/** The recorder's own default. */
const BATCH_SIZE = 1_000;
const BATCHES_PER_ROUND = 10;
const TARGET = 0.5;

export const recorderCases: readonly BenchCase[] = [
  {
    name: "recorder/throughput",
    isQuick: true,
    async run(environment, { rounds }) {
      const server = await environment.postgresUrl();
      // A database each: what they write has the same keys.
      const argument: PrepareArgument = {
        recorderUrl: await makeDatabase(server, "bench_recorder"),
        bulkUrl: await makeDatabase(server, "bench_bulk"),
        entries: BATCH_SIZE * BATCHES_PER_ROUND,
        batchSize: BATCH_SIZE,
      };
      const child = await environment.process("cases/recorder-process.ts", true);
      await child.call("prepare", argument);
      const measurables = [
        { name: "myelin", measure: () => child.call<Sample>("recorder") },
        { name: "bulkInsert", measure: () => child.call<Sample>("bulkInsert") },
      ];
      const samples = await interleave(measurables, rounds);
      await child.call("compare");
      await child.stop();
      const ours = samples.get("myelin")!;
      const theirs = samples.get("bulkInsert")!;
      return {
        contenders: [
          { name: "myelin", samples: ours },
          { name: "bulkInsert", samples: theirs },
        ],
        ratios: { bulkInsert: { ...ratio(ours, theirs), target: TARGET } },
      };
    },
  },
];

/** dispatch/…: one task sent to a worker and its answer awaited, with 1, 64 or 256 of them in flight. */
import type { FsyncPolicy } from "@myelin/dev";
import type { ContenderName } from "../contenders/contender.ts";
import type { BenchCase, RatioResult } from "../harness/bench-case.ts";
import { interleave } from "../harness/rounds.ts";
import { ratio } from "../harness/statistics.ts";

interface Variant {
  readonly group: string;
  readonly ours: ContenderName;
  /** The loop that promises as much as ours does. */
  readonly handWritten: ContenderName;
  readonly fsync: FsyncPolicy;
  /** What to reach, by peer. */
  readonly targets: Readonly<Record<string, number>>;
}

/** As long as so many rounds the processes may warm up, all contenders at once. */
const WARM_UP_ROUNDS = 8;

const VARIANTS: readonly Variant[] = [
  {
    group: "dispatch/transient",
    ours: "myelin-transient",
    handWritten: "hand-pub-sub",
    fsync: "default",
    targets: { handWritten: 0.85, moleculer: 1 },
  },
  {
    group: "dispatch/durable",
    ours: "myelin-durable",
    handWritten: "hand-jetstream",
    fsync: "default",
    targets: { handWritten: 0.85 },
  },
  {
    group: "dispatch/durable-fsync",
    ours: "myelin-durable",
    handWritten: "hand-jetstream",
    fsync: "always",
    targets: { handWritten: 0.85 },
  },
];

export const dispatchCases: readonly BenchCase[] = VARIANTS.flatMap((variant) =>
  [1, 64, 256].map((inFlight) => dispatchCase(variant, inFlight)),
);

function dispatchCase({ group, ours, handWritten, fsync, targets }: Variant, inFlight: number): BenchCase {
  return {
    name: `${group}/${inFlight}`,
    isQuick: inFlight === 64,
    async run(environment, { rounds, roundMs }) {
      const moleculer = await environment.peers();
      // Neither nc.request nor Moleculer stores anything, so that the policy is nothing to them: one server will do.
      const entrants: [name: string, contender: ContenderName, fsync: FsyncPolicy][] = [
        ["myelin", ours, fsync],
        ["handWritten", handWritten, fsync],
        ["ncRequest", "nc-request", "default"],
      ];
      if (moleculer.isInstalled) entrants.push(["moleculer", "moleculer", "default"]);
      const contenders = await Promise.all(
        entrants.map(async ([name, contender, policy]) => {
          const fleet = await environment.fleet(contender, policy);
          await fleet.warmUp(roundMs * WARM_UP_ROUNDS);
          return { name, measure: () => fleet.measure({ inFlight, durationMs: roundMs }) };
        }),
      );
      const samples = await interleave(contenders, rounds);
      const ratios: Record<string, RatioResult> = {};
      for (const [name, theirs] of samples) {
        if (name !== "myelin") ratios[name] = { ...ratio(samples.get("myelin")!, theirs), target: targets[name] };
      }
      return {
        contenders: [...samples].map(([name, list]) => ({ name, samples: list })),
        ratios,
        notes: moleculer.isInstalled ? [] : [`moleculer: skipped, ${moleculer.reason}`],
      };
    },
  };
}

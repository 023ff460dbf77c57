import { setTimeout as sleep } from "node:timers/promises";
import { findGrowth, takeFootprint, type Footprint } from "../world/footprint.ts";
import type { Scenario } from "./scenario.ts";

const FULL_MINUTES = 10;
const QUICK_MINUTES = 0.05;
const SAMPLES = { quick: 10, full: 60 };

/** Nothing is broken: the fleet just works on, and takes up no more at the end than at the beginning. */
export const soak: Scenario = {
  name: "soak",
  about:
    "ten minutes of load with a log that keeps seconds; memory, files, subscriptions, consumers and tables stay flat",
  minimum: { quick: 100, full: 5_000 },
  options: { isMonitored: true },
  async run(world) {
    const { isQuick, minutes } = world.size;
    const durationMs = (minutes ?? (isQuick ? QUICK_MINUTES : FULL_MINUTES)) * 60_000;
    await Promise.all([world.startRecorder({ keepLogMs: durationMs / 20 }), world.startWorkers(2), world.startLoad()]);
    const count = isQuick ? SAMPLES.quick : SAMPLES.full;
    const samples: Footprint[] = [];
    while (samples.length < count) {
      await sleep(durationMs / count, undefined, { signal: world.signal });
      samples.push(await takeFootprint(world));
    }
    world.problems.push(...findGrowth(samples));
    await world.until("some of the log is purged", () => world.onBus(async (bus) => (await bus.info()).firstSeq > 1));
  },
};

import type { Scenario } from "./scenario.ts";

const BLOCK_LEASES = 2;

/** A neuron computes without ever awaiting: its whole process looks dead, loses its leases, and comes back with late results. */
export const blockedLoop: Scenario = {
  name: "blocked-loop",
  about: "the event loop of a worker busy past its lease",
  minimum: { quick: 100, full: 500 },
  async run(world) {
    const blockMs = BLOCK_LEASES * world.ackWaitMs;
    await Promise.all([world.startRecorder(), world.startWorkers(3)]);
    await world.startLoad({ blockOneIn: 50, blockMs, workMs: [50, 200] });
    for (const round of world.rounds({ quick: 1, full: 12 })) {
      await world.until(`${round + 1} workers were blocked`, () => world.facts.of("blocked").length > round);
    }
    await world.pause(blockMs, blockMs + 500);
    for (const { at, by } of world.facts.of("blocked")) {
      world.faults.push({ kind: "block", victim: by, touches: "operations", startedAt: at, endedAt: at + blockMs });
    }
  },
};

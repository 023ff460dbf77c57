import { setTimeout as sleep } from "node:timers/promises";
import type { Scenario } from "./scenario.ts";

/** A worker is frozen past its lease, loses its tasks to others, thaws, and must not speak for them any more. */
export const zombie: Scenario = {
  name: "zombie",
  about: "SIGSTOP of a worker past its lease, then SIGCONT",
  minimum: { quick: 100, full: 500 },
  async run(world) {
    await Promise.all([world.startRecorder(), world.startWorkers(3)]);
    await world.startLoad({ workMs: [50, 200] });
    for (const _ of world.rounds({ quick: 1, full: 10 })) {
      await world.pause(300, 600);
      const victim = world.random.pick(world.running("worker"));
      await world.fault("SIGSTOP", { victim }, async () => {
        victim.freeze();
        await sleep(world.ackWaitMs * 1.5 + world.random.between(0, 500));
        victim.thaw();
      });
    }
    await world.pause(300, 600);
  },
};

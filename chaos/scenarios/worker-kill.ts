import type { Scenario } from "./scenario.ts";

/** Workers die without a word, in the middle of their tasks; others take these over when the lease lapses. */
export const workerKill: Scenario = {
  name: "worker-kill",
  about: "kill -9 of random workers while four replicas work off 2,000 tasks",
  minimum: { quick: 200, full: 2_000 },
  async run(world) {
    const total = world.size.minutes === null ? (world.size.isQuick ? 200 : 2_000) : null;
    await Promise.all([world.startRecorder(), world.startWorkers(4)]);
    const load = await world.startLoad({ total, inFlight: 32 });
    for (const _ of world.rounds({ quick: 2, full: Infinity })) {
      if (load.hasExited) break;
      await world.pause(300, 800);
      const victim = world.random.pick(world.running("worker"));
      await world.fault("kill -9", { victim }, () => victim.kill());
      await world.startWorker();
    }
    if (total !== null) await load.ended();
  },
};

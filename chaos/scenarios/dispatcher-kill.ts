import type { Scenario } from "./scenario.ts";

/** Whoever asked dies before the answer; the run goes on, and somebody else gets its reply. */
export const dispatcherKill: Scenario = {
  name: "dispatcher-kill",
  about: "kill -9 of dispatchers between dispatch and reply; another process gets the replies",
  minimum: { quick: 100, full: 500 },
  async run(world) {
    await Promise.all([world.startRecorder(), world.startWorkers(3), world.startLoad({ workMs: [50, 200] })]);
    for (const _ of world.rounds({ quick: 2, full: 10 })) {
      await world.pause(700, 1_000);
      const victim = world.random.pick(world.running("load"));
      await world.fault("kill -9", {}, () => victim.kill());
      await Promise.all([world.startHeir(victim), world.startLoad({ workMs: [50, 200] })]);
    }
    await world.pause(300, 600);
  },
};

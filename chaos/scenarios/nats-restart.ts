import type { Scenario } from "./scenario.ts";

/** The log's server dies and comes back; all that was acknowledged is there, and everybody goes on. */
export const natsRestart: Scenario = {
  name: "nats-restart",
  about: "SIGKILL and restart of the nats-server under load, ten times",
  minimum: { quick: 100, full: 500 },
  async run(world) {
    await Promise.all([world.startRecorder(), world.startWorkers(3)]);
    await world.startLoad();
    for (const _ of world.rounds({ quick: 3, full: 10 })) {
      await world.pause(400, 1_000);
      await world.fault("nats-server kill -9", {}, async () => {
        await world.nats.kill("SIGKILL");
        await world.pause(0, 300);
        await world.nats.restart();
      });
      world.recordingRecoveriesMs.push(await world.untilRecorded());
    }
    await world.pause(300, 600);
  },
};

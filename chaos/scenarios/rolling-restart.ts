import type { Scenario } from "./scenario.ts";

/** A new version goes out: every process is told to finish, and replaced, while the others work. Nothing may even be delayed. */
export const rollingRestart: Scenario = {
  name: "rolling-restart",
  about:
    "every process and server in turn, told to stop and replaced under load; two versions of a worker side by side",
  minimum: { quick: 150, full: 1_000 },
  async run(world) {
    await Promise.all([world.startRecorder(), world.startWorkers(2), world.startLoad()]);
    for (const round of world.rounds({ quick: 1, full: 5 })) {
      const version = String(round + 2);
      for (const worker of world.running("worker")) {
        await world.startWorker({ version, concurrency: world.random.between(2, 6) });
        await world.fault("SIGTERM", { victim: worker }, () => worker.finish());
      }
      for (const load of world.running("load")) {
        await world.startLoad();
        await world.fault("SIGTERM", { victim: load }, () => load.finish());
      }
      for (const recorder of world.running("recorder")) {
        await world.fault("SIGTERM", { victim: recorder, touches: "recording" }, async () => {
          await recorder.finish();
          await world.startRecorder();
        });
      }
      await world.fault("restart of the nats-server", {}, () => world.nats.restart());
      await world.fault("restart of PostgreSQL", { touches: "recording" }, () => world.postgres.restart());
      world.recordingRecoveriesMs.push(await world.untilRecorded());
    }
  },
};

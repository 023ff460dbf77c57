import type { Scenario } from "./scenario.ts";

/** The database goes away and comes back, again and again. The recording waits for it; dispatches never notice (R3). */
export const postgresRestart: Scenario = {
  name: "postgres-restart",
  about: "PostgreSQL stopped, killed and started every few seconds, and its connections terminated",
  minimum: { quick: 150, full: 1_000 },
  async run(world) {
    const { postgres, random } = world;
    await Promise.all([world.startRecorder(), world.startWorkers(3), world.startLoad()]);
    for (const round of world.rounds({ quick: 3, full: 10 })) {
      await world.pause(300, 900);
      const kind = (["SIGQUIT", "terminate connections", "SIGINT"] as const)[round % 3]!;
      await world.fault(`PostgreSQL ${kind}`, { touches: "recording" }, async () => {
        if (kind === "terminate connections") return world.database.disconnectAll();
        await postgres.kill(kind);
        await world.pause(100, 800);
        await postgres.restart();
      });
      world.recordingRecoveriesMs.push(await world.untilRecorded());
      if (random.next() < 0.5) await world.database.disconnectAll();
    }
  },
};

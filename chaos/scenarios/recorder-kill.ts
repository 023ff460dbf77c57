import type { World } from "../world/world.ts";
import type { Scenario } from "./scenario.ts";

/** Recorders die in the middle of batches, two of them write side by side, and the database is put back to an older copy. */
export const recorderKill: Scenario = {
  name: "recorder-kill",
  about: "kill -9 of one of two recorders under load, and a database restored from an older copy",
  minimum: { quick: 150, full: 1_000 },
  async run(world) {
    await Promise.all([world.startRecorder(), world.startRecorder(), world.startWorkers(3), world.startLoad()]);
    for (const round of world.rounds({ quick: 3, full: 12 })) {
      // A backup, two rounds of it, and then back to what it holds.
      if (round % 3 === 0) await world.database.backUp();
      await world.pause(300, 700);
      if (round % 3 === 2) await breakRecording(world, "restore the backup", () => world.database.restore());
      else await breakRecording(world, "kill -9", () => killOne(world));
    }
  },
};

/** Most of the time one is left, which takes over. */
async function killOne(world: World): Promise<void> {
  const victim = world.random.pick(world.running("recorder"));
  await victim.kill();
  await world.startRecorder();
}

async function breakRecording(world: World, kind: string, action: () => Promise<unknown>): Promise<void> {
  await world.fault(kind, { touches: "recording" }, action);
  world.recordingRecoveriesMs.push(await world.untilRecorded());
}

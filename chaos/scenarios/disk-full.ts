import type { World } from "../world/world.ts";
import type { Scenario } from "./scenario.ts";

const MAX_FILE_STORE_BYTES = 8 * 1024 * 1024;
/** Without keys: each keeps its TASK beside the log, for days, and no purge makes room there. */
const LOAD = { ballastBytes: 32 * 1024, hasKeys: false };
const REFUSALS = 10;
const TRANSIENT = 10;

/**
 * The log has no room left: appends reject with an error that says so, transient dispatches work, nothing that was
 * acknowledged is lost; and once there is room again, so is the service.
 */
export const diskFull: Scenario = {
  name: "disk-full",
  about: "the server's max_file_store is reached; appends reject, transient dispatches work, room is made",
  minimum: { quick: 100, full: 300 },
  options: { natsConfig: `jetstream { max_file_store: ${MAX_FILE_STORE_BYTES} }\n` },
  async run(world) {
    await Promise.all([world.startRecorder(), world.startWorkers(3)]);
    await world.startLoad(LOAD);
    for (const round of world.rounds({ quick: 1, full: 3 })) {
      const [appendsBefore, refusedBefore] = [world.facts.of("refused").length, refusals(world)];
      await world.fault("full", {}, async () => {
        // Those that were accepted last wait for their replies, which find no room either: others have to ask.
        await world.until("an append is refused", () => world.facts.of("refused").length > appendsBefore);
        await world.startLoad(LOAD);
        await world.until("dispatches are refused", () => refusals(world) >= refusedBefore + REFUSALS);
        await world.startLoad({ neuron: "other-work", delivery: "transient", total: TRANSIENT });
        const answers = (round + 1) * TRANSIENT;
        await world.until("transient dispatches work", () => world.facts.of("transient").length >= answers);
        await makeRoom(world);
      });
      const before = world.facts.of("completed").length;
      await world.until("the service is back", () => world.facts.of("completed").length > before + 50);
    }
  },
};

const refusals = (world: World): number =>
  world.facts.of("failed").filter(({ code }) => code === "LOG_UNAVAILABLE").length;

/** What an operator does: purge what is recorded and no open run needs. */
async function makeRoom(world: World): Promise<void> {
  await world.untilRecorded();
  const [floor] = await world.database.query<{ seq: string }>(
    `SELECT least(p.seq + 1, (SELECT min(first_seq) FROM runs WHERE ended_at IS NULL)) AS seq FROM recorder_positions p`,
  );
  await world.onBus((bus) => bus.purge(Number(floor!.seq)));
}

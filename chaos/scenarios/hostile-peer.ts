import { connect } from "@nats-io/transport-node";
import { hostileFrames, type Hostility } from "../world/hostile-frames.ts";
import type { World } from "../world/world.ts";
import type { Scenario } from "./scenario.ts";

/** Of 1,000 deliveries and acknowledgements. */
const HOSTILITY: Hostility = { dropped: 20, doubled: 30, delayed: 50 };
/** A reader of the log begins again after each gap, with pauses: enough of it to see that it does. */
const TO_RECORDER: Hostility = { dropped: 1, doubled: 5, delayed: 2 };
const MESSAGES_PER_BURST = 60;
/** Where a peer can put something in the way of a worker, a dispatcher, the recorder, or everybody. */
const SUBJECTS = [
  "put.TASK.work.normal.00._",
  "put.AGENT_OUTPUT._._.00._",
  "put.NONSENSE",
  "live.TASK.work.normal.00._",
  "live.HEARTBEAT._._.00._",
  "live.STOP._._.00._",
  "log.TASK.work.normal.00._",
];

/** Deliveries are lost, doubled and overtaken, and a peer sends garbage, and sends again what was sent before. */
export const hostilePeer: Scenario = {
  name: "hostile-peer",
  about: "duplicated, reordered, dropped and malformed messages on the bus",
  minimum: { quick: 100, full: 500 },
  async run(world) {
    const behind = async (hostility: Hostility) => {
      const proxy = await world.startProxy(world.nats, { meddle: hostileFrames(world.random, hostility) });
      return `nats://${proxy.address}`;
    };
    const natsUrl = await behind(HOSTILITY);
    await Promise.all([
      world.startRecorder({ natsUrl: await behind(TO_RECORDER) }),
      world.startWorkers(3, { natsUrl }),
      world.startLoad({ natsUrl }),
    ]);
    for (const _ of world.rounds({ quick: 3, full: 30 })) {
      await world.pause(300, 700);
      await world.fault("garbage and repeats", {}, () => misbehave(world));
    }
  },
};

async function misbehave(world: World): Promise<void> {
  const { random } = world;
  const overheard = await overhear(world);
  const peer = await connect({ servers: world.nats.url });
  for (let count = 0; count < MESSAGES_PER_BURST; count++) {
    const { subject, bytes } = random.pick(overheard);
    if (random.next() < 0.5) {
      // Stored before, and sent again as it was: without the id that would make it a duplicate.
      peer.publish(subject, bytes);
    } else {
      peer.publish(`myelin.chaos.${random.pick(SUBJECTS)}`, spoil(world, bytes));
    }
  }
  await peer.flush();
  await peer.close();
}

/** The last entries of the log, as they were put there. */
function overhear(world: World): Promise<{ subject: string; bytes: Uint8Array }[]> {
  return world.onBus(async (bus) => {
    const { lastSeq } = await bus.info();
    const heard: { subject: string; bytes: Uint8Array }[] = [];
    for await (const { subject, bytes } of bus.read({}, { fromSeq: Math.max(1, lastSeq - 200) })) {
      heard.push({ subject, bytes });
    }
    return heard;
  });
}

/** Something that is no Signal any more, or just no longer. */
function spoil({ random }: World, bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString();
  const ways = [
    () => text.slice(0, random.between(0, text.length - 1)),
    () => text.replace('"v":"1"', '"v":"9"'),
    () => text.replace('"payload":{', '"payload":7,"was":{'),
    () => text.replace(/"type":"\w+"/, '"type":"NONSENSE"'),
    () => JSON.stringify([text]),
    () => "\u0000\ufffd{",
  ];
  return Buffer.from(random.pick(ways)());
}

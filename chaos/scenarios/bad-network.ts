import { setTimeout as sleep } from "node:timers/promises";
import type { TcpProxy } from "@myelin/dev";
import type { World } from "../world/world.ts";
import type { Scenario } from "./scenario.ts";

/** What a network does to a connection. Half-open is the worst: only silence tells. */
const FAULTS: readonly (readonly [kind: string, act: (proxy: TcpProxy, world: World) => Promise<void>])[] = [
  ["half-open", async (proxy) => proxy.swallow()],
  ["cut", async (proxy) => proxy.cut()],
  [
    "delay",
    async (proxy, { random }) => {
      proxy.delay(random.between(20, 200));
      await sleep(random.between(500, 1_000));
      proxy.delay(0);
    },
  ],
  [
    "refuse",
    async (proxy, { random }) => {
      proxy.cut({ refuse: true });
      await sleep(random.between(300, 800));
      proxy.accept();
    },
  ],
];

/** The network between processes and servers fails in every way it can; the servers themselves are well. */
export const badNetwork: Scenario = {
  name: "bad-network",
  about: "a network that cuts, delays, refuses and goes half-open, before NATS and before PostgreSQL",
  minimum: { quick: 100, full: 1_000 },
  async run(world) {
    const nats = await world.startProxy(world.nats);
    const postgres = await world.startProxy(world.postgres);
    const natsUrl = `nats://${nats.address}`;
    const databaseUrl = new URL(world.database.url);
    databaseUrl.host = postgres.address;
    // Nothing but time tells that the other side of a query is gone; the default is a minute.
    databaseUrl.searchParams.set("query_timeout", "1500");
    await Promise.all([
      world.startRecorder({ natsUrl, databaseUrl: databaseUrl.toString() }),
      world.startWorkers(3, { natsUrl }),
      world.startLoad({ natsUrl }),
    ]);
    for (const round of world.rounds({ quick: 4, full: 16 })) {
      await world.pause(200, 500);
      const [kind, act] = FAULTS[round % FAULTS.length]!;
      await Promise.all([
        world.fault(`NATS ${kind}`, {}, () => act(nats, world)),
        world.fault(`PostgreSQL ${kind}`, { touches: "recording" }, () => act(postgres, world)),
      ]);
      world.recordingRecoveriesMs.push(await world.untilRecorded());
    }
  },
};

/** Three nats-servers as one cluster, the log in three copies: what scaling.md says of losing one of them under load. */
import { expect, test } from "@jest/globals";
import { connect } from "@nats-io/transport-node";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { connectSynapse, isReplyType, type Bus, type Synapse } from "@myelin/bus";
import { streamName } from "@myelin/bus/protocol";
import { Axon, Dendrite } from "@myelin/dendrite";
import { freePort, startNats, type DevServer } from "@myelin/dev";
import { until } from "../helpers/with-fleet.ts";
import { uniqueNamespace } from "../helpers/with-nats.ts";

const NODES = ["one", "two", "three"] as const;
const TASKS = 200;

class Cluster implements AsyncDisposable {
  readonly servers = new Map<string, DevServer>();
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), "nats-cluster-"));

  static async start(): Promise<Cluster> {
    const cluster = new Cluster();
    const ports = await Promise.all(NODES.map(() => freePort()));
    const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(", ");
    const started = NODES.map(async (name, at) => {
      const configFile = path.join(cluster.#folder, `${name}.conf`);
      // As in docs/scaling.md, on one machine.
      const listen = `127.0.0.1:${ports[at]!}`;
      writeFileSync(
        configFile,
        `server_name: ${name}\ncluster { name: myelin, listen: "${listen}", routes: [${routes}] }\n`,
      );
      cluster.servers.set(name, await startNats({ configFile }));
    });
    await Promise.all(started);
    return cluster;
  }

  get url(): string {
    return [...this.servers.values()].map(({ url }) => url).join(",");
  }

  /** The cluster has agreed on a leader, so that streams can be made. */
  async open(namespace: string): Promise<Synapse> {
    const synapse = await connectSynapse(this.url, { replicas: 3 });
    // Refused until then.
    await until(() =>
      synapse.open(namespace).then(
        () => true,
        () => false,
      ),
    );
    return synapse;
  }

  /** The server that leads the log of a namespace. */
  async leaderOf(namespace: string): Promise<DevServer> {
    const nc = await connect({ servers: this.url.split(",") });
    try {
      const answer = await nc.request(`$JS.API.STREAM.INFO.${streamName(namespace)}`);
      const { config, cluster } = answer.json<{ config: { num_replicas: number }; cluster: { leader: string } }>();
      expect(config.num_replicas).toBe(3);
      return this.servers.get(cluster.leader)!;
    } finally {
      await nc.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.servers.values()].map((server) => server.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

test("A1: the leader of the log is killed under load: every task is answered, and ends once", async () => {
  await using cluster = await Cluster.start();
  const namespace = uniqueNamespace("cluster");
  await using synapse = await cluster.open(namespace);
  const worker = new Dendrite({ synapse, namespace, ackWaitMs: 10_000 });
  worker.attachAxon(new Axon({ neuronId: "echo", neuron: (input) => input, concurrency: 8 }));
  await worker.start();
  await using asking = await connectSynapse(cluster.url);
  const dispatcher = new Dendrite({ synapse: asking, namespace, ackWaitMs: 10_000, discoverMs: 5_000 });
  const leader = await cluster.leaderOf(namespace);

  let answered = 0;
  const answers: unknown[] = [];
  const ask = async (lane: number) => {
    for (let n = lane; n < TASKS; n += 16) {
      const reply = await dispatcher
        .dispatchAndWait({ neuron: "echo", input: { n }, timeoutMs: 60_000 })
        .catch((error: unknown) => {
          // Not known to be stored: what a caller does about it is to ask again.
          if ((error as { code?: unknown }).code !== "LOG_UNAVAILABLE") throw error;
          return dispatcher.dispatchAndWait({ neuron: "echo", input: { n }, timeoutMs: 60_000 });
        });
      answers.push(reply.payload.output.n);
      if (++answered === TASKS / 4) void leader.kill("SIGKILL");
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, lane) => ask(lane)));
  expect(new Set(answers).size).toBe(TASKS);

  const bus = await asking.open(namespace);
  let ends = new Map<string, number>();
  // For some seconds the cluster may give a reader to the server that is dead: that is LogUnavailableError, and one asks again.
  await until(() => endsByRun(bus).then((read) => ((ends = read), true), isUnavailable));
  expect([...ends.values()].filter((count) => count > 1)).toEqual([]);
  await dispatcher.stop();
  await worker.stop();
});

/** How many terminals each run has in the log. */
async function endsByRun(bus: Bus): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  for await (const { parsed } of bus.read({})) {
    if (!parsed.ok) throw new Error(parsed.problem.message);
    const { type, meta } = parsed.signal;
    if (isReplyType(type)) ends.set(meta.run_id!, (ends.get(meta.run_id!) ?? 0) + 1);
  }
  return ends;
}

/** False, so that it is tried again; anything else is thrown. */
function isUnavailable(error: unknown): false {
  if ((error as { code?: unknown }).code !== "LOG_UNAVAILABLE") throw error;
  return false;
}

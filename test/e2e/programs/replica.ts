/** A worker process for tests: appends every execution to a file, so that what ran is known outside the system. */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Axon, connectSynapse, Dendrite } from "myelin";

const [url = "", namespace = "", journal = "", ackWaitMs = "30000", workMs = "0"] = process.argv.slice(2);
const synapse = await connectSynapse(url);
const dendrite = new Dendrite({ synapse, namespace, dendriteId: "replica", ackWaitMs: Number(ackWaitMs) });
dendrite.attachAxon(
  new Axon({
    neuronId: "count",
    concurrency: 8,
    neuron: async (input) => {
      appendFileSync(journal, `${dendrite.instance} ${String(input.n)}\n`);
      await sleep(Number(workMs));
      return { n: input.n, by: dendrite.instance };
    },
  }),
);
await dendrite.start();
process.stdout.write("ready\n");
await dendrite.untilStopped();
await synapse.drain();

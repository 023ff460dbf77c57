/** The program of scale/…: hosts workers that sleep, idle peers, or many neurons; or dispatches and takes the time. */
import { connectSynapse, type Synapse } from "@myelin/bus";
import { Axon, Dendrite } from "@myelin/dendrite";
import { setTimeout as sleep } from "node:timers/promises";
import { answerJob, makeJob, TIMEOUT_MS, type Job } from "../contenders/job.ts";
import { serveParent } from "../harness/child.ts";
import { cpuUs, keepGoing } from "../harness/load.ts";
import type { Round } from "../harness/statistics.ts";

export interface HostArgument {
  readonly url: string;
  readonly namespace: string;
  /** One Dendrite each, with a connection of its own. An empty list of neurons makes a dispatcher that waits. */
  readonly dendrites: readonly { readonly neurons: readonly string[] }[];
  readonly concurrency: number;
  /** How long the work takes; 0 answers at once. */
  readonly workMs: number;
  readonly capabilities?: readonly string[] | undefined;
}
export interface AskArgument {
  readonly url: string;
  readonly namespace: string;
  readonly to: { readonly neuron: string } | { readonly capabilities: readonly string[] };
  readonly inFlight: number;
  readonly durationMs: number;
}

const opened: { dendrite: Dendrite; synapse: Synapse }[] = [];

async function open(url: string, namespace: string, axons: readonly Axon[]): Promise<Dendrite> {
  const synapse = await connectSynapse(url);
  const dendrite = new Dendrite({ synapse, namespace, discoverMs: 5_000 });
  for (const axon of axons) dendrite.attachAxon(axon);
  await dendrite.start();
  opened.push({ dendrite, synapse });
  return dendrite;
}

let dispatcher: Promise<Dendrite> | undefined;

serveParent({
  async host({ url, namespace, dendrites, concurrency, workMs, capabilities }: HostArgument): Promise<void> {
    const neuron = async (input: unknown) => {
      if (workMs > 0) await sleep(workMs);
      return answerJob(input as Job);
    };
    for (const { neurons } of dendrites) {
      const axons = neurons.map((neuronId) => new Axon({ neuronId, neuron, concurrency, capabilities }));
      await open(url, namespace, axons);
    }
  },

  async ask({ url, namespace, to, ...load }: AskArgument): Promise<Round> {
    const dendrite = await (dispatcher ??= open(url, namespace, []));
    return keepGoing(load, async () => {
      await dendrite.dispatchAndWait({ ...to, input: { ...makeJob() }, timeoutMs: TIMEOUT_MS });
    });
  },

  cpuUs,

  async stop(): Promise<void> {
    await Promise.all(opened.map(({ dendrite }) => dendrite.stop()));
    await Promise.all(opened.map(({ synapse }) => synapse.drain()));
  },
});

/** Ours: a Dendrite that hosts an Axon, and one that dispatches. */
import { connectSynapse } from "@myelin/bus";
import { Axon, Dendrite } from "@myelin/dendrite";
import type { Contender } from "./contender.ts";
import { answerJob, TIMEOUT_MS, type Answer, type Job } from "./job.ts";

const NEURON = "answerer";

const myelin = (delivery: "transient" | "durable"): Contender => {
  const open = async (url: string) => {
    const synapse = await connectSynapse(url);
    const dendrite = new Dendrite({ synapse, namespace: `bench-${delivery}` });
    const close = async () => {
      await dendrite.stop();
      await synapse.drain();
    };
    return { dendrite, [Symbol.asyncDispose]: close };
  };
  return {
    async startWorker(url) {
      const worker = await open(url);
      worker.dendrite.attachAxon(
        new Axon({ neuronId: NEURON, neuron: (input) => answerJob(input as unknown as Job), concurrency: 256 }),
      );
      await worker.dendrite.start();
      return worker;
    },
    async startDispatcher(url) {
      const { dendrite, ...opened } = await open(url);
      await dendrite.start();
      return {
        ...opened,
        async dispatch({ prompt }) {
          const reply = await dendrite.dispatchAndWait({
            neuron: NEURON,
            input: { prompt },
            delivery,
            timeoutMs: TIMEOUT_MS,
          });
          return reply.payload.output as unknown as Answer;
        },
      };
    },
  };
};

export const myelinTransient: Contender = myelin("transient");
export const myelinDurable: Contender = myelin("durable");

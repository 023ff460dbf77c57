/**
 * A worker process with the agent of the crash matrix, in as many namespaces as it is given. It counts the points it comes by
 * (before and after each append, each model call, each effect) and kills itself (-9) at the one it is told.
 */
import { appendFileSync } from "node:fs";
import { defineAgent, tool } from "@myelin/agent";
import { connectSynapse, type Bus, type Signal } from "@myelin/bus";
import { Axon, Dendrite } from "@myelin/dendrite";
import { openai, type Model } from "@myelin/neuron";
import { z } from "zod";
import { leveredSynapse } from "../../helpers/levered-synapse.ts";

export interface AgentWorkerArgument {
  readonly url: string;
  readonly namespaces: readonly string[];
  readonly modelUrl: string;
  /** What the tools did, a line each: `<namespace> <tool>`. */
  readonly effects: string;
  /** From 1; 0 for one that does not die. */
  readonly dieAt: number;
}

const { url, namespaces, modelUrl, effects, dieAt } = JSON.parse(process.argv[2]!) as AgentWorkerArgument;

let passed = 0;
function point(name: string): void {
  passed++;
  // Before it dies, so that the test can say where.
  process.stdout.write(`point ${passed} ${name}\n`);
  if (passed === dieAt) process.kill(process.pid, "SIGKILL");
}

/** What is appended for the run: entries of the journal by their types, replies by their own. */
const nameOf = (signal: Signal): string | null => {
  if (signal.type === "RUN_EVENT") return signal.payload.entries.map(({ event_type }) => event_type).join("+");
  return signal.meta.task_seq === undefined ? null : signal.type;
};

const pointed = (model: Model): Model => ({
  vendor: model.vendor,
  model: model.model,
  costOf: (name, usage) => model.costOf(name, usage),
  close: () => model.close(),
  generate: async (request, options) => {
    point("before the model");
    const answer = await model.generate(request, options);
    point("after the model");
    return answer;
  },
});

function acts(namespace: string, name: string): void {
  point(`before the effect of ${name}`);
  appendFileSync(effects, `${namespace} ${name}\n`);
  point(`after the effect of ${name}`);
}

const open: AsyncDisposable[] = [];
for (const namespace of namespaces) {
  const synapse = await connectSynapse(url);
  open.unshift({ [Symbol.asyncDispose]: () => synapse.drain() });
  const append = (bus: Bus): Bus["append"] => {
    return async (signal, options) => {
      const name = nameOf(signal);
      if (name !== null) point(`before ${name}`);
      const appended = await bus.append(signal, options);
      if (name !== null) point(`after ${name}`);
      return appended;
    };
  };
  const input = z.object({ of: z.string() });
  const search = tool({
    name: "search",
    description: "Looks for an order",
    input,
    idempotent: true,
    run: ({ of }) => {
      acts(namespace, "search");
      return Promise.resolve({ found: `order of ${of}` });
    },
  });
  const refund = tool({
    name: "refund",
    description: "Refunds an order",
    input,
    run: ({ of }) => {
      acts(namespace, "refund");
      return Promise.resolve({ refunded: of });
    },
  });
  const agent = defineAgent({
    name: "support",
    model: pointed(openai("scripted-1", { baseURL: modelUrl, apiKey: "none", maxRetries: 0 })),
    prompt: "You are a support agent.",
    tools: [search, refund],
    requireApproval: ["refund"],
  });
  const dendrite = new Dendrite({
    synapse: leveredSynapse(synapse, { append }),
    namespace,
    dendriteId: "support",
    // Long enough that only the dead lose it: one that is late gives up its model call, which is on record too.
    ackWaitMs: 3_000,
  });
  dendrite.attachAxon(new Axon(agent));
  await dendrite.start();
  open.unshift(dendrite);
}
process.stdout.write("ready\n");
await new Promise<void>((resolve) => process.once("SIGTERM", resolve));
for (const one of open) await one[Symbol.asyncDispose]();

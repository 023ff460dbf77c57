/** A worker process with an agent that delegates to another, which asks before it refunds. */
import { agentTool, defineAgent, tool } from "@myelin/agent";
import { connectSynapse } from "@myelin/bus";
import { Axon, Dendrite } from "@myelin/dendrite";
import { scriptedModel } from "@myelin/neuron/testing";
import { z } from "zod";

const [url = "", namespace = ""] = process.argv.slice(2);

/** Calls the tool, then says what it was told. */
const callThenSay = (name: string, params: Record<string, unknown>) =>
  scriptedModel(({ request }) => {
    const last = request.messages.at(-1)!;
    return last.role === "tool" ? `It said ${last.content}` : { toolCalls: [{ name, params }] };
  });
const run = () => Promise.resolve(`refunded by ${process.pid}`);
const refund = tool({ name: "refund", description: "Refunds.", input: z.object({}), run });
const clerk = defineAgent({
  name: "clerk",
  model: callThenSay("refund", {}),
  prompt: "p",
  tools: [refund],
  requireApproval: ["refund"],
});
const model = callThenSay("clerk", { text: "Refund it" });
const support = defineAgent({ name: "support", model, prompt: "p", tools: [agentTool(clerk)] });

const synapse = await connectSynapse(url);
const dendrite = new Dendrite({ synapse, namespace, ackWaitMs: 500 });
for (const agent of [support, clerk]) dendrite.attachAxon(new Axon(agent));
await dendrite.start();
process.stdout.write(`ready ${process.pid}\n`);
await dendrite.untilStopped();
await synapse.drain();

/** What must and must not compile around a Dendrite. Checked by tsc; never run. */
import type { SignalOf } from "@myelin/bus";
import { defineNeuron } from "@myelin/neuron";
import { z } from "zod";
import { Axon, onAgentOutput, onErrorSignal, type Dendrite } from "./index.ts";

declare const dendrite: Dendrite;
const summarize = defineNeuron({
  neuronId: "summarize",
  capabilities: ["text"],
  input: z.object({ text: z.string(), lang: z.string().default("en") }),
  output: z.object({ summary: z.string() }),
});

// The neuron gets z.output (a default is there), the caller passes z.input.
dendrite.attachAxon(new Axon({ ...summarize, neuron: ({ text, lang }) => ({ summary: text + lang.length }) }));
export const summary: string = (await dendrite.call(summarize, { text: "t" })).summary;
// @ts-expect-error text must be a string
await dendrite.call(summarize, { text: 1 });
// @ts-expect-error text is missing
await dendrite.call(summarize, {});
// @ts-expect-error the output has no such field
export const wrong: string = (await dendrite.call(summarize, { text: "t" })).text;
// @ts-expect-error the neuron must return a summary
new Axon({ ...summarize, neuron: () => ({ text: "t" }) });
// @ts-expect-error the input has no such field
new Axon({ ...summarize, neuron: ({ body }) => ({ summary: String(body) }) });
// Without schemas: any JSON object in, anything out.
dendrite.attachAxon(new Axon({ neuronId: "free", neuron: (input) => input.prompt }));

// dispatchAndWait is an AGENT_OUTPUT, unless pauses are returned: then it must be narrowed.
export const output: Record<string, unknown> = (await dendrite.dispatchAndWait({ neuron: "a", input: {} })).payload
  .output;
const either = await dendrite.dispatchAndWait({ neuron: "a", input: {}, onPause: "return" });
// @ts-expect-error may be a pause
export const maybe: Record<string, unknown> = either.payload.output;
if (either.type === "AGENT_OUTPUT") void either.payload.output;
if (either.type === "CLARIFICATION") void dendrite.respondToClarification(either, { answer: 1 });
// @ts-expect-error not JSON object input
void dendrite.dispatchAndWait({ neuron: "a", input: "text" });
// @ts-expect-error a list is no object
void dendrite.dispatchAndWait({ neuron: "a", input: ["text"] });
// An interface has no index signature, and is an object all the same.
interface Ask {
  readonly prompt: string;
}
export const ask = async (input: Ask): Promise<void> => {
  await dendrite.dispatchAndWait({ neuron: "a", input, metadata: input });
  await dendrite.run("support", { text: input.prompt, metadata: input });
};
// @ts-expect-error no such delivery
void dendrite.dispatchAndWait({ neuron: "a", input: {}, delivery: "fast" });

// Handlers get the Signal of their type.
dendrite.onErrorSignal((signal) => signal.payload.code.toUpperCase());
dendrite.onAgentOutput({ capability: "text", group: "metrics" }, (signal) => signal.directed.id.toUpperCase());
// @ts-expect-error an AGENT_OUTPUT has no code
dendrite.onAgentOutput((signal) => signal.payload.code.length);
// @ts-expect-error no such filter
dendrite.onAgentOutput({ neurons: "a" }, () => {});
// @ts-expect-error a CLARIFICATION is not answered as a permission
dendrite.onClarification((signal) => dendrite.respondToPermission(signal, { granted: true }));

export class Metrics {
  @onAgentOutput({ capability: "text" }) answered(signal: SignalOf<"AGENT_OUTPUT">) {
    return signal.directed.id.length;
  }
  @onErrorSignal() failed(signal: SignalOf<"ERROR">) {
    return signal.payload.code;
  }
  // @ts-expect-error the method takes another type than the decorator gives
  @onErrorSignal() mixed(signal: SignalOf<"AGENT_OUTPUT">) {
    return signal.payload.output;
  }
}

// A run that waits has its pause, one that is over has none.
const run = await dendrite.run("support", { text: "t" });
if (run.status === "waiting_approval") void run.pause.question;
// @ts-expect-error may be over
void run.pause.question;

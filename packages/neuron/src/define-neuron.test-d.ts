/** What must and must not compile around contracts and neurons. Checked by tsc; never run. */

import { z } from "zod";
import { clarify, defineNeuron } from "./index.ts";
import type { ContractNeuron, Neuron, NeuronContext, NeuronOutcome } from "./index.ts";

declare const ctx: NeuronContext;

const summarize = defineNeuron({
  neuronId: "summarize",
  capabilities: ["text"],
  input: z.object({ text: z.string(), lang: z.string().default("en") }),
  output: z.object({ summary: z.string(), words: z.number().default(0) }),
});
type SummarizeNeuron = ContractNeuron<typeof summarize.input, typeof summarize.output>;

// A caller passes z.input (a default may be left off) and gets z.output (a default is there).
const reply = await ctx.call(summarize, { text: "t" });
export const words: number = reply.words;
await ctx.call(summarize, { text: "t", lang: "de" }, { timeoutMs: 1_000 });
// @ts-expect-error a required field is missing
await ctx.call(summarize, { lang: "en" });
// @ts-expect-error a field of the wrong type
await ctx.call(summarize, { text: 1 });
// @ts-expect-error a field nobody declared
await ctx.call(summarize, { text: "t", extra: true });
// @ts-expect-error an output field nobody declared
export const title = reply.title;
// @ts-expect-error who is called is the contract's business
await ctx.call(summarize, { text: "t" }, { neuron: "other" });

// The neuron gets z.output (the default is there) and returns z.input (a default may be left off), or an outcome.
export const good: SummarizeNeuron = ({ text, lang }) => ({ summary: `${text} ${lang.toUpperCase()}` });
export const pauses: SummarizeNeuron = async ({ text }) => (text === "" ? clarify("Which text?") : { summary: text });
// @ts-expect-error the answer lacks `summary`
export const lacks: SummarizeNeuron = () => ({ words: 1 });
// @ts-expect-error the answer has the wrong type
export const wrong: SummarizeNeuron = async () => ({ summary: 1 });
// @ts-expect-error the input has no such field
export const reads: SummarizeNeuron = ({ title }) => ({ summary: title });

// Without a contract input is JSON and any answer goes.
export const echo: Neuron = (input) => ({ echo: input["text"] });
// @ts-expect-error what comes over the wire is unknown until it is checked
export const trusting: Neuron = (input): string => input["text"];

// An outcome can only be made by its function.
// @ts-expect-error the brand is missing
export const forged: NeuronOutcome = { kind: "clarification", question: "q", context: {} };

// @ts-expect-error a contract names its neuron
defineNeuron({ input: z.object({}), output: z.object({}) });
// @ts-expect-error schemas are zod's, not JSON Schema
defineNeuron({ neuronId: "n", input: { type: "object" }, output: z.object({}) });
// @ts-expect-error a contract is read-only
summarize.neuronId = "other";
// @ts-expect-error the context is read-only
ctx.attempt = 2;

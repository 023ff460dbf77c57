/** call: one dispatch by contract. The input is checked before it is sent, the output before the caller gets it. */
import type { SignalOf } from "@myelin/bus";
import type { JsonObject, NeuronContract } from "@myelin/neuron";
import type { z } from "zod";
import type { Dispatcher } from "./dispatcher.ts";
import { describeIssues, NeuronError } from "./errors.ts";
import type { CallOptions, Parent } from "./requests.ts";
import { parseInput, toIssues } from "./validate.ts";

/** What `call` uses of a contract. */
export type CallContract<I extends z.ZodType, O extends z.ZodType> = Pick<
  NeuronContract<I, O>,
  "neuronId" | "input" | "output"
>;

/** Rejects with `InputValidationError` before anything is sent, with `NeuronError` OUTPUT_INVALID, and as a wait does. */
export async function callNeuron<I extends z.ZodType, O extends z.ZodType>(
  dispatcher: Dispatcher,
  contract: CallContract<I, O>,
  input: z.input<I>,
  options: CallOptions,
  parent: Parent | null,
): Promise<z.output<O>> {
  const { neuronId } = contract;
  const request = { ...options, neuron: neuronId, input: parseInput(neuronId, contract.input, input) as JsonObject };
  const reply = (await dispatcher.dispatchAndWait(request, parent)) as SignalOf<"AGENT_OUTPUT">;
  const parsed = contract.output.safeParse(reply.payload.output);
  if (parsed.success) return parsed.data;
  const message = `the output does not fit the caller's contract: ${describeIssues(toIssues(parsed.error))}`;
  throw new NeuronError({ code: "OUTPUT_INVALID", message, recoverable: false }, reply);
}

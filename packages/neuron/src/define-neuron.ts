/** defineNeuron: writes down a neuron's contract once, so that worker and caller are checked against the same schemas. */

import type { z } from "zod";
import type { NeuronContract } from "./contract.ts";
import { ContractError } from "./errors.ts";
import { capabilityProblem, neuronIdProblem } from "./names.ts";

/** What `defineNeuron` takes. */
export interface NeuronDefinition<I extends z.ZodType, O extends z.ZodType> {
  /** 1 to 64 of `A-Z a-z 0-9 _ -`; may not begin with `dnd_`, `run_` or `_`. */
  readonly neuronId: string;
  /** Each 1 to 64 of `A-Z a-z 0-9 _ . : -`. Default `[]`. */
  readonly capabilities?: readonly string[] | undefined;
  readonly input: I;
  readonly output: O;
  readonly version?: string | undefined;
  readonly description?: string | undefined;
}

export function defineNeuron<I extends z.ZodType, O extends z.ZodType>(
  definition: NeuronDefinition<I, O>,
): NeuronContract<I, O> {
  const { neuronId, capabilities = [], input, output, version, description } = definition;
  const problem = neuronIdProblem(neuronId) ?? capabilities.map(capabilityProblem).find((found) => found !== null);
  if (problem) throw new ContractError(problem);
  return Object.freeze({
    neuronId,
    capabilities: Object.freeze([...new Set(capabilities)]),
    input,
    output,
    ...(version === undefined ? {} : { version }),
    ...(description === undefined ? {} : { description }),
  });
}

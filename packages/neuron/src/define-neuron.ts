/** defineNeuron: writes down a neuron's contract once, so that worker and caller are checked against the same schemas. */

import type { z } from "zod";
import { toContractJsonSchema } from "./contract-schema.ts";
import type { NeuronContract } from "./contract.ts";
import { ContractError } from "./errors.ts";
import { capabilityProblem, neuronIdProblem } from "./names.ts";

/** What `defineNeuron` takes. */
export interface NeuronDefinition<I extends z.ZodType, O extends z.ZodType> {
  /** 1 to 64 of `A-Z a-z 0-9 _ -`; may not begin with `dnd_`, `run_` or `_`. */
  readonly neuronId: string;
  /** Each 1 to 64 of `A-Z a-z 0-9 _ . : -`. Default `[]`; duplicates are dropped. */
  readonly capabilities?: readonly string[] | undefined;
  /** What a caller sends: an object schema that JSON Schema can say. */
  readonly input: I;
  /** What the neuron answers: an object schema that JSON Schema can say. */
  readonly output: O;
  readonly version?: string | undefined;
  readonly description?: string | undefined;
}

/**
 * Writes down a neuron's contract: frozen plain data to spread into `new Axon({ ...contract, neuron })` and to hand to
 * `dendrite.call(contract, input)`. Throws `ContractError` for a bad id or capability, and for a schema that is no object
 * or that JSON Schema cannot say.
 *
 * Why transforms are refused: input and output are parsed where they leave and again where they arrive, and other
 * languages read them as JSON Schema. A transform would run twice, or not at all.
 */
export function defineNeuron<I extends z.ZodType, O extends z.ZodType>(
  definition: NeuronDefinition<I, O>,
): NeuronContract<I, O> {
  const { neuronId, capabilities = [], input, output, version, description } = definition;
  const idProblem = neuronIdProblem(neuronId);
  if (idProblem !== null) throw new ContractError(idProblem);
  for (const capability of capabilities) {
    const problem = capabilityProblem(capability);
    if (problem !== null) throw new ContractError(`neuron "${neuronId}": ${problem}`);
  }
  const contract = Object.freeze({
    neuronId,
    capabilities: Object.freeze([...new Set(capabilities)]),
    input,
    output,
    ...(version === undefined ? {} : { version }),
    ...(description === undefined ? {} : { description }),
  });
  // For its refusals only: whoever needs the JSON Schemas makes them again.
  toContractJsonSchema(contract);
  return contract;
}

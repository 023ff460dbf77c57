/** Contract: the id, capabilities and schemas of a neuron, shared by the one who runs it and the one who calls it. */

import type { z } from "zod";

/**
 * What both sides know of a neuron. Generic over the zod schemas, not over their types, because the two sides see
 * different types: a caller passes `z.input<I>` and gets `z.output<O>`; the neuron gets `z.output<I>` and returns
 * `z.input<O>`. Plain data; made by `defineNeuron`.
 */
export interface NeuronContract<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly neuronId: string;
  readonly capabilities: readonly string[];
  readonly input: I;
  readonly output: O;
  readonly version?: string | undefined;
  readonly description?: string | undefined;
}

/** Neuron: a plain function `(input, ctx) => output` that does one kind of work and knows nothing of the bus. */

import type { z } from "zod";
import type { NeuronContext } from "./context.ts";
import type { JsonObject, NeuronOutcome } from "./outcomes.ts";

/**
 * The function a worker runs for one task. It returns its answer, or an outcome (`clarify`, `permission`, `escalate`)
 * that pauses the run, or it throws: `NeuronFailure` chooses code and `recoverable`, anything else is mapped by
 * `NeuronFailure.from`. It may be started more than once for one task (`ctx.attempt`), also by another process.
 */
export type Neuron<I = JsonObject, O = unknown> = (
  input: I,
  ctx: NeuronContext,
) => O | NeuronOutcome | Promise<O | NeuronOutcome>;

/** The neuron behind a contract: it gets the parsed input and returns what the output schema accepts. */
export type ContractNeuron<I extends z.ZodType, O extends z.ZodType> = Neuron<z.output<I>, z.input<O>>;

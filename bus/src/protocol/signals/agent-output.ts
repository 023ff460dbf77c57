import { z } from "zod";
import { defineSignal, jsonObject } from "../define-signal.ts";

/**
 * AGENT_OUTPUT: the neuron's answer; ends the run. From the Axon, to the dispatcher; parent is the TASK.
 *
 * An output that is not an object travels as `{ value }`.
 */
export const agentOutput = defineSignal({
  type: "AGENT_OUTPUT",
  directed: "producer",
  to: "dispatcher",
  effect: "end",
  payload: z.looseObject({
    output: jsonObject,
  }),
});

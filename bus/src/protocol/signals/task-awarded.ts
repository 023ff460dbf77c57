import { z } from "zod";
import { defineSignal, jsonObject, optionalText } from "../define-signal.ts";

/**
 * TASK_AWARDED: the offered work goes to `directed`; runs like a TASK. Its parent is the winning BID.
 */
export const taskAwarded = defineSignal({
  type: "TASK_AWARDED",
  directed: "address",
  to: "neuron",
  payload: z.looseObject({
    input: jsonObject,
    winning_bid: jsonObject.optional(),
    context_ref: optionalText,
    finalize: z.boolean().optional(),
  }),
});

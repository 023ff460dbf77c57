import { z } from "zod";
import { defineSignal, jsonObject } from "../define-signal.ts";

/**
 * TASK_OFFER: asks who would run this, and at what cost. Answered by BID. Carried for Cosmonapse; Myelin makes none.
 */
export const taskOffer = defineSignal({
  type: "TASK_OFFER",
  payload: z.looseObject({
    input: jsonObject,
    capabilities: z.array(z.string()).optional(),
    deadline_ms: z.number().optional(),
  }),
});

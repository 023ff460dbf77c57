import { z } from "zod";
import { defineSignal } from "../define-signal.ts";

/**
 * BID: a worker's price for a TASK_OFFER (its parent).
 */
export const bid = defineSignal({
  type: "BID",
  directed: "producer",
  payload: z.looseObject({
    cost: z.number(),
    eta_ms: z.number().optional(),
    confidence: z.number().optional(),
  }),
});

import { z } from "zod";
import { defineSignal, optionalText } from "../define-signal.ts";

/**
 * STOPPED: a run was cancelled; ends the run. Parent is the STOP.
 */
export const stopped = defineSignal({
  type: "STOPPED",
  directed: "producer",
  to: "dispatcher",
  effect: "end",
  payload: z.looseObject({
    rolled_back: z.int().optional(),
    cancelled: z.int().optional(),
    compensated: z.int().optional(),
    node: optionalText,
    reason: optionalText,
  }),
});

import { z } from "zod";
import { defineSignal, optionalText } from "../define-signal.ts";

/**
 * TASK_DECLINED: tells a bidder that its BID (the parent) was not taken.
 */
export const taskDeclined = defineSignal({
  type: "TASK_DECLINED",
  payload: z.looseObject({
    reason: optionalText,
  }),
});

import { z } from "zod";
import { defineSignal, optionalText } from "../define-signal.ts";

/**
 * PLAN: the steps somebody intends to take.
 */
export const plan = defineSignal({
  type: "PLAN",
  payload: z.looseObject({
    steps: z.array(z.unknown()),
    rationale: optionalText,
  }),
});

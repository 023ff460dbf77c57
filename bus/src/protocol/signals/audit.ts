import { z } from "zod";
import { defineSignal } from "../define-signal.ts";

/**
 * AUDIT: what a policy did.
 */
export const audit = defineSignal({
  type: "AUDIT",
  payload: z.looseObject({
    kind: z.string(),
    domain: z.string(),
    outcome: z.string(),
    attempt: z.number(),
  }),
});

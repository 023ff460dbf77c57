import { z } from "zod";
import { defineSignal, optionalText } from "../define-signal.ts";

/**
 * PERMISSION_DECISION: a decision that wakes nobody, for peers that wait on the bus. Parent is the PERMISSION.
 */
export const permissionDecision = defineSignal({
  type: "PERMISSION_DECISION",
  payload: z.looseObject({
    granted: z.boolean(),
    reason: optionalText,
    ttl_ms: z.number().optional(),
  }),
});

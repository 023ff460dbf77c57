import { z } from "zod";
import { defineSignal, optionalText } from "../define-signal.ts";

/**
 * RECALLED: a memory's answer to a RECALL (its parent).
 */
export const recalled = defineSignal({
  type: "RECALLED",
  directed: "producer",
  payload: z.looseObject({
    engram_id: z.string(),
    hits: z.array(z.unknown()),
    truncated: z.boolean(),
    took_ms: z.number().optional(),
    error: optionalText,
  }),
});

import { z } from "zod";
import { defineSignal, optionalText } from "../define-signal.ts";

/**
 * IMPRINTED: a memory's receipt for an IMPRINT (its parent).
 */
export const imprinted = defineSignal({
  type: "IMPRINTED",
  directed: "producer",
  payload: z.looseObject({
    engram_id: z.string(),
    op: z.string(),
    id: optionalText,
    version: z.number().optional(),
    took_ms: z.number().optional(),
    error: optionalText,
  }),
});

import { z } from "zod";
import { defineSignal, jsonObject, optionalText } from "../define-signal.ts";

/**
 * RECALL: asks a memory for what it knows. Carried for Cosmonapse's Engrams.
 */
export const recall = defineSignal({
  type: "RECALL",
  directed: "address",
  payload: z.looseObject({
    query: jsonObject,
    recall_mode: z.enum(["first", "merge", "all"]),
    filters: jsonObject.optional(),
    context_ref: optionalText,
    deadline_ms: z.number().optional(),
    min_confidence: z.number().optional(),
  }),
});

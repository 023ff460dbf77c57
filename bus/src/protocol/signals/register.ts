import { z } from "zod";
import { defineSignal, jsonObject, optionalText } from "../define-signal.ts";

/**
 * REGISTER: an Axon is there. Appended at start, once per Axon; `meta.instance` says in which process.
 */
export const register = defineSignal({
  type: "REGISTER",
  directed: "producer",
  payload: z.looseObject({
    role: z.string(),
    capabilities: z.array(z.string()),
    version: optionalText,
    concurrency: z.int().positive().optional(),
    /** Of an agent: what a caller must know of it (`agentCard`). */
    card: jsonObject.optional(),
  }),
});

import { z } from "zod";
import { defineSignal, jsonObject, optionalText } from "../define-signal.ts";

/**
 * CONTEXT_SYNC: a snapshot of shared context.
 */
export const contextSync = defineSignal({
  type: "CONTEXT_SYNC",
  payload: z.looseObject({
    snapshot: jsonObject,
    version: optionalText,
  }),
});

import { z } from "zod";
import { defineSignal } from "../define-signal.ts";

/**
 * MEMORY_APPEND: one value to remember under a key.
 */
export const memoryAppend = defineSignal({
  type: "MEMORY_APPEND",
  payload: z.looseObject({
    key: z.string(),
    value: z.unknown(),
  }),
});

import { z } from "zod";
import { defineSignal } from "../define-signal.ts";

/**
 * CLARIFICATION_ANSWER: an answer that wakes nobody, for peers that wait on the bus. Parent is the CLARIFICATION.
 */
export const clarificationAnswer = defineSignal({
  type: "CLARIFICATION_ANSWER",
  payload: z.looseObject({
    answer: z.unknown(),
  }),
});

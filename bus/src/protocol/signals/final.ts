import { z } from "zod";
import { defineSignal, jsonObject } from "../define-signal.ts";

/**
 * FINAL: the result of a whole workflow; ends the run when no AGENT_OUTPUT came before. Cosmonapse sends it after AGENT_OUTPUT.
 */
export const final = defineSignal({
  type: "FINAL",
  directed: "producer",
  to: "dispatcher",
  effect: "end",
  payload: z.looseObject({
    result: jsonObject,
    cost: z.number().optional(),
  }),
});

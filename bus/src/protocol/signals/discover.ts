import { z } from "zod";
import { defineSignal, optionalText } from "../define-signal.ts";

/**
 * DISCOVER: who is there? Answered by a HEARTBEAT of every process that matches. No filter asks everybody.
 */
export const discover = defineSignal({
  type: "DISCOVER",
  travels: "live",
  payload: z.looseObject({
    neuron: optionalText,
    capabilities: z.array(z.string()).optional(),
  }),
});

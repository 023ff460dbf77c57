import { z } from "zod";
import { defineSignal, jsonObject, optionalText, time } from "../define-signal.ts";

/**
 * ESCALATION: the neuron gives the work up to somebody better; pauses the run until `respondToEscalation`.
 *
 * `target` is the neuron id it would hand to.
 */
export const escalation = defineSignal({
  type: "ESCALATION",
  directed: "producer",
  to: "dispatcher",
  effect: "pause",
  payload: z.looseObject({
    reason: z.string(),
    target: optionalText,
    context: jsonObject.optional(),
    /** Past it nobody may answer any more, and the run ends in ERROR. Absent: it waits for ever. */
    expires_at: time.optional(),
  }),
});

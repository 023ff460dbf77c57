import { z } from "zod";
import { defineSignal, jsonObject, optionalText, time } from "../define-signal.ts";

/**
 * PERMISSION: the neuron asks whether it may act; pauses the run until `respondToPermission`. Parent is the TASK.
 */
export const permission = defineSignal({
  type: "PERMISSION",
  directed: "producer",
  to: "dispatcher",
  effect: "pause",
  payload: z.looseObject({
    action: z.string(),
    scope: z.unknown().optional(),
    reason: optionalText,
    context: jsonObject.optional(),
    /** Past it nobody may answer any more, and the run ends in ERROR. Absent: it waits for ever. */
    expires_at: time.optional(),
  }),
});

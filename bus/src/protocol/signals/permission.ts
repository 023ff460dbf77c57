import { z } from "zod";
import { defineSignal, jsonObject, optionalText } from "../define-signal.ts";

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
  }),
});

import { z } from "zod";
import { defineSignal, jsonObject, time } from "../define-signal.ts";

/**
 * CLARIFICATION: the neuron asks a question; pauses the run until `respondToClarification`. Parent is the TASK.
 */
export const clarification = defineSignal({
  type: "CLARIFICATION",
  directed: "producer",
  to: "dispatcher",
  effect: "pause",
  payload: z.looseObject({
    question: z.string(),
    context: jsonObject.optional(),
    /** What the run waits for, when it is not a person's word. Absent: `waiting_human_input`. */
    status: z.enum(["waiting_human_input", "waiting_client_tool", "waiting_child"]).optional(),
    /** Past it nobody may answer any more, and the run ends in ERROR. Absent: it waits for ever. */
    expires_at: time.optional(),
  }),
});

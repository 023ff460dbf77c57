import { z } from "zod";
import { defineSignal, jsonObject, optionalText } from "../define-signal.ts";

/**
 * TOOL_CALL: a run calls a tool. Mirrored live by the Axon, so that `onToolCall` fires; the record is the run's journal.
 */
export const toolCall = defineSignal({
  type: "TOOL_CALL",
  travels: "live",
  payload: z.looseObject({
    tool: z.string(),
    args: jsonObject,
    call_id: optionalText,
  }),
});

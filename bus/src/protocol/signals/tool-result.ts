import { z } from "zod";
import { defineSignal, optionalText } from "../define-signal.ts";

/**
 * TOOL_RESULT: what a tool gave back; `error` when it failed. Mirrored live by the Axon.
 */
export const toolResult = defineSignal({
  type: "TOOL_RESULT",
  travels: "live",
  payload: z.looseObject({
    tool: z.string(),
    result: z.unknown().optional(),
    error: optionalText,
    call_id: optionalText,
  }),
});

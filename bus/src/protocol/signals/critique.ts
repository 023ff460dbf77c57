import { z } from "zod";
import { defineSignal } from "../define-signal.ts";

/**
 * CRITIQUE: a judgement of another Signal.
 */
export const critique = defineSignal({
  type: "CRITIQUE",
  payload: z.looseObject({
    target_event_id: z.string(),
    issues: z.array(z.unknown()),
    verdict: z.string(),
  }),
});

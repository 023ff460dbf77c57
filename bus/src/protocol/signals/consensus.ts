import { z } from "zod";
import { defineSignal, jsonObject } from "../define-signal.ts";

/**
 * CONSENSUS: what several members agreed on.
 */
export const consensus = defineSignal({
  type: "CONSENSUS",
  payload: z.looseObject({
    members: z.array(z.string()),
    verdict: z.unknown(),
    votes: jsonObject.optional(),
  }),
});

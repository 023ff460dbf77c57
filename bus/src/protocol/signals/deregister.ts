import { z } from "zod";
import { defineSignal, optionalText } from "../define-signal.ts";

/**
 * DEREGISTER: an Axon is leaving, in the process `meta.instance`.
 */
export const deregister = defineSignal({
  type: "DEREGISTER",
  directed: "producer",
  payload: z.looseObject({
    reason: optionalText,
  }),
});

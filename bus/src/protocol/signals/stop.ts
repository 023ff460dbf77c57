import { z } from "zod";
import { defineSignal, optionalText } from "../define-signal.ts";

/**
 * STOP: cancels everything that runs on the trace; with a `meta.tenant_id` only what is of that tenant. Sent live (fast) and
 * appended (sure).
 */
export const stop = defineSignal({
  type: "STOP",
  payload: z.looseObject({
    rollback: z.boolean().optional(),
    reason: optionalText,
    /** Who stops it, for the record. */
    by: optionalText,
    /** Cancel this run only, and what it dispatched. */
    run_id: optionalText,
  }),
});

import { z } from "zod";
import { defineSignal } from "../define-signal.ts";

/**
 * ERROR: the task failed; ends the run. `recoverable` says whether trying the same again may work. Parent is the TASK.
 */
export const error = defineSignal({
  type: "ERROR",
  directed: "producer",
  to: "dispatcher",
  effect: "end",
  payload: z.looseObject({
    code: z.string(),
    message: z.string(),
    recoverable: z.boolean(),
    /** Where an input or output does not fit its schema: `{ path, message }`. */
    issues: z.array(z.unknown()).optional(),
    /** What became of every start of the task that is known, oldest first, when it is durable. */
    attempts: z
      .array(z.looseObject({ attempt: z.int().positive(), code: z.string(), message: z.string(), at: z.string() }))
      .optional(),
  }),
});

import { z } from "zod";
import { defineSignal } from "../define-signal.ts";

/**
 * THOUGHT_DELTA: a piece of the text a run is producing. Live, one by one; their text is stored joined, at most twice a second
 * per run, as a Signal of the same type with `joined: true`.
 *
 * `seq` counts the pieces of one attempt from 0; on a joined one it is that of the first piece.
 */
export const thoughtDelta = defineSignal({
  type: "THOUGHT_DELTA",
  directed: "producer",
  travels: "live",
  payload: z.looseObject({
    delta: z.string(),
    seq: z.int().nonnegative().optional(),
    joined: z.boolean().optional(),
    /** What a model thinks, not what it says. Absent: text. */
    kind: z.enum(["text", "reasoning"]).optional(),
  }),
});

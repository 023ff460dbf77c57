import { z } from "zod";
import { defineSignal } from "../define-signal.ts";
import { runEventEntry } from "../run-events.ts";

/**
 * RUN_EVENT: one or more consecutive entries of a run's journal, appended with the expected last sequence of its subject (J1).
 */
export const runEvent = defineSignal({
  type: "RUN_EVENT",
  directed: "producer",
  to: "run",
  payload: z.looseObject({
    entries: z.array(runEventEntry).min(1),
  }),
});

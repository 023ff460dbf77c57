import { z } from "zod";
import { defineSignal, jsonObject, optionalText, time } from "../define-signal.ts";

/** The lanes a TASK can wait in; `normal` when none is said. */
export const LANES = ["high", "normal", "low"] as const;
export type Lane = (typeof LANES)[number];

/** What a person said to an earlier pause of the same run. */
export const answer = z.looseObject({
  kind: z.enum(["clarification", "permission", "escalation"]),
  question: z.string(),
  answer: z.unknown(),
  granted: z.boolean().optional(),
  by: optionalText,
});

/**
 * TASK: asks one neuron to run. From a dispatcher (or a run, for its child); answered by AGENT_OUTPUT, ERROR, a pause or STOPPED.
 *
 * `input` is what the neuron gets. `deadline` is absolute; past it the task is not started. `metadata` lands on the run.
 * `answers` is set when a person's answer wakes a paused run: the original input goes out again together with it.
 */
export const task = defineSignal({
  type: "TASK",
  directed: "address",
  to: "neuron",
  payload: z.looseObject({
    input: jsonObject,
    capabilities: z.array(z.string()).optional(),
    deadline: time.optional(),
    priority: z.enum(LANES).optional(),
    metadata: jsonObject.optional(),
    answers: z.array(answer).optional(),
    context_ref: optionalText,
    finalize: z.boolean().optional(),
  }),
});

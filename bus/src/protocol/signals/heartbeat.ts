import { z } from "zod";
import { defineSignal, jsonObject, optionalText } from "../define-signal.ts";

/** One Axon of the process. Counts are of this process; `last_processed_at` is when it last ended a task. */
export const heartbeatNeuron = z.looseObject({
  neuron_id: z.string(),
  capabilities: z.array(z.string()),
  version: optionalText,
  concurrency: z.int().positive(),
  in_flight: z.int().nonnegative(),
  processed: z.int().nonnegative(),
  last_processed_at: z.string().nullable(),
  /** As in its REGISTER; told when somebody asked (DISCOVER), and not every time. */
  card: jsonObject.optional(),
});

/**
 * HEARTBEAT: a process is alive, and what its Axons do. One per process and interval, and at once in answer to a DISCOVER.
 *
 * `neurons` is the whole registration, so that whoever listens needs no other Signal.
 */
export const heartbeat = defineSignal({
  type: "HEARTBEAT",
  directed: "producer",
  travels: "live",
  payload: z.looseObject({
    status: z.string(),
    label: optionalText,
    started_at: optionalText,
    /** How often it says so, in ms; three times that without a word and it counts as gone. */
    interval_ms: z.number().positive().optional(),
    neurons: z.array(heartbeatNeuron).optional(),
  }),
});

/** The body of `POST /ask`: what a client may say, and in which words it is told what is wrong. */
import { isTraceId, type TraceId } from "@myelin/bus";
import { z } from "zod";
import { parseBody } from "./parse-body.ts";

export interface AskBody {
  readonly prompt: string;
  /** Lands on the run, where `RunStore` can filter by it: `{ "thread_id": …, "user_id": … }`. */
  readonly metadata?: Record<string, unknown> | undefined;
  /** The trace to join. Default a new one. */
  readonly traceId?: TraceId | undefined;
  /** How long the caller waits. */
  readonly timeoutMs?: number | undefined;
}

/** Makes the check. Unknown keys are refused, because `timeout` for `timeoutMs` would otherwise wait the default in silence. */
export function askBodyParser(maxTimeoutMs: number): (body: unknown) => AskBody {
  const schema = z.strictObject(
    {
      prompt: z.string("must be text").refine((text) => text.trim() !== "", "must be text that is not empty"),
      metadata: z.record(z.string(), z.unknown(), "must be an object").optional(),
      traceId: z.custom<TraceId>(isTraceId, "must be trc_ and at most 60 of A-Z a-z 0-9 _ -").optional(),
      timeoutMs: z
        .int("must be a whole number")
        .min(1, "must be at least 1")
        .max(maxTimeoutMs, `must be at most ${maxTimeoutMs}`)
        .optional(),
    },
    {
      error: (issue) =>
        issue.code === "unrecognized_keys"
          ? "unknown key; known are prompt, metadata, traceId, timeoutMs"
          : 'must be an object like {"prompt": "…"}',
    },
  );
  return (body) => parseBody(schema, body);
}

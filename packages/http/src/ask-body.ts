/** The body of `POST /ask`: what a client may say, and in which words it is told what is wrong. */
import { isTraceId, type TraceId } from "@myelin/bus";
import { z } from "zod";
import { HttpProblem } from "./problem.ts";

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
  return (body) => {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    const errors = parsed.error.issues.flatMap(toErrors(body)).slice(0, MAX_ERRORS);
    const detail = errors.map(({ path, message }) => (path === "" ? `the body ${message}` : `${path} ${message}`));
    throw new HttpProblem({ status: 400, code: "BAD_BODY", detail: detail.join("; "), members: { errors } });
  };
}

/** Enough to mend the body by; a body of a thousand unknown keys is not repeated to its sender. */
const MAX_ERRORS = 8;
const MAX_SHOWN = 80;

const toErrors =
  (body: unknown) =>
  (issue: z.core.$ZodIssue): { path: string; message: string }[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ path: key.slice(0, MAX_SHOWN), message: issue.message }));
    }
    const got = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], body);
    return [{ path: issue.path.join("."), message: `${issue.message}, got ${show(got)}` }];
  };

function show(value: unknown): string {
  if (value === undefined) return "none";
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

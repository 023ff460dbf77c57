/** What a client says to `POST /traces/:id/stop`: which trace, and perhaps why. */
import { isTraceId, type TraceId } from "@myelin/bus";
import { HttpProblem } from "./problem.ts";

const MAX_REASON = 1_000;

/** Throws `HttpProblem` 400. */
export function parseTrace(id: string): TraceId {
  if (isTraceId(id)) return id;
  const detail = `a trace id is trc_ and at most 60 of A-Z a-z 0-9 _ -, got ${JSON.stringify(id.slice(0, 80))}`;
  throw new HttpProblem({ status: 400, code: "BAD_REQUEST", detail });
}

/** The reason in a body, which may be left out. Unknown keys are refused. Throws `HttpProblem` 400. */
export function parseStopBody(body: unknown): { readonly reason?: string } {
  if (body === undefined) return {};
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw badBody('must be empty, or an object like {"reason": "…"}');
  const unknown = Object.keys(body).find((key) => key !== "reason");
  if (unknown !== undefined)
    throw badBody(`has an unknown key ${JSON.stringify(unknown.slice(0, 80))}; known is reason`);
  const { reason } = body as { reason?: unknown };
  if (reason === undefined) return {};
  if (typeof reason === "string" && reason.trim() !== "" && reason.length <= MAX_REASON) return { reason };
  throw badBody(`must have a reason of 1 to ${MAX_REASON} characters, or none`);
}

const badBody = (problem: string) => new HttpProblem({ status: 400, code: "BAD_BODY", detail: `the body ${problem}` });

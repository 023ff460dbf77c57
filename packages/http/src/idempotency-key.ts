/** idempotencyKeyOf: the Idempotency-Key of a request that may be sent again. */
import { HttpProblem } from "./problem.ts";

/** Undefined when there is none. Throws `HttpProblem` 400. */
export function idempotencyKeyOf({ headers }: Request): string | undefined {
  const key = headers.get("idempotency-key");
  if (key === null) return undefined;
  if (key.length >= 1 && key.length <= 255) return key;
  const detail = `Idempotency-Key must have 1 to 255 characters, got ${key.length}`;
  throw new HttpProblem({ status: 400, code: "BAD_REQUEST", detail });
}

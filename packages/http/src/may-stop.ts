/** mayStop: whether a caller may stop a trace. Who is of no tenant may; a tenant may when all that ran on it is its own. */
import type { TraceId } from "@myelin/bus";
import type { Scope } from "./authorize.ts";
import { HttpProblem } from "./problem.ts";
import { whenRecorded } from "./runs/find-run.ts";
import type { ScopableReads } from "./runs/run-parts.ts";

/**
 * The log does not say whose a trace is, its runs' rows do. Throws `HttpProblem` 404 for a trace without a run of the tenant's,
 * and 403 when there are others' too, or there is no store to ask.
 */
export async function mayStop(
  traceId: TraceId,
  { tenantId }: Scope,
  store: ScopableReads | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (tenantId === undefined) return;
  if (store === undefined) throw forbidden("this gateway cannot tell whose a trace is: it was made without a RunStore");
  const own = await whenRecorded(
    traceId,
    async () => (await store.for({ tenantId }).countRuns({ traceId })) || null,
    signal,
  );
  if (own === null) {
    const detail = `there is no trace ${JSON.stringify(traceId)}`;
    throw new HttpProblem({ status: 404, code: "NOT_FOUND", detail, members: { traceId } });
  }
  if ((await store.countRuns({ traceId })) > own) throw forbidden("runs of others are on the trace; cancel your own");
}

const forbidden = (detail: string) => new HttpProblem({ status: 403, code: "FORBIDDEN", detail });

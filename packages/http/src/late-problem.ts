/** lateProblem: a failure at the deadline, as the timeout that it is to the client. */
import { NeuronError } from "@myelin/dendrite";
import { HttpProblem } from "./problem.ts";

/**
 * At its deadline a run is aborted in the worker, whose "cancelled" may overtake our own timer. To the client both are
 * one thing: no answer in time. Null when it was not that.
 */
export function lateProblem(error: unknown, { timeoutMs, startedAt }: { timeoutMs: number; startedAt: number }) {
  if (!(error instanceof NeuronError) || performance.now() - startedAt < timeoutMs) return null;
  const { signal } = error;
  return new HttpProblem({
    status: 504,
    code: "DISPATCH_TIMEOUT",
    detail: `${signal.directed.id} did not answer within ${timeoutMs} ms`,
    members: { runId: signal.meta.run_id, traceId: signal.trace_id, timeoutMs },
    cause: error,
  });
}

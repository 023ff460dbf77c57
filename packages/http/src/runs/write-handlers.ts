/** Write handlers: what starts and steers runs, over `dendrite.runs`. The tenant is the caller's own, never the body's. */
import type { Dispatched, RunResult, Submitted } from "@myelin/dendrite";
import { idempotencyKeyOf } from "../idempotency-key.ts";
import { parseBody } from "../parse-body.ts";
import { HttpProblem } from "../problem.ts";
import { readJson, readOptionalJson } from "../read-json.ts";
import type { Call } from "../routes.ts";
import {
  BODIES,
  toApproval,
  toCancelRun,
  toHumanInput,
  toRetryRequest,
  toRunRequest,
  toToolResults,
  type Body,
  type BodyName,
} from "./bodies.ts";
import { answer } from "./read-handlers.ts";
import type { RunCall, RunHandlers, RunParts, RunVerbs } from "./run-parts.ts";
import { live, respond } from "./stream-handlers.ts";
import { toWire } from "./wire.ts";

type WriteId =
  | "startRun"
  | "streamRun"
  | "submitApproval"
  | "submitInput"
  | "submitToolResults"
  | "cancelRun"
  | "deleteRun"
  | "retryRun";

type Submission = Pick<RunCall<"submitApproval">, "query" | "request">;

export function writeHandlers(parts: RunParts, verbs: RunVerbs): RunHandlers<WriteId> {
  const read = async <N extends BodyName>(name: N, { request, place }: Call): Promise<Body<N>> => {
    const body = await readJson(request, { maxBytes: parts.maxBodyBytes, onBytes: place.holds });
    return parseBody(BODIES[name], body) as Body<N>;
  };
  const readOptional = async <N extends BodyName>(name: N, { request, place }: Call): Promise<Body<N>> => {
    const body = await readOptionalJson(request, { maxBytes: parts.maxBodyBytes, onBytes: place.holds });
    return parseBody(BODIES[name], body ?? {}) as Body<N>;
  };

  async function taken(submitted: Submitted, { query, request }: Submission): Promise<Response> {
    const { runId, traceId, isResumed, pending } = submitted;
    if (!query.wait || !isResumed) {
      return answer("SubmittedRun", toWire({ runId, traceId, isResumed, pending }), 202);
    }
    return finished(await submitted.result({ timeoutMs: parts.maxWaitMs, signal: request.signal }));
  }

  async function cancel({ scope, runId }: Call & { runId: string }, sent: Body<"CancelRun">): Promise<Response> {
    const { tenantId } = scope;
    const by = actorOf(scope, sent.by);
    const { traceId, status } = await verbs.cancelRun(runId, { ...toCancelRun(sent), tenantId, by });
    return answer("CancelledRun", { run_id: runId, trace_id: traceId, status });
  }

  return {
    async startRun(call) {
      const { request, query, scope } = call;
      const idempotencyKey = idempotencyKeyOf(request);
      const sent = await read("StartRun", call);
      const asked = { ...toRunRequest(sent), tenantId: scope.tenantId, idempotencyKey };
      if (query.wait) return finished(await verbs.run(sent.agent, { ...asked, signal: request.signal }));
      return begun(await verbs.start(sent.agent, asked), "runs/");
    },

    async streamRun(call) {
      const { request, scope } = call;
      const idempotencyKey = idempotencyKeyOf(request);
      const sent = await read("StartRun", call);
      const asked = { ...toRunRequest(sent), tenantId: scope.tenantId, idempotencyKey };
      return respond(parts, call, async (signal) => {
        const events = verbs.stream(sent.agent, { ...asked, signal });
        const first = events.next();
        // What refuses a run is a status of its own, not a stream that begins with an error. But no client waits for its
        // headers for as long as a run may wait for a worker.
        using late = elapsed(parts.timing.heartbeatMs);
        await Promise.race([first, late.promise]);
        return live(resumeWith(first, events));
      });
    },

    async submitApproval(call) {
      const { scope, runId } = call;
      const sent = await read("Approval", call);
      const by = actorOf(scope, sent.by);
      return taken(await verbs.submitApproval(runId, { ...toApproval(sent), by, tenantId: scope.tenantId }), call);
    },

    async submitInput(call) {
      const { scope, runId } = call;
      const sent = await read("HumanInput", call);
      const by = actorOf(scope, sent.by);
      return taken(await verbs.submitInput(runId, { ...toHumanInput(sent), by, tenantId: scope.tenantId }), call);
    },

    async submitToolResults(call) {
      const { scope, runId } = call;
      const sent = await read("ToolResults", call);
      const by = actorOf(scope, sent.by);
      return taken(
        await verbs.submitToolResults(runId, { ...toToolResults(sent), by, tenantId: scope.tenantId }),
        call,
      );
    },

    async cancelRun(call) {
      return cancel(call, await readOptional("CancelRun", call));
    },

    async deleteRun(call) {
      return cancel(call, {});
    },

    async retryRun(call) {
      const { request, query, scope, runId } = call;
      const idempotencyKey = idempotencyKeyOf(request);
      const sent = await readOptional("RetryRun", call);
      const asked = { ...toRetryRequest(sent), tenantId: scope.tenantId, idempotencyKey };
      if (query.wait) return finished(await verbs.retry(runId, { ...asked, signal: request.signal }));
      return begun(await verbs.startRetry(runId, asked), "../");
    },
  };
}

/** Where it is is said from here, so that it is right under any prefix. */
const begun = ({ runId, traceId }: Pick<Dispatched, "runId" | "traceId">, runs: string): Response =>
  answer("StartedRun", { run_id: runId, trace_id: traceId }, 202, { location: `${runs}${runId}` });

/** 200 for a run that is over, 202 for one that waits: nobody takes a question for an answer. */
const finished = (result: RunResult): Response =>
  answer("RunResult", toWire(result), result.pause === null ? 200 : 202, {});

/** Who submits: as `authorize` knows it, else as the body says. Throws `HttpProblem` 403 for who says it is another. */
function actorOf({ actor }: Call["scope"], by: string | undefined): string | undefined {
  if (actor === undefined || by === undefined || by === actor) return actor ?? by;
  throw new HttpProblem({
    status: 403,
    code: "FORBIDDEN",
    detail: `by must be ${JSON.stringify(actor)}, who you are, or left out; got ${JSON.stringify(by.slice(0, 80))}`,
  });
}

async function* resumeWith<T>(first: Promise<IteratorResult<T, void>>, rest: AsyncGenerator<T, void, void>) {
  const { done, value } = await first;
  if (done === true) return;
  yield value;
  yield* rest;
}

function elapsed(ms: number): Disposable & { readonly promise: Promise<void> } {
  let timer: NodeJS.Timeout;
  const promise = new Promise<void>((resolve) => (timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1))));
  return { promise, [Symbol.dispose]: () => clearTimeout(timer) };
}

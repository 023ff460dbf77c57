/**
 * Gateway: a prompt comes in over HTTP, is dispatched, and its answer goes back. A web-standard handler; `nodeListener`
 * puts it on a socket.
 *
 *     POST /ask              {"prompt": "…"} → {"response": …, "traceId", "runId", "worker": {"neuron", "instance"}}
 *     POST /traces/:id/stop  everything that runs on the trace is stopped, in every process
 *     GET  /healthz          the process is alive
 *     GET  /readyz           the Dendrite runs and the bus is there; else 503
 *     GET  /metrics          only when `metrics` is given
 *     /runs, …               the run routes, only when `runs` is given
 *
 * More than it can hold it refuses at once, before a body is read; health and metrics are always served.
 */
import { parseNeuronId, type Logger, type Synapse } from "@myelin/bus";
import type { Dendrite } from "@myelin/dendrite";
import { askBodyParser } from "./ask-body.ts";
import type { Authorize } from "./authorize.ts";
import { idempotencyKeyOf } from "./idempotency-key.ts";
import { InFlight } from "./in-flight.ts";
import { lateProblem } from "./late-problem.ts";
import type { Handler } from "./node-listener.ts";
import { HttpProblem } from "./problem.ts";
import { readJson, readOptionalJson } from "./read-json.ts";
import type { Call, Route } from "./routes.ts";
import { runRoutes, type RunRoutesOptions } from "./runs/run-router.ts";
import { json, positive, serveRoutes, type RequestObserver } from "./serve-routes.ts";
import { parseStopBody, parseTrace } from "./stop-body.ts";

export interface GatewayOptions {
  readonly dendrite: Pick<Dendrite, "dispatchAndWait" | "stopTrace" | "isRunning">;
  /** The Dendrite's Synapse, for `/readyz`. */
  readonly synapse: Pick<Synapse, "onStatus">;
  /** Asked before everything but health. Null is 401. Health is everybody's. */
  readonly authorize: Authorize;
  /** Who answers prompts: it gets `{ prompt }`. Default `worker`. */
  readonly neuron?: string | undefined;
  /** How long a prompt may take when its body says nothing. Default 30_000. */
  readonly timeoutMs?: number | undefined;
  /** The most that a body may ask for. Default 300_000. */
  readonly maxTimeoutMs?: number | undefined;
  /** Default 1_048_576 (1 MiB), which is also what NATS takes by default. */
  readonly maxBodyBytes?: number | undefined;
  /** Requests under way at most, without health and metrics; the next is answered 503. Default 1_000. */
  readonly maxInFlight?: number | undefined;
  /** Bytes of their bodies at most, together; a body beyond it is answered 503. Default 67_108_864 (64 MiB). */
  readonly maxInFlightBytes?: number | undefined;
  /** Makes the text of `GET /metrics`. Default: there is no such route. */
  readonly metrics?: (() => Promise<{ readonly contentType: string; readonly body: string }>) | undefined;
  /** Serves the run routes too: those that read, and with `dendrite` those that write. Default: there are none. */
  readonly runs?: RunRoutesOptions | undefined;
  readonly logger?: Logger | undefined;
  /** Hears of every request, for metrics. Must not throw. */
  readonly observer?: GatewayObserver | undefined;
}

export type GatewayObserver = RequestObserver;

/** A reason is short. */
const MAX_STOP_BYTES = 16_384;

/** Throws `INVALID_OPTION` or `INVALID_ID`. It takes no socket and keeps nothing alive. */
export function createGateway(options: GatewayOptions): Handler {
  const { dendrite, synapse, authorize, metrics, runs, observer, logger } = options;
  const neuron = parseNeuronId(options.neuron ?? "worker");
  const maxTimeoutMs = positive("maxTimeoutMs", options.maxTimeoutMs ?? 300_000);
  const timeoutMs = positive("timeoutMs", options.timeoutMs ?? Math.min(30_000, maxTimeoutMs), maxTimeoutMs);
  const maxBodyBytes = positive("maxBodyBytes", options.maxBodyBytes ?? 1_048_576);
  const inFlight = new InFlight({
    maxInFlight: positive("maxInFlight", options.maxInFlight ?? 1_000),
    maxInFlightBytes: positive("maxInFlightBytes", options.maxInFlightBytes ?? 67_108_864),
  });
  const parseBody = askBodyParser(maxTimeoutMs);
  let isConnected = true;
  synapse.onStatus(({ type }) => {
    if (type === "disconnected" || type === "closed") isConnected = false;
    else if (type === "reconnected") isConnected = true;
  });

  async function ask({ request, scope: { tenantId }, place }: Call): Promise<Response> {
    const idempotencyKey = idempotencyKeyOf(request);
    const reading = { maxBytes: maxBodyBytes, onBytes: place.holds };
    const { prompt, metadata, traceId, timeoutMs: asked } = parseBody(await readJson(request, reading));
    const deadline = { timeoutMs: asked ?? timeoutMs, startedAt: performance.now() };
    const reply = await dendrite
      .dispatchAndWait({
        neuron,
        input: { prompt },
        timeoutMs: deadline.timeoutMs,
        metadata,
        traceId,
        tenantId,
        idempotencyKey,
        signal: request.signal,
      })
      .catch((error: unknown) => {
        throw lateProblem(error, deadline) ?? error;
      });
    const { output } = reply.payload;
    return json({
      // Every neuron of ours answers `{ response }`; of another's the whole output is the response.
      response: "response" in output ? output["response"] : output,
      traceId: reply.trace_id,
      runId: reply.meta.run_id,
      worker: { neuron: reply.directed.id, instance: reply.meta.instance },
    });
  }

  async function stop({ request, params, scope, place }: Call): Promise<Response> {
    const traceId = parseTrace(params["id"]!);
    const reading = { maxBytes: Math.min(maxBodyBytes, MAX_STOP_BYTES), onBytes: place.holds };
    const reason = parseStopBody(await readOptionalJson(request, reading));
    await dendrite.stopTrace(traceId, { ...reason, tenantId: scope.tenantId });
    return json({ traceId }, 202);
  }

  function ready(): Response {
    if (dendrite.isRunning && isConnected) return json({ status: "ready" });
    const detail = dendrite.isRunning ? "the connection to the bus is down" : "the Dendrite is not running";
    throw new HttpProblem({ status: 503, code: "NOT_READY", detail, headers: { "retry-after": "2" } });
  }

  const routes: Route[] = [
    { method: "POST", path: "/ask", guard: "counted", serve: ask },
    { method: "POST", path: "/traces/:id/stop", guard: "counted", serve: stop },
    { method: "GET", path: "/healthz", guard: "open", serve: () => json({ status: "ok" }) },
    { method: "GET", path: "/readyz", guard: "open", serve: ready },
  ];
  if (metrics) {
    const serve = async () => {
      const { contentType, body } = await metrics();
      return new Response(body, { headers: { "content-type": contentType } });
    };
    routes.push({ method: "GET", path: "/metrics", guard: "authorized", serve });
  }
  if (runs) routes.push(...runRoutes(runs, { authorize, basePath: "", maxBodyBytes, logger }));
  return serveRoutes(routes, { authorize, inFlight, logger, observer });
}

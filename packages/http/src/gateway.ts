/**
 * Gateway: a prompt comes in over HTTP, is dispatched, and its answer goes back. A web-standard handler; `nodeListener`
 * puts it on a socket.
 *
 *     POST /ask              {"prompt": "…"} → {"response": …, "traceId", "runId", "worker": {"neuron", "instance"}}
 *     POST /traces/:id/stop  everything that runs on the trace is stopped, in every process
 *     GET  /healthz          the process is alive
 *     GET  /readyz           the Dendrite runs and the bus is there; else 503
 *     GET  /metrics          only when `metrics` is given
 *
 * More than it can hold it refuses at once, before a body is read; health and metrics are always served.
 */
import { parseNeuronId, silentLogger, type Logger, type Synapse } from "@myelin/bus";
import { DendriteError, NeuronError, type Dendrite } from "@myelin/dendrite";
import { askBodyParser } from "./ask-body.ts";
import type { Authorize, Scope } from "./authorize.ts";
import { InFlight } from "./in-flight.ts";
import type { Handler } from "./node-listener.ts";
import { HttpProblem } from "./problem.ts";
import { readJson, readOptionalJson } from "./read-json.ts";
import { findRoute, matchPath, type Route } from "./routes.ts";
import { parseStopBody, parseTrace } from "./stop-body.ts";
import { toProblem } from "./to-problem.ts";

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
  readonly logger?: Logger | undefined;
  /** Hears of every request, for metrics. Must not throw. */
  readonly observer?: GatewayObserver | undefined;
}

export interface GatewayObserver {
  /** `route` is one of the routes (as `/traces/:id/stop`) or `other`, `method` one that is known or `other`: safe as labels. 499: the client left. */
  requestEnded?(event: { route: string; method: string; status: number; ms: number }): void;
}

/** A reason is short. */
const MAX_STOP_BYTES = 16_384;

/** Throws `INVALID_OPTION` or `INVALID_ID`. It takes no socket and keeps nothing alive. */
export function createGateway(options: GatewayOptions): Handler {
  const { dendrite, synapse, authorize, metrics, observer, logger = silentLogger } = options;
  const neuron = parseNeuronId(options.neuron ?? "worker");
  const maxTimeoutMs = positive("maxTimeoutMs", options.maxTimeoutMs ?? 300_000);
  const timeoutMs = positive("timeoutMs", options.timeoutMs ?? Math.min(30_000, maxTimeoutMs), maxTimeoutMs);
  const maxBodyBytes = positive("maxBodyBytes", options.maxBodyBytes ?? 1_048_576);
  if (typeof authorize !== "function") {
    throw invalid("authorize must be a function (request) => scope or null: bearerToken(token), loopbackOnly()");
  }
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

  async function allowed(request: Request): Promise<Scope> {
    const scope = await authorize(request);
    if (scope !== null) return scope;
    const detail = 'send the token as "Authorization: Bearer <token>"';
    const headers = { "www-authenticate": "Bearer" };
    throw new HttpProblem({ status: 401, code: "UNAUTHORIZED", detail, headers });
  }

  async function ask(request: Request): Promise<Response> {
    using place = inFlight.enter();
    const { tenantId } = await allowed(request);
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

  async function stop(request: Request, id: string): Promise<Response> {
    using place = inFlight.enter();
    await allowed(request);
    const traceId = parseTrace(id);
    const reading = { maxBytes: Math.min(maxBodyBytes, MAX_STOP_BYTES), onBytes: place.holds };
    await dendrite.stopTrace(traceId, parseStopBody(await readOptionalJson(request, reading)));
    return json({ traceId }, 202);
  }

  function ready(): Response {
    if (dendrite.isRunning && isConnected) return json({ status: "ready" });
    const detail = dendrite.isRunning ? "the connection to the bus is down" : "the Dendrite is not running";
    throw new HttpProblem({ status: 503, code: "NOT_READY", detail, headers: { "retry-after": "2" } });
  }

  const routes = new Map<string, Route>([
    ["/ask", { method: "POST", serve: ask }],
    ["/traces/:id/stop", { method: "POST", serve: stop }],
    ["/healthz", { method: "GET", serve: () => json({ status: "ok" }) }],
    ["/readyz", { method: "GET", serve: ready }],
  ]);
  if (metrics) {
    const serve = async (request: Request) => {
      await allowed(request);
      const { contentType, body } = await metrics();
      return new Response(body, { headers: { "content-type": contentType } });
    };
    routes.set("/metrics", { method: "GET", serve });
  }

  async function serve(request: Request, path: string): Promise<Response> {
    try {
      const { route, id } = findRoute(routes, path, request.method);
      return await route.serve(request, id);
    } catch (error) {
      if (request.signal.aborted) return clientGone(request).toResponse();
      const problem = toProblem(error);
      if (problem.status === 500) logger.error({ err: error, path }, "http.request.failed");
      return problem.toResponse();
    }
  }

  return async (request) => {
    const startedAt = performance.now();
    const { pathname } = new URL(request.url);
    const response = await serve(request, pathname);
    const ms = performance.now() - startedAt;
    const { status } = response;
    const route = matchPath(routes, pathname)?.path ?? "other";
    observer?.requestEnded?.({ route, method: METHODS.has(request.method) ? request.method : "other", status, ms });
    logger.debug({ method: request.method, path: pathname.slice(0, 200), status, ms: Math.round(ms) }, "http.request");
    return response;
  };
}

/**
 * At its deadline a run is aborted in the worker, whose "cancelled" may overtake our own timer. To the client both are
 * one thing: no answer in time.
 */
function lateProblem(error: unknown, { timeoutMs, startedAt }: { timeoutMs: number; startedAt: number }) {
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

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** The key of a request that may be sent again. Throws `HttpProblem` 400. */
function idempotencyKeyOf({ headers }: Request): string | undefined {
  const key = headers.get("idempotency-key");
  if (key === null) return undefined;
  if (key.length >= 1 && key.length <= 255) return key;
  const detail = `Idempotency-Key must have 1 to 255 characters, got ${key.length}`;
  throw new HttpProblem({ status: 400, code: "BAD_REQUEST", detail });
}

const json = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });

/** Nobody hears it; it is for the metrics. The abort has stopped the run. */
const clientGone = ({ signal }: Request) =>
  new HttpProblem({ status: 499, code: "CLIENT_GONE", detail: "the client went away", cause: signal.reason });

function positive(name: string, value: number, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value > 0 && value <= max) return value;
  throw invalid(`${name} must be a whole number from 1 to ${max}, got ${value}`);
}

const invalid = (message: string) => new DendriteError("INVALID_OPTION", message);

/**
 * Run router: the runs over HTTP, as a web-standard handler: what RunStore knows, and, with a Dendrite, what starts and
 * steers them. `nodeListener`, `toExpress`, `toFastify`, `toHono` and `toNext` mount it.
 *
 * H1: no read route writes, and no route serves another tenant's rows: all of them ask `store.for({ tenantId })` with the
 * tenant of the caller's scope, and all verbs get it.
 */
import { isRunId, type Logger } from "@myelin/bus";
import type { Authorize } from "../authorize.ts";
import { InFlight } from "../in-flight.ts";
import type { Handler } from "../node-listener.ts";
import { HttpProblem } from "../problem.ts";
import type { Route } from "../routes.ts";
import { invalid, json, positive, serveRoutes, type RequestObserver } from "../serve-routes.ts";
import { toProblem } from "../to-problem.ts";
import { runNotFound } from "./find-run.ts";
import { openApi } from "./openapi.ts";
import { OPERATIONS, type Operation, type OperationId } from "./operations.ts";
import { parseQuery } from "./parameters.ts";
import { readHandlers } from "./read-handlers.ts";
import { readsFor, type RunCall, type RunParts, type RunVerbs, type ScopableReads } from "./run-parts.ts";
import { streamHandlers } from "./stream-handlers.ts";
import { toWire } from "./wire.ts";
import { writeHandlers } from "./write-handlers.ts";

/** What the run routes need, wherever they are served. */
export interface RunRoutesOptions {
  /** A `RunStore`, for all routes that read what is recorded. It stays yours to close. Default: there are none. */
  readonly store?: ScopableReads | undefined;
  /** Serves the writing routes, and `deltas`. Default: there are none. */
  readonly dendrite?: { readonly runs: RunVerbs } | undefined;
  /** A comment is sent on a stream after so long without an event. Default 15_000. */
  readonly heartbeatMs?: number | undefined;
  /** How long a client should wait before it comes back to a stream that broke. Default 2_000. */
  readonly retryMs?: number | undefined;
  /** How often `authorize` is asked again about a stream. Default 300_000 (5 min). */
  readonly reauthorizeMs?: number | undefined;
  /** Streams at a time; the next is answered 503. Default 1_000. */
  readonly maxStreams?: number | undefined;
  /** How long `?wait=1` waits for a run that goes on after a submission. Default 300_000. */
  readonly maxWaitMs?: number | undefined;
  /** Query parameters that are not ours and not refused: a `token` that `authorize` reads, for EventSource sends no headers. Default none. */
  readonly ignoredParameters?: readonly string[] | undefined;
}

export interface RunRouterOptions extends RunRoutesOptions {
  /** Asked before everything but `/health` and `/openapi.json`. Null is 401; its tenant is the only one whose runs are there. */
  readonly authorize: Authorize;
  /** Where the routes begin, as `/api`, when the framework does not take that off. Default: at the root. */
  readonly basePath?: string | undefined;
  /** Default 1_048_576 (1 MiB), which is also what NATS takes by default. */
  readonly maxBodyBytes?: number | undefined;
  /** Requests under way at most, without streams; the next is answered 503. Default 1_000. */
  readonly maxInFlight?: number | undefined;
  /** Bytes of their bodies at most, together. Default 67_108_864 (64 MiB). */
  readonly maxInFlightBytes?: number | undefined;
  readonly logger?: Logger | undefined;
  /** Hears of every request, for metrics. Must not throw. A stream is heard of when it begins. */
  readonly observer?: RequestObserver | undefined;
}

/** Throws `INVALID_OPTION`. It takes no socket and keeps nothing alive. */
export function createRunRouter(options: RunRouterOptions): Handler {
  const { authorize, basePath = "", maxBodyBytes, logger, observer } = options;
  const inFlight = new InFlight({
    maxInFlight: positive("maxInFlight", options.maxInFlight ?? 1_000),
    maxInFlightBytes: positive("maxInFlightBytes", options.maxInFlightBytes ?? 67_108_864),
  });
  const routes = runRoutes(options, { authorize, basePath, maxBodyBytes: maxBodyBytes ?? 1_048_576, logger });
  return serveRoutes(routes, { authorize, inFlight, basePath, logger, observer });
}

/** The routes, to be served beside others. Throws `INVALID_OPTION`. */
export function runRoutes(
  options: RunRoutesOptions,
  shared: Pick<RunParts, "authorize" | "maxBodyBytes" | "logger"> & { readonly basePath: string },
): Route[] {
  const { store = null, dendrite, ignoredParameters = [] } = options;
  if (store === null && dendrite === undefined)
    throw invalid("give a store, a dendrite, or both: there is nothing to serve");
  const parts: RunParts = {
    ...shared,
    store,
    verbs: dendrite?.runs ?? null,
    timing: {
      heartbeatMs: positive("heartbeatMs", options.heartbeatMs ?? 15_000),
      retryMs: positive("retryMs", options.retryMs ?? 2_000),
      reauthorizeMs: positive("reauthorizeMs", options.reauthorizeMs ?? 300_000),
    },
    streams: new InFlight({ maxInFlight: positive("maxStreams", options.maxStreams ?? 1_000), maxInFlightBytes: 1 }),
    maxBodyBytes: positive("maxBodyBytes", shared.maxBodyBytes),
    maxWaitMs: positive("maxWaitMs", options.maxWaitMs ?? 300_000, 604_800_000),
    ignoredParameters,
  };
  const served = Object.entries<Operation>(OPERATIONS).filter(
    ([, { isWrite, isRead }]) => (isWrite !== true || parts.verbs) && (isRead !== true || store),
  );
  const document = json(openApi(Object.fromEntries(served), { basePath: shared.basePath }));
  const handlers: Partial<Record<OperationId, (call: never) => Promise<Response>>> = {
    getHealth: async () => json({ status: "ok" }),
    getOpenApi: async () => document.clone(),
    ...readHandlers,
    ...streamHandlers(parts),
    ...(parts.verbs && writeHandlers(parts, parts.verbs)),
  };
  return served.map(([id, { method, path, guard, query = {} }]) => ({
    method,
    path,
    guard,
    serve: async (call) => {
      try {
        const values = parseQuery(query, call.url.searchParams, ignoredParameters);
        const runId = call.params["id"] ?? "";
        if (path.includes(":id") && !isRunId(runId)) throw runNotFound(runId);
        const asked = {
          ...call,
          query: values,
          runId,
          get reads() {
            return readsFor(store, call.scope);
          },
        };
        return await handlers[id as OperationId]!(asked as RunCall<OperationId> as never);
      } catch (error) {
        throw inSnakeCase(toProblem(error));
      }
    },
  }));
}

/** Problems of the run routes look like the rest of their bodies. */
function inSnakeCase({ status, code, message: detail, headers, members, cause }: HttpProblem): HttpProblem {
  return new HttpProblem({ status, code, detail, headers, members: toWire(members), cause });
}

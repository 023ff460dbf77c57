/**
 * serveRoutes: a table of routes as one web-standard handler. Who may, how much at once, what an error looks like, and
 * what is counted and logged are the same for all of them, and are said here once.
 */
import { silentLogger, type Logger } from "@myelin/bus";
import { DendriteError } from "@myelin/dendrite";
import type { Authorize, Scope } from "./authorize.ts";
import type { InFlight } from "./in-flight.ts";
import type { Handler } from "./node-listener.ts";
import { HttpProblem } from "./problem.ts";
import { findRoute, matchPath, type Route } from "./routes.ts";
import { toProblem } from "./to-problem.ts";

export interface RequestObserver {
  /** `route` is one of the routes (as `/runs/:id`) or `other`, `method` one that is known or `other`: safe as labels. 499: the client left. */
  requestEnded?(event: { route: string; method: string; status: number; ms: number }): void;
}

export interface ServeOptions {
  readonly authorize: Authorize;
  readonly inFlight: InFlight;
  /**
   * Where the routes begin, as `/api`. Taken off a path that begins with it; a path that does not is taken as it is, because
   * some frameworks (Express, Fastify) take their own prefix off before.
   */
  readonly basePath?: string | undefined;
  readonly logger?: Logger | undefined;
  readonly observer?: RequestObserver | undefined;
}

/** Throws `INVALID_OPTION`. */
export function serveRoutes(routes: readonly Route[], options: ServeOptions): Handler {
  const { authorize, inFlight, observer, logger = silentLogger } = options;
  if (typeof authorize !== "function") {
    throw invalid("authorize must be a function (request) => scope or null: bearerToken(token), loopbackOnly()");
  }
  const basePath = parseBasePath(options.basePath ?? "");

  async function serve(request: Request, url: URL, path: string): Promise<Response> {
    try {
      const { route, params } = findRoute(routes, path, request.method);
      if (route.guard === "open") return await route.serve({ request, url, params, scope: {}, place: NO_PLACE });
      if (route.guard === "authorized") {
        const scope = await authorized(authorize, request);
        return await route.serve({ request, url, params, scope, place: NO_PLACE });
      }
      // Before anybody is asked who it is from: being too much costs us nothing.
      using place = inFlight.enter();
      return await route.serve({ request, url, params, scope: await authorized(authorize, request), place });
    } catch (error) {
      if (request.signal.aborted) return clientGone(request).toResponse();
      const problem = toProblem(error);
      if (problem.status === 500) logger.error({ err: problem.cause ?? error, path }, "http.request.failed");
      return problem.toResponse();
    }
  }

  return async (request) => {
    const startedAt = performance.now();
    const url = new URL(request.url);
    const path = url.pathname.startsWith(`${basePath}/`) ? url.pathname.slice(basePath.length) : url.pathname;
    const response = await serve(request, url, path);
    const ms = performance.now() - startedAt;
    const { status } = response;
    const route = matchPath(routes, path)?.path ?? "other";
    observer?.requestEnded?.({ route, method: METHODS.has(request.method) ? request.method : "other", status, ms });
    logger.debug({ method: request.method, path: path.slice(0, 200), status, ms: Math.round(ms) }, "http.request");
    if (request.method !== "HEAD" || response.body === null) return response;
    // Not every framework reads, or cancels, what HEAD does not get: an event stream would stay open for nobody.
    await response.body.cancel();
    return new Response(null, { status, headers: response.headers });
  };
}

/** The caller's scope. Throws `HttpProblem` 401. */
export async function authorized(authorize: Authorize, request: Request): Promise<Scope> {
  const scope = await authorize(request);
  if (scope !== null) return scope;
  const detail = 'send the token as "Authorization: Bearer <token>"';
  const headers = { "www-authenticate": "Bearer" };
  throw new HttpProblem({ status: 401, code: "UNAUTHORIZED", detail, headers });
}

export const json = (body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });

/** A whole number above 0, or `INVALID_OPTION`. */
export function positive(name: string, value: number, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value > 0 && value <= max) return value;
  throw invalid(`${name} must be a whole number from 1 to ${max}, got ${value}`);
}

export const invalid = (message: string) => new DendriteError("INVALID_OPTION", message);

function parseBasePath(path: string): string {
  if (path === "" || /^(\/[A-Za-z0-9._~-]+)+$/.test(path)) return path;
  throw invalid(`basePath must be like /api or /api/v1, got ${JSON.stringify(path)}`);
}

const NO_PLACE = { holds: () => {} };
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Nobody hears it; it is for the metrics. */
const clientGone = ({ signal }: Request) =>
  new HttpProblem({ status: 499, code: "CLIENT_GONE", detail: "the client went away", cause: signal.reason });

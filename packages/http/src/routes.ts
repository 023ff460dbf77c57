/** Routes: which function serves a request, by its path and method. */
import type { Scope } from "./authorize.ts";
import type { Place } from "./in-flight.ts";
import { HttpProblem } from "./problem.ts";

export type Method = "GET" | "POST" | "DELETE";

/** A request on its way through a route. */
export interface Call {
  readonly request: Request;
  readonly url: URL;
  /** What stands in place of `:id` and the like in the path, as the client wrote it. */
  readonly params: Readonly<Record<string, string>>;
  /** Of its caller; empty where a route is open. */
  readonly scope: Scope;
  /** Its place among the requests under way; holds nothing where a route is not counted. */
  readonly place: Pick<Place, "holds">;
}

export interface Route {
  readonly method: Method;
  /** Parts of it may be `:name`. */
  readonly path: string;
  /**
   * - `open`: for everybody
   * - `authorized`: for those who may; not counted among the requests under way
   * - `counted`: for those who may, and only while there is room for it
   */
  readonly guard: "open" | "authorized" | "counted";
  readonly serve: (call: Call) => Promise<Response> | Response;
}

export interface FoundRoute {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** The route's path that a path is of, and what stands in place of its names; null when there is none. */
export function matchPath(
  routes: readonly Route[],
  path: string,
): { path: string; params: FoundRoute["params"] } | null {
  const literal = !path.includes(":") && routes.find((route) => route.path === path);
  if (literal) return { path, params: {} };
  const parts = path.split("/");
  for (const route of routes) {
    const wanted = route.path.split("/");
    if (wanted.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((part, index) => {
      if (!part.startsWith(":")) return part === parts[index];
      params[part.slice(1)] = parts[index]!;
      return true;
    });
    if (fits) return { path: route.path, params };
  }
  return null;
}

/** The route of a request. HEAD is served like GET. Throws `HttpProblem` 404 or 405, which say what there is. */
export function findRoute(routes: readonly Route[], path: string, method: string): FoundRoute {
  const found = matchPath(routes, path);
  if (found === null) {
    const known = [...new Set(routes.map((route) => route.path))].join(", ");
    const detail = `there is no ${path.slice(0, 200)}; there is ${known}`;
    throw new HttpProblem({ status: 404, code: "NOT_FOUND", detail });
  }
  const here = routes.filter((route) => route.path === found.path);
  const route = here.find((one) => one.method === (method === "HEAD" ? "GET" : method));
  if (route) return { route, params: found.params };
  const allow = here.map((one) => (one.method === "GET" ? "GET, HEAD" : one.method)).join(", ");
  const detail = `${found.path} takes ${allow}, got ${method.slice(0, 40)}`;
  throw new HttpProblem({ status: 405, code: "METHOD_NOT_ALLOWED", detail, headers: { allow } });
}

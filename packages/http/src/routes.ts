/** Routes: which function serves a request, by its path and method. */
import { HttpProblem } from "./problem.ts";

export interface Route {
  readonly method: "GET" | "POST";
  /** `id` is what stands in place of `:id` in the path; empty where there is none. */
  readonly serve: (request: Request, id: string) => Promise<Response> | Response;
}

/** By path, in which one part may be `:id`. */
export type Routes = ReadonlyMap<string, Route>;

/** The path of the route that a path is of, and its `:id` as the client wrote it; null when there is none. */
export function matchPath(routes: Routes, path: string): { path: string; id: string } | null {
  if (routes.has(path)) return path.includes(":") ? null : { path, id: "" };
  const parts = path.split("/");
  for (const known of routes.keys()) {
    const wanted = known.split("/");
    const at = wanted.indexOf(":id");
    if (at === -1 || wanted.length !== parts.length) continue;
    if (wanted.every((part, index) => index === at || part === parts[index])) return { path: known, id: parts[at]! };
  }
  return null;
}

/** The route of a request. Throws `HttpProblem` 404 or 405, which say what there is. */
export function findRoute(routes: Routes, path: string, method: string): { route: Route; id: string } {
  const found = matchPath(routes, path);
  if (found === null) {
    const detail = `there is no ${path.slice(0, 200)}; there is ${[...routes.keys()].join(", ")}`;
    throw new HttpProblem({ status: 404, code: "NOT_FOUND", detail });
  }
  const route = routes.get(found.path)!;
  // The node listener leaves out the body of an answer to HEAD.
  if (method === route.method || (method === "HEAD" && route.method === "GET")) return { route, id: found.id };
  const allow = route.method === "GET" ? "GET, HEAD" : route.method;
  const detail = `${found.path} takes ${allow}, got ${method.slice(0, 40)}`;
  throw new HttpProblem({ status: 405, code: "METHOD_NOT_ALLOWED", detail, headers: { allow } });
}

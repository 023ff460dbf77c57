/** Authorize: who may ask, and for which tenant. A gateway has no default: whoever makes one decides. */
import { createHash, timingSafeEqual } from "node:crypto";
import { HttpProblem } from "./problem.ts";

/** What a caller may see and do. */
export interface Scope {
  /** The tenant its runs belong to, and the only one whose runs it sees. Default: none, and it sees all. */
  readonly tenantId?: string | undefined;
  /** Who it is, as the record names who approved, answered or cancelled (`by`). Default: what the request says. */
  readonly actor?: string | undefined;
}

/** Answers the caller's scope, or null for 401. May throw an `HttpProblem` to say something else. */
export type Authorize = (request: Request) => Scope | null | Promise<Scope | null>;

/**
 * Allow whoever sends `Authorization: Bearer <token>`. Compared in constant time, by digest, so that neither the time nor
 * the length tells anything of the token. Throws when the token is empty.
 */
export function bearerToken(token: string, scope: Scope = {}): Authorize {
  if (typeof token !== "string" || token.trim() === "") throw new TypeError("the bearer token must not be empty");
  const wanted = digest(token);
  return (request) => {
    const [, sent] = /^Bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    return timingSafeEqual(digest(sent?.trim() ?? ""), wanted) ? scope : null;
  };
}

/**
 * Allow everybody who addresses this machine as itself: for a server without a token that listens on loopback only. The
 * check of the Host keeps out web pages that point a name of theirs at 127.0.0.1 (DNS rebinding).
 */
export function loopbackOnly(scope: Scope = {}): Authorize {
  return (request) => {
    const { hostname } = new URL(request.url);
    if (isLoopback(hostname)) return scope;
    throw new HttpProblem({
      status: 403,
      code: "FORBIDDEN",
      detail: `without a token only requests to localhost are served, this one is to "${hostname}"; configure a token`,
    });
  };
}

/** Whether a host name or address means this machine: `localhost`, 127.0.0.0/8, `::1`. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name === "::1" || /^127(\.\d{1,3}){3}$/.test(name);
}

const digest = (text: string) => createHash("sha256").update(text).digest();

/**
 * Mounts: a web-standard handler in Express, Fastify, Hono and Next. Each is a few lines over the slice of the framework
 * that it calls, so nothing of them is imported. `nodeListener` is the one for node:http.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { nodeListener, type Handler, type NodeListenerOptions } from "./node-listener.ts";
import { toRequest, type NodeRequest } from "./node-request.ts";
import { requestSignal } from "./request-signal.ts";
import { toProblem } from "./to-problem.ts";

/**
 * `app.use("/api", toExpress(handler))`. Answers every request that reaches it, so that nothing behind it is asked. Works
 * before and behind `express.json()`; behind it, what counts is the limit of both.
 */
export function toExpress(
  handler: Handler,
  options: Pick<NodeListenerOptions, "logger"> = {},
): (req: NodeRequest, res: ServerResponse) => void {
  // Express takes the prefix of a router off `req.url`, and keeps it in `originalUrl`.
  return nodeListener(handler, options);
}

/** What `toFastify` needs of a Fastify instance. */
export interface FastifySlice {
  readonly prefix: string;
  removeAllContentTypeParsers(): void;
  addContentTypeParser(
    type: string,
    parser: (request: unknown, payload: unknown, done: (error: null) => void) => void,
  ): unknown;
  all(path: string, handler: (request: FastifyRequestSlice, reply: FastifyReplySlice) => Promise<unknown>): unknown;
}
interface FastifyRequestSlice {
  readonly raw: IncomingMessage;
}
interface FastifyReplySlice {
  readonly raw: ServerResponse;
  send(payload: Response): unknown;
}

/**
 * `app.register(toFastify(handler), { prefix: "/api" })`. The bodies of its routes are left unparsed, those of the rest of
 * the app are not touched; hooks and CORS work as for any route.
 */
export function toFastify(handler: Handler): (app: FastifySlice) => Promise<void> {
  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", (_request, _payload, done) => done(null));
    const answer = async (raw: IncomingMessage, res: ServerResponse): Promise<Response> => {
      const target = (raw.url ?? "/").slice(app.prefix === "/" ? 0 : app.prefix.length);
      const request = toRequest(raw, { signal: requestSignal(raw, res), target });
      res.once("close", () => void request); // its signal lives for as long as it does
      return handler(request);
    };
    app.all("/*", async ({ raw }, reply) => {
      const response = await answer(raw, reply.raw).catch((error: unknown) => toProblem(error).toResponse());
      return reply.send(response);
    });
  };
}

/** What `toHono` needs of a Hono context. */
export interface HonoSlice {
  readonly req: { readonly raw: Request; arrayBuffer(): Promise<ArrayBuffer> };
}

/** `app.all("/api/*", toHono(handler))`, with `basePath: "/api"` for the handler. A body that was read before is read again. */
export function toHono(handler: Handler): (context: HonoSlice) => Promise<Response> {
  return async ({ req }) => {
    const { raw } = req;
    if (!raw.bodyUsed) return handler(raw);
    const { url, method, headers, signal } = raw;
    return handler(new Request(url, { method, headers, signal, body: await req.arrayBuffer() }));
  };
}

/**
 * `export const { GET, POST, DELETE } = toNext(handler)` in `app/api/[...path]/route.ts`, with `basePath: "/api"` for the
 * handler. HEAD is Next's own business: it asks GET.
 */
export function toNext(handler: Handler): Record<"GET" | "POST" | "DELETE", (request: Request) => Promise<Response>> {
  const serve = (request: Request) => handler(request);
  return { GET: serve, POST: serve, DELETE: serve };
}

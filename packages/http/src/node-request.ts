/** toRequest: what node:http (or Express, or Fastify) got, as a web-standard Request. */
import type { IncomingMessage } from "node:http";
import { HttpProblem } from "./problem.ts";

/** A request of node's own, or of a framework that has perhaps parsed its body. */
export type NodeRequest = IncomingMessage & { readonly body?: unknown };

export interface ToRequestOptions {
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** Path and query, where they are not `req.url`: without the prefix that a router stands under. */
  readonly target?: string | undefined;
  /** Called when the body is first read. */
  readonly onRead?: (() => void) | undefined;
}

/**
 * The body is read from the socket only as it is asked for. One that `express.json()` and the like have read before is
 * written again from what they made of it. Throws `HttpProblem` 400 or 501, and 500 when it was read and nothing was left of it.
 */
export function toRequest(req: NodeRequest, { signal, target, onRead = () => {} }: ToRequestOptions): Request {
  const method = req.method ?? "GET";
  if (/^(TRACE|TRACK|CONNECT)$/i.test(method)) {
    throw new HttpProblem({ status: 501, code: "BAD_REQUEST", detail: `${method} is not served here` });
  }
  const hasBody = method !== "GET" && method !== "HEAD";
  const body = hasBody ? (parsedBody(req) ?? streamedBody(req, onRead)) : null;
  try {
    // Only the path is the client's: `//evil` or an absolute URL in the request line must not become the host.
    const url = new URL(`http://${req.headers.host ?? "localhost"}`);
    const { pathname, search } = new URL(target ?? req.url ?? "/", "http://localhost");
    url.pathname = pathname;
    url.search = search;
    const headers = new Headers();
    for (let at = 0; at + 1 < req.rawHeaders.length; at += 2) {
      headers.append(req.rawHeaders[at]!, req.rawHeaders[at + 1]!);
    }
    const init: RequestInit = { method, headers, signal };
    if (body !== null) Object.assign(init, { body, duplex: "half" });
    return new Request(url, init);
  } catch (cause) {
    throw new HttpProblem({
      status: 400,
      code: "BAD_REQUEST",
      detail: "the request line or a header is malformed",
      cause,
    });
  }
}

/** What a framework made of the body: bytes, text, or the value of its JSON. Null when the body is still to be read. */
function parsedBody(req: NodeRequest): Uint8Array<ArrayBuffer> | string | null {
  if (!req.readableDidRead) return null;
  const { body } = req;
  if (body instanceof Uint8Array) return new Uint8Array(body);
  if (typeof body === "string") return body;
  if (body !== undefined && isJson(req)) return JSON.stringify(body);
  if (body === undefined && isEmpty(req)) return "";
  throw new HttpProblem({
    status: 500,
    code: "BODY_CONSUMED",
    detail: "another handler read the body and left nothing of it; mount this one before it, or behind express.json()",
  });
}

const isJson = ({ headers }: IncomingMessage) =>
  (headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase() === "application/json";
const isEmpty = ({ headers }: IncomingMessage) =>
  headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0;

/** The body as a stream that reads nothing ahead: what nobody asks for stays in the socket. */
function streamedBody(req: IncomingMessage, onRead: () => void): ReadableStream<Uint8Array> {
  let chunks: AsyncIterator<Buffer> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!chunks) onRead();
        chunks ??= req.iterator({ destroyOnReturn: false });
        const next = await chunks.next();
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await chunks?.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** nodeListener: mounts a web-standard handler on node:http. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { silentLogger, type Logger } from "@myelin/bus";
import { toRequest } from "./node-request.ts";
import { requestSignal } from "./request-signal.ts";
import { toProblem } from "./to-problem.ts";

/** A web-standard handler: what runs in tests without a socket, and mounts anywhere. */
export type Handler = (request: Request) => Promise<Response>;

export interface NodeListenerOptions {
  /** Hears of a handler that threw. Silent by default. */
  readonly logger?: Logger | undefined;
  /**
   * The server's `checkContinue` event is listened to with this too. A client that asks first (`Expect: 100-continue`) is then
   * told to go on when its body is first read, so one that is refused sends none of it. Default false: node tells it at once.
   */
  readonly answersExpect?: boolean | undefined;
}

/** What a client may still send after it was answered, before its connection is cut. */
const LINGER_MS = 5_000;

/**
 * `createServer(nodeListener(handler))`. The body is read from the socket only as the handler reads it, `request.signal`
 * aborts when the client goes away, and a handler that throws becomes a problem, never an unhandled rejection.
 */
export function nodeListener(
  handler: Handler,
  { logger = silentLogger, answersExpect = false }: NodeListenerOptions = {},
): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    res.on("error", () => {}); // the client is gone; `close` follows, and with it the abort
    void serve(handler, { req, res, expects: answersExpect && req.headers.expect !== undefined }, logger);
  };
}

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The client sends its body when it is told to go on. */
  readonly expects: boolean;
}

async function serve(handler: Handler, { req, res, expects }: Exchange, logger: Logger): Promise<void> {
  let response: Response;
  let isWaiting = expects;
  const onRead = () => {
    if (isWaiting) res.writeContinue();
    isWaiting = false;
  };
  try {
    const request = toRequest(req, { signal: requestSignal(req, res), onRead });
    // undici's Request hears its signal only for as long as the Request itself is alive: this keeps it.
    res.once("close", () => void request);
    response = await handler(request);
  } catch (error) {
    const problem = toProblem(error);
    if (problem.status === 500) logger.error({ err: error }, "http.request.failed");
    response = problem.toResponse();
  }
  // It has not sent its body, and may not: nothing can follow on this connection.
  if (isWaiting) res.setHeader("connection", "close");
  try {
    await send(res, response, req.method === "HEAD");
  } catch (error) {
    logger.warn({ err: error }, "http.response.failed");
    res.destroy(); // half a body must not look like a whole one
  }
  if (!req.complete) discardRest(req, res);
}

async function send(res: ServerResponse, response: Response, isHead: boolean): Promise<void> {
  if (res.destroyed) return void (await response.body?.cancel());
  for (const [name, value] of response.headers) res.appendHeader(name, value);
  res.writeHead(response.status);
  if (response.body === null || isHead) {
    await response.body?.cancel();
    return void res.end();
  }
  const closed = new Promise<void>((resolve) => res.once("close", resolve));
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    if (res.destroyed) break;
    if (!res.write(chunk)) await Promise.race([closed, new Promise((resolve) => res.once("drain", resolve))]);
  }
  res.end();
}

/**
 * The answer is out and the client still sends (413, 401). Closing with unread bytes would reset the connection, and with
 * it the answer on its way; so the rest is read and dropped, for a moment.
 */
function discardRest(req: IncomingMessage, res: ServerResponse): void {
  req.on("error", () => {}); // it went away: just as well
  req.resume();
  const cut = setTimeout(() => res.req.socket.destroy(), LINGER_MS);
  cut.unref();
  req.once("close", () => clearTimeout(cut));
  req.once("end", () => clearTimeout(cut));
}

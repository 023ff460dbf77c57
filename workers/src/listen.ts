/** listen: a node:http server for a web-standard handler, and its orderly end. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "@myelin/bus";
import { nodeListener, type Handler } from "@myelin/http";

/** Requests that are under way when the process stops have this long to end. */
const DRAIN_MS = 8_000;
const HANG_UP_MS = 50;
/** A request has this long to arrive with its whole body. */
const REQUEST_TIMEOUT_MS = 30_000;

export interface Listening {
  /** With the port that was taken when 0 was asked for. */
  readonly url: string;
  /** Take no more requests; wait for those under way, `drainMs` at most (default 8_000), then cut what is left. */
  close(drainMs?: number): Promise<void>;
}

/** Rejects with node's error when the address cannot be had. */
export async function listen(
  handler: Handler,
  { host, port, logger }: { host: string; port: number; logger: Logger },
): Promise<Listening> {
  const listener = nodeListener(handler, { logger, answersExpect: true });
  // A request that comes a byte at a time would hold its place among those in flight for node's five minutes.
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, listener).on("checkContinue", listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${taken}`,
    close: (drainMs = DRAIN_MS) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), drainMs);
        // `close` hangs up on connections that are idle now, not on those that become idle later.
        const hangUp = setInterval(() => server.closeIdleConnections(), HANG_UP_MS);
        server.close(() => {
          clearTimeout(cut);
          clearInterval(hangUp);
          resolve();
        });
      }),
  };
}

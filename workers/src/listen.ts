/** listen: a node:http server for a web-standard handler, and its orderly end. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "@myelin/bus";
import { nodeListener, type Handler } from "@myelin/http";

/** Requests that are under way when the process stops have this long to end. */
const DRAIN_MS = 8_000;
const HANG_UP_MS = 50;

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
  const server = createServer(nodeListener(handler, { logger }));
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

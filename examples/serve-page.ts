/** Serve page: a folder's page and its script on a port, and an API under `/api`: what the examples for browsers share. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { nodeListener } from "myelin";

const TYPES = { "/": "text/html; charset=utf-8", "/page.js": "text/javascript; charset=utf-8" };

type Handler = (request: Request) => Promise<Response>;

export interface PageServer extends AsyncDisposable {
  /** Ends with a slash. */
  readonly url: string;
  /** With `PORT` in the environment: resolves at Ctrl-C, so that a browser can come. Else at once. */
  stay(): Promise<void>;
  /** Cut every connection, as a proxy or a bad network does. */
  cut(): void;
}

/** `folder` holds `index.html` and `page.js`. On a free port; with `PORT` in the environment there. */
export async function servePage(folder: URL, api: Handler): Promise<PageServer> {
  const handler: Handler = async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/api/")) return api(request);
    const type = TYPES[pathname as keyof typeof TYPES];
    if (type === undefined) return new Response(null, { status: 404 });
    const file = new URL(pathname === "/" ? "index.html" : "page.js", folder);
    return new Response(await readFile(file), { headers: { "content-type": type } });
  };
  const { PORT } = process.env;
  const server = createServer(nodeListener(handler)).listen(Number(PORT ?? 0), "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    url,
    cut: () => server.closeAllConnections(),
    async stay() {
      if (!PORT) return;
      console.log(`open ${url}; Ctrl-C ends it`);
      await once(process, "SIGINT");
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The `GET /metrics` of a process that serves nothing else. */
import type { Logger } from "@myelin/bus";
import { HttpProblem } from "@myelin/http";
import type { Registry } from "prom-client";
import { listen, type Listening } from "../listen.ts";
import { renderer } from "./registry.ts";

/** Serve a registry. Logs `metrics.listening` with the URL. Whoever reaches the address may read. */
export async function serveMetrics(
  registry: Registry,
  { host, port, logger }: { host: string; port: number; logger: Logger },
): Promise<Listening> {
  const render = renderer(registry);
  const server = await listen(
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname !== "/metrics") {
        throw new HttpProblem({ status: 404, code: "NOT_FOUND", detail: "there is only /metrics here" });
      }
      if (request.method !== "GET" && request.method !== "HEAD") {
        const headers = { allow: "GET, HEAD" };
        throw new HttpProblem({ status: 405, code: "METHOD_NOT_ALLOWED", detail: "/metrics takes GET, HEAD", headers });
      }
      const { contentType, body } = await render();
      return new Response(body, { headers: { "content-type": contentType } });
    },
    { host, port, logger },
  );
  logger.info({ url: `${server.url}/metrics` }, "metrics.listening");
  return server;
}

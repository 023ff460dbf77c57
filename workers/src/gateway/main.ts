/**
 * The gateway: prompts in over HTTP, answers out. One Dendrite; everything it knows is on the bus. With a database it shows
 * the runs too; without, or while that is away, it answers prompts all the same.
 */
import { bearerToken, createGateway, isLoopback, loopbackOnly, type Authorize } from "@myelin/http";
import { RunStore } from "@myelin/runs";
import { Dendrite } from "myelin";
import { connectFromEnv, SYNAPSE_VARIABLES } from "../connect.ts";
import { EnvError } from "../env.ts";
import { listen } from "../listen.ts";
import { dendriteMetrics, httpMetrics } from "../metrics/own-work.ts";
import { createRegistry, renderer } from "../metrics/registry.ts";
import { runProcess } from "../run-process.ts";

await runProcess(
  "gateway",
  [
    ...SYNAPSE_VARIABLES,
    "MYELIN_NAMESPACE",
    "MYELIN_NEURON",
    "HOST",
    "PORT",
    "GATEWAY_TOKEN",
    "GATEWAY_MAX_IN_FLIGHT",
    "GATEWAY_DATABASE_URL",
  ],
  async ({ env, logger, shutdown }) => {
    const authorize = authorizeFor(env.HOST, env.GATEWAY_TOKEN);
    const registry = createRegistry();
    const metrics = dendriteMetrics(registry);

    const synapse = await connectFromEnv(env, "myelin-gateway");
    shutdown.defer("synapse", () => synapse.drain());
    const dendrite = new Dendrite({
      synapse,
      namespace: env.MYELIN_NAMESPACE,
      dendriteId: "gateway",
      logger,
      observer: metrics.observer,
    });
    shutdown.defer("dendrite", () => dendrite.stop());
    await dendrite.start();
    metrics.watch(dendrite);

    const databaseUrl = env.GATEWAY_DATABASE_URL;
    const store = databaseUrl === undefined ? undefined : RunStore.fromDatabaseUrl(databaseUrl);
    shutdown.defer("store", async () => store?.close());

    const gateway = createGateway({
      dendrite,
      synapse,
      authorize,
      neuron: env.MYELIN_NEURON,
      maxInFlight: env.GATEWAY_MAX_IN_FLIGHT,
      metrics: renderer(registry),
      runs: store && { store },
      observer: httpMetrics(registry),
      logger,
    });
    const server = await listen(gateway, { host: env.HOST, port: env.PORT, logger });
    shutdown.defer("server", () => server.close());
    logger.info({ url: server.url, namespace: env.MYELIN_NAMESPACE, neuron: env.MYELIN_NEURON }, "gateway.listening");
  },
);

/** With a token whoever has it; without one this machine only, and then the address must be this machine's own. */
function authorizeFor(host: string, token: string | undefined): Authorize {
  if (token !== undefined) return bearerToken(token);
  if (isLoopback(host)) return loopbackOnly();
  throw new EnvError(
    `HOST=${host} lets other machines ask, and GATEWAY_TOKEN is not set; set GATEWAY_TOKEN=$(openssl rand -hex 32), or HOST=127.0.0.1`,
  );
}

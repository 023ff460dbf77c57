/** The agent: a worker process that answers prompts, with a model or from the docs. Start as many as you like. */
import { Axon, Dendrite } from "myelin";
import { connectFromEnv, SYNAPSE_VARIABLES } from "../connect.ts";
import { serveMetrics } from "../metrics/metrics-server.ts";
import { dendriteMetrics } from "../metrics/own-work.ts";
import { createRegistry } from "../metrics/registry.ts";
import { runProcess } from "../run-process.ts";
import { chooseNeuron, MODEL_VARIABLES } from "./choose-neuron.ts";

await runProcess(
  "agent",
  [
    ...SYNAPSE_VARIABLES,
    "MYELIN_NAMESPACE",
    "MYELIN_NEURON",
    "MYELIN_CONCURRENCY",
    "HOST",
    "METRICS_PORT",
    ...MODEL_VARIABLES,
  ],
  async ({ env, logger, shutdown }) => {
    const { MYELIN_NAMESPACE: namespace, MYELIN_NEURON: neuronId, METRICS_PORT: metricsPort } = env;
    const { neuron, answersWith } = await chooseNeuron(env);
    const registry = createRegistry();
    const metrics = dendriteMetrics(registry);

    const synapse = await connectFromEnv(env, "myelin-agent");
    shutdown.defer("synapse", () => synapse.drain());
    const dendrite = new Dendrite({ synapse, namespace, dendriteId: "agent", logger, observer: metrics.observer });
    shutdown.defer("dendrite", () => dendrite.stop());
    dendrite.attachAxon(
      new Axon({
        neuronId,
        neuron,
        capabilities: ["text-generation", "chat"],
        concurrency: env.MYELIN_CONCURRENCY,
        description: `answers prompts with ${answersWith}`,
      }),
    );
    await dendrite.start();
    metrics.watch(dendrite);
    if (metricsPort !== undefined) {
      const server = await serveMetrics(registry, { host: env.HOST, port: metricsPort, logger });
      shutdown.defer("metrics", () => server.close());
    }
    logger.info({ namespace, neuron: neuronId, instance: dendrite.instance, answersWith }, "agent.ready");
  },
);

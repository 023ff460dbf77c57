/** Fastify: an app with `/ask`, and the run routes under `/api`. Checks itself. */
import fastify from "fastify";
import {
  Axon,
  connectSynapse,
  createRunRouter,
  Dendrite,
  loopbackOnly,
  requestSignal,
  toFastify,
  toProblem,
} from "myelin";
import { checkAsk } from "../check-ask.ts";
import { supportAgent } from "../support-agent.ts";

const namespace = "example-fastify";
await using synapse = await connectSynapse(process.env["SYNAPSE_URL"] ?? "nats://127.0.0.1:4222");
await using dendrite = new Dendrite({ synapse, namespace, dendriteId: "fastify" }); // one per process

const app = fastify();
await app.register(toFastify(createRunRouter({ dendrite, authorize: loopbackOnly() })), { prefix: "/api" });
app.post<{ Body: { prompt: string } }>("/ask", async ({ body, raw }, reply) => {
  const signal = requestSignal(raw, reply.raw); // the client goes away: its run is stopped, wherever it runs
  const { runId, status, answer } = await dendrite.run("support", { text: body.prompt, signal });
  return { response: answer, status, runId };
});
app.setErrorHandler((error, _request, reply) => reply.send(toProblem(error).toResponse()));

// In a process of its own, and more of them for more work.
await using worker = new Dendrite({ synapse, namespace, dendriteId: "worker" });
await worker.attachAxon(new Axon({ ...supportAgent() })).start();

await checkAsk(await app.listen({ port: 0, host: "127.0.0.1" }));
await app.close();

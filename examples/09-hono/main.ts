/** Hono: an app with `/ask`, and the run routes under `/api`. Checks itself. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { Axon, connectSynapse, createRunRouter, Dendrite, loopbackOnly, toHono, toProblem } from "myelin";
import { checkAsk } from "../check-ask.ts";
import { supportAgent } from "../support-agent.ts";

const namespace = "example-hono";
await using synapse = await connectSynapse(process.env["SYNAPSE_URL"] ?? "nats://127.0.0.1:4222");
await using dendrite = new Dendrite({ synapse, namespace, dendriteId: "hono" }); // one per process

const app = new Hono();
app.all("/api/*", toHono(createRunRouter({ dendrite, authorize: loopbackOnly(), basePath: "/api" })));
app.post("/ask", async ({ req, json }) => {
  const { prompt } = await req.json<{ prompt: string }>();
  const { signal } = req.raw; // the client goes away: its run is stopped, wherever it runs
  const { runId, status, answer } = await dendrite.run("support", { text: prompt, signal });
  return json({ response: answer, status, runId });
});
app.onError((error) => toProblem(error).toResponse());

// In a process of its own, and more of them for more work.
await using worker = new Dendrite({ synapse, namespace, dendriteId: "worker" });
await worker.attachAxon(new Axon({ ...supportAgent() })).start();

const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
if (!server.listening) await once(server, "listening");
await checkAsk(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
server.close();

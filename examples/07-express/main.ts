/** Express: an app with `/ask`, and the run routes under `/api`. Checks itself. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express, { type NextFunction, type Request, type Response } from "express";
import {
  Axon,
  connectSynapse,
  createRunRouter,
  Dendrite,
  loopbackOnly,
  requestSignal,
  toExpress,
  toProblem,
} from "myelin";
import { checkAsk } from "../check-ask.ts";
import { supportAgent } from "../support-agent.ts";

const namespace = "example-express";
await using synapse = await connectSynapse(process.env["SYNAPSE_URL"] ?? "nats://127.0.0.1:4222");
await using dendrite = new Dendrite({ synapse, namespace, dendriteId: "express" }); // one per process

const app = express();
app.use("/api", toExpress(createRunRouter({ dendrite, authorize: loopbackOnly() })));
app.use(express.json());
app.post("/ask", async (req, res) => {
  const { prompt } = req.body as { prompt: string };
  const signal = requestSignal(req, res); // the client goes away: its run is stopped, wherever it runs
  const { runId, status, answer } = await dendrite.run("support", { text: prompt, signal });
  res.json({ response: answer, status, runId });
});
app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
  const problem = toProblem(error);
  res.status(problem.status).type("application/problem+json").json(problem.toBody());
});

// In a process of its own, and more of them for more work.
await using worker = new Dendrite({ synapse, namespace, dendriteId: "worker" });
await worker.attachAxon(new Axon({ ...supportAgent() })).start();

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
await checkAsk(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
server.closeAllConnections();
server.close();

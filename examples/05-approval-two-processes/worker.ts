/** The worker process: it hosts the agent, until it is told to stop. */
import { Axon, connectSynapse, Dendrite } from "myelin";
import { supportAgent } from "../support-agent.ts";

await using synapse = await connectSynapse(process.env["SYNAPSE_URL"] ?? "nats://127.0.0.1:4222");
await using dendrite = new Dendrite({ synapse, namespace: process.env["NAMESPACE"]!, dendriteId: "worker" });
await dendrite.attachAxon(new Axon({ ...supportAgent() })).start();
console.log("ready");
await dendrite.untilStopped();

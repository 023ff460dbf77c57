/** A web process: the run routes on a port. What a run is, and what it waits for, is in the log and not in here. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connectSynapse, createRunRouter, Dendrite, loopbackOnly, nodeListener } from "myelin";

await using synapse = await connectSynapse(process.env["SYNAPSE_URL"] ?? "nats://127.0.0.1:4222");
await using dendrite = new Dendrite({ synapse, namespace: process.env["NAMESPACE"]!, dendriteId: "web" });
const router = createRunRouter({ dendrite, authorize: loopbackOnly() });
const server = createServer(nodeListener(router)).listen(0, "127.0.0.1");
await once(server, "listening");
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
await dendrite.untilStopped();
server.closeAllConnections();
server.close();

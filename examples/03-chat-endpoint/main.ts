/** Chat endpoint: model, prompt and tools per turn, over shared connections; a paused run keeps what it was begun with. Checks itself. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Axon, connectSynapse, Dendrite, nodeListener } from "myelin";
import { isLocal, OTHER_MODEL } from "../model.ts";
import { supportAgent } from "../support-agent.ts";
import { createChat, type ChatAnswer } from "./chat-server.ts";

const namespace = "example-chat-endpoint";
await using synapse = await connectSynapse(process.env["SYNAPSE_URL"] ?? "nats://127.0.0.1:4222");

/** A worker, which would be a process of its own. Its model and its connections are shared by all runs, and closed with it. */
let closed = 0;
async function startWorker(options?: Parameters<typeof supportAgent>[0]): Promise<Dendrite> {
  const { close, ...agent } = supportAgent(options);
  const worker = new Dendrite({ synapse, namespace, dendriteId: "worker" });
  worker.attachAxon(new Axon({ ...agent, concurrency: 16, close: () => close().finally(() => closed++) }));
  await worker.start();
  return worker;
}
await using first = await startWorker();

await using dendrite = new Dendrite({ synapse, namespace, dendriteId: "http" });
const server = createServer(nodeListener(createChat(dendrite))).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function post<T = ChatAnswer>(path: string, body: unknown): Promise<{ status: number; body: T }> {
  const response = await fetch(url + path, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as T };
}

const free = await post("/chat", { text: "Where is order 7?", plan: "free" });
assert.equal(free.status, 200);
assert.match(free.body.answer ?? "", /kettle/);
console.log(`free, with ${free.body.model}: ${free.body.answer}`);

const pro = await post("/chat", { text: "Where is order 8?", plan: "pro" });
assert.equal(pro.body.model, OTHER_MODEL);
if (isLocal) assert.match(pro.body.answer ?? "", /cups.*!$/);
console.log(`pro, with ${pro.body.model} and another prompt: ${pro.body.answer}`);
assert.equal(closed, 0);

const broken = await post<{ code: string; detail: string }>("/chat", { text: "Where is order 8?", plan: "broken" });
assert.deepEqual([broken.status, broken.body.code], [422, "UNKNOWN_NAME"]);
console.log(`refused before it is sent: ${broken.body.detail}`);

const asked = await post("/chat", { text: "I want a refund of order 7.", plan: "pro" });
assert.deepEqual(
  [asked.body.status, asked.body.waitsFor],
  ["waiting_approval", [{ toolName: "refund", params: { orderId: 7 } }]],
);
console.log("pro asks for a refund: it waits for somebody's word");

// While it waits: another version of the worker, which would answer otherwise.
await first.stop();
assert.equal(closed, 1);
await using second = await startWorker({ prompt: "You are the curt support of a shop." });

const approved = await post(`/chat/${asked.body.runId}/approval`, { approved: true });
assert.deepEqual([approved.status, approved.body.status, approved.body.model], [200, "success", OTHER_MODEL]);
if (isLocal) assert.equal(approved.body.answer, "Your money is on its way!");
console.log(`approved, by a worker with other defaults, as it was begun: ${approved.body.answer}`);

const again = await post(`/chat/${asked.body.runId}/approval`, { approved: true });
assert.equal(again.status, 409);
console.log("a second word is 409");

for await (const event of dendrite.runs.follow(asked.body.runId)) {
  if (event.type !== "run_started") continue;
  const { model, system_prompt, tools } = event.data as Record<string, unknown> & { tools: { name: string }[] };
  assert.equal(model, OTHER_MODEL);
  assert.match(String(system_prompt), /cheerful/);
  assert.deepEqual(
    tools.map(({ name }) => name),
    ["find_order", "refund"],
  );
  console.log("its model, prompt and tools are pinned in run.started");
}

server.closeAllConnections();
server.close();
await second.stop();
assert.equal(closed, 2);
console.log("three runs, two workers; each closed its connections once, when it stopped");

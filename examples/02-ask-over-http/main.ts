/** Ask over HTTP: every way a dispatch can end, as the client of an HTTP server sees it. Checks itself. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Axon, clarify, connectSynapse, Dendrite, NeuronFailure } from "myelin";
import type { JsonObject, NeuronContext } from "myelin";
import { createAskServer } from "./ask-server.ts";

const namespace = "example-ask-over-http";
await using synapse = await connectSynapse(process.env["SYNAPSE_URL"] ?? "nats://127.0.0.1:4222");
await using dendrite = new Dendrite({ synapse, namespace, dendriteId: "http" });
const server = createAskServer(dendrite, 1_000).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ask`;

async function post(body: unknown, signal?: AbortSignal): Promise<{ status: number; body: JsonObject }> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body), ...(signal && { signal }) });
  return { status: response.status, body: (await response.json()) as JsonObject };
}

assert.equal((await post({ prompt: "hi" })).status, 503);
console.log("503 while there is no worker");

/** Prompts are levers here; a real worker would be `openaiNeuron`, in a process of its own. */
let hasStarted = () => {};
let wasAborted = () => {};
function answer({ prompt }: JsonObject, ctx: NeuronContext): unknown {
  if (prompt === "which?") return clarify("Which one?");
  if (prompt === "fail") throw new NeuronFailure("OUT_OF_PAPER", "the tray is empty");
  if (prompt === "be slow") return sleep(1_500);
  if (prompt !== "wait") return { response: `You said: ${String(prompt)}` };
  hasStarted();
  return new Promise((_, reject) => {
    ctx.signal.addEventListener("abort", () => {
      wasAborted();
      reject(ctx.signal.reason as Error);
    });
  });
}
await using worker = new Dendrite({ synapse, namespace, dendriteId: "worker" });
await worker.attachAxon(new Axon({ neuronId: "worker", neuron: answer })).start();

assert.deepEqual(await post({ prompt: "hi" }), { status: 200, body: { response: "You said: hi" } });
console.log("200 with the response");

assert.deepEqual(await post({}), { status: 400, body: { error: "prompt is required" } });
console.log("400 for a body without a prompt");

assert.equal((await post({ prompt: "which?" })).status, 409);
console.log("409 when the worker asks a question");

const failed = await post({ prompt: "fail" });
assert.equal(failed.status, 502);
assert.match(String(failed.body["error"]), /OUT_OF_PAPER: the tray is empty/);
console.log("502 when the worker fails, with its own words");

assert.equal((await post({ prompt: "be slow" })).status, 504);
console.log("504 when there is no answer in time");

const started = new Promise<void>((resolve) => (hasStarted = resolve));
const aborted = new Promise<void>((resolve) => (wasAborted = resolve));
const leaving = new AbortController();
const left = assert.rejects(post({ prompt: "wait" }, leaving.signal));
await started;
leaving.abort();
await Promise.all([left, aborted]);
console.log("a client that goes away stops its run");

server.closeAllConnections();
server.close();

/** A process that dispatches for tests: many callers of one idempotency key at once; prints each reply as a line of JSON. */
import { connectSynapse, Dendrite } from "myelin";

const [url = "", namespace = "", key = "", callers = "1"] = process.argv.slice(2);
const synapse = await connectSynapse(url);
const dendrite = new Dendrite({ synapse, namespace, dendriteId: "caller", discoverMs: 5_000 });
await dendrite.start();
const request = { neuron: "count", input: { n: 1 }, idempotencyKey: key };
const replies = Array.from({ length: Number(callers) }, () => dendrite.dispatchAndWait(request));
process.stdout.write("calling\n");
for (const reply of await Promise.all(replies)) process.stdout.write(`${JSON.stringify(reply)}\n`);
await dendrite.stop();
await synapse.drain();

/** First worker: two replicas share twenty tasks, and a neuron that lacks something asks. Checks itself. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Axon, clarify, connectSynapse, Dendrite, NeuronFailure, NeuronError } from "myelin";
import type { JsonObject, NeuronContext } from "myelin";

/** A neuron is a plain function: it answers, asks, or throws. */
async function greet({ name }: JsonObject, ctx: NeuronContext): Promise<unknown> {
  const whom = name ?? ctx.answers.at(-1)?.answer;
  if (typeof whom !== "string") return clarify("Whom shall I greet?");
  if (whom === "Voldemort") throw new NeuronFailure("NAME_REFUSED", "that name is not spoken here");
  await sleep(20, undefined, { signal: ctx.signal });
  return { greeting: `Hello, ${whom}!` };
}

await using synapse = await connectSynapse(process.env["SYNAPSE_URL"] ?? "nats://127.0.0.1:4222");
const dendriteOf = (dendriteId: string) => new Dendrite({ synapse, namespace: "example-first-worker", dendriteId });

// Two replicas. They would usually be two processes; nothing else would change.
await using first = dendriteOf("first").attachAxon(new Axon({ neuronId: "greeter", neuron: greet, concurrency: 1 }));
await using second = dendriteOf("second").attachAxon(new Axon({ neuronId: "greeter", neuron: greet, concurrency: 1 }));
await Promise.all([first.start(), second.start()]);

await using caller = dendriteOf("caller");
const roster = await caller.roster();
assert.deepEqual(roster.map((entry) => entry.label).sort(), ["first", "second"]);
console.log(`in the roster: ${roster.map((entry) => `${entry.neuronId} at ${entry.label}`).join(", ")}`);

const names = Array.from({ length: 20 }, (_, at) => `guest ${at + 1}`);
const replies = await Promise.all(
  names.map((name) => caller.dispatchAndWait({ neuron: "greeter", input: { name }, timeoutMs: 10_000 })),
);
assert.deepEqual(
  replies.map((reply) => reply.payload.output["greeting"]),
  names.map((name) => `Hello, ${name}!`),
);
const share = [first, second].map(({ instance }) => replies.filter((reply) => reply.meta.instance === instance).length);
assert.equal(share[0]! + share[1]!, names.length);
assert.ok(
  share.every((count) => count > 0),
  `both replicas work, got ${share.join(" and ")}`,
);
console.log("20 tasks, 20 executions, both replicas worked");

// Nobody to greet: the run pauses, and goes on with the answer. The same call gets the output.
using _ = caller.onClarification({ neuron: "greeter" }, (question) =>
  caller.respondToClarification(question, { answer: "the person who reads this", by: "the example" }),
);
const answered = await caller.dispatchAndWait({ neuron: "greeter", input: {}, onPause: "wait", timeoutMs: 10_000 });
assert.equal(answered.payload.output["greeting"], "Hello, the person who reads this!");
console.log(`asked, answered: ${String(answered.payload.output["greeting"])}`);

// A failure reaches the caller with the code that the neuron chose.
await assert.rejects(caller.dispatchAndWait({ neuron: "greeter", input: { name: "Voldemort" } }), (error) => {
  assert.ok(error instanceof NeuronError);
  assert.equal(error.code, "NAME_REFUSED");
  return true;
});
console.log("a failure arrives with its code: NAME_REFUSED");

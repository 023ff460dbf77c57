/** Chat threads: history from the application, and everything about a conversation from Postgres. Checks itself. */
import assert from "node:assert/strict";
import { startPostgres } from "@myelin/dev";
import { Axon, connectSynapse, Dendrite, migrate, Recorder, RunStore } from "myelin";
import { isLocal } from "../model.ts";
import { supportAgent } from "../support-agent.ts";
import { Threads } from "./threads.ts";

const namespace = "example-chat-threads";
await using own = process.env["DATABASE_URL"] ? null : await startPostgres();
const databaseUrl = process.env["DATABASE_URL"] || own!.url;
await migrate(databaseUrl);

await using synapse = await connectSynapse(process.env["SYNAPSE_URL"] ?? "nats://127.0.0.1:4222");
const bus = await synapse.open(namespace);
await using recorder = new Recorder({ bus, databaseUrl });
await recorder.start();
await using worker = new Dendrite({ synapse, namespace, dendriteId: "worker" });
await worker.attachAxon(new Axon({ ...supportAgent() })).start();
await using dendrite = new Dendrite({ synapse, namespace, dendriteId: "chat" });

// Two conversations at once. Ids of their own for each start of this example: its database may be an old one.
const threads = new Threads(dendrite);
const [ada, bob] = [`ada-${dendrite.instance}`, `bob-${dendrite.instance}`];
await Promise.all([threads.say(ada, "Where is order 7?"), threads.say(bob, "Where is order 8?")]);
const second = await threads.say(ada, "What did I just ask?");
if (isLocal) assert.equal(second.answer, "You asked: Where is order 7?");
console.log(`the second turn knows of the first: ${second.answer}`);

// Everything is in Postgres a moment later; a check waits for the moment.
await recorder.waitFor((await bus.info()).lastSeq);
await using store = RunStore.fromDatabaseUrl(databaseUrl);

const { runs } = await store.listRuns({ metadataFilter: { thread_id: ada } });
assert.deepEqual(
  runs.map(({ agentName, status }) => [agentName, status]),
  [
    ["support", "success"],
    ["support", "success"],
  ],
);
console.log(
  `thread ${ada.slice(0, 3)} has ${runs.length} runs, the newest first: ${runs[0]!.model}, ${runs[0]!.status}`,
);

// Drill down into its first turn: what was said, and what each model call took.
const [{ runId }] = runs.slice(-1) as [(typeof runs)[0]];
const traces = await store.getTraces(runId);
assert.deepEqual(traces.map(({ role }) => role).slice(0, 3), ["user", "assistant", "tool"]);
for (const { role, content } of traces) console.log(`  ${role}: ${content || "(calls a tool)"}`);
const [tool] = await store.getToolInvocations(runId);
assert.deepEqual([tool?.toolName, tool?.params, tool?.success], ["find_order", { orderId: 7 }, true]);
const calls = await store.getLlmCalls(runId);
assert.ok(calls.length >= 2, `a question that needs a tool takes two model calls, got ${calls.length}`);
for (const call of calls) console.log(`  ${call.model}: ${call.inputTokens} tokens in, ${call.outputTokens} out`);

// What one conversation cost, and what all of them did, by the key that the application chose.
const [cost] = await store.getCosts({ by: { metadata: "thread_id" }, filter: { metadataFilter: { thread_id: ada } } });
assert.deepEqual([cost?.key, cost?.runCount], [ada, 2]);
const sum = runs.reduce((total, { totalCostUsd }) => total + (totalCostUsd ?? 0), 0);
assert.ok(Math.abs((cost?.costUsd ?? 0) - sum) < 1e-9);
if (isLocal) assert.ok(sum > 0);
console.log(
  `it cost ${cost?.costUsd?.toFixed(6) ?? "nobody knows how many"} dollars, over ${cost?.llmCallCount} calls`,
);
const all = await store.getCosts({ by: { metadata: "thread_id" } });
assert.ok([ada, bob].every((thread) => all.some(({ key }) => key === thread)));
console.log("and so did every other thread, dearest first");

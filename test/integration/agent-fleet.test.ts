/** Agents on a bus: what their runs cost it, pauses over several processes' worth of Dendrites, cancel. */
import { describe, expect, test } from "@jest/globals";
import { defineAgent, tool } from "@myelin/agent";
import type { Bus, LogEntry } from "@myelin/bus";
import { Axon } from "@myelin/dendrite";
import { scriptedModel } from "@myelin/neuron/testing";
import { z } from "zod";
import { deferred, TRANSPORTS, withFleet } from "../helpers/with-fleet.ts";

const refund = (onRun: () => unknown = () => "refunded") =>
  tool({ name: "refund", description: "Refunds.", input: z.object({}), run: onRun });

/** Calls the tool first, then says what it was told. */
const callThenSay = (name: string, params = {}) =>
  scriptedModel(({ request }) => {
    const last = request.messages.at(-1)!;
    return last.role === "tool" ? `It said ${last.content}` : { toolCalls: [{ name, params }] };
  });

async function signalsOf(bus: Bus): Promise<readonly string[]> {
  const entries: LogEntry[] = [];
  for await (const entry of bus.read({})) entries.push(entry);
  return entries.flatMap(({ parsed }) => {
    if (!parsed.ok) return ["?"];
    const { signal } = parsed;
    if (signal.type === "RUN_EVENT") return [signal.payload.entries.map(({ event_type }) => event_type).join(" ")];
    return /REGISTER/.test(signal.type) ? [] : [signal.type];
  });
}

describe.each(TRANSPORTS)("on %s", (transport) => {
  test("a run of two model calls and one tool is five appends", async () => {
    await using fleet = await withFleet(transport);
    const agent = defineAgent({ name: "support", model: callThenSay("refund"), prompt: "p", tools: [refund()] });
    await fleet.worker([new Axon(agent)]);
    const client = await fleet.worker([]);
    const run = await client.run(agent, { text: "Refund it" });
    expect(run).toMatchObject({ status: "success", answer: "It said refunded", iterationCount: 2 });
    expect(await signalsOf(await fleet.bus())).toEqual([
      "TASK",
      "attempt.started run.started llm.completed tool.started",
      "tool.completed",
      "llm.completed run.completed",
      "AGENT_OUTPUT",
    ]);
  });

  test("J2: a run that one worker paused goes on in another, with a word from a third process", async () => {
    await using fleet = await withFleet(transport);
    const ran: string[] = [];
    const worker = async (name: string) => {
      const model = callThenSay("refund");
      const tools = [refund(() => void ran.push(name))];
      const agent = defineAgent({ name: "support", model, prompt: "p", tools, requireApproval: ["refund"] });
      return { model, dendrite: await fleet.worker([new Axon(agent)], { synapse: await fleet.connect() }) };
    };
    const first = await worker("first");
    const asker = await fleet.worker([], { synapse: await fleet.connect() });
    const { runId, status, pause } = await asker.run("support", { text: "Refund it" });
    expect([status, pause?.pending.map(({ toolName }) => toolName)]).toEqual(["waiting_approval", ["refund"]]);
    await Promise.all([first.dendrite.stop(), asker.stop()]);
    expect(first.model.closed).toBe(1);

    const second = await worker("second");
    const approver = await fleet.worker([], { synapse: await fleet.connect() });
    const submitted = await approver.submitApproval(runId, { approved: true, by: "ada" });
    expect(await submitted.result()).toMatchObject({ runId, status: "success", answer: "It said null" });
    expect(ran).toEqual(["second"]);
    expect([first.model.calls.length, second.model.calls.length]).toEqual([1, 1]);
  });
});

describe("on memory", () => {
  test("cancel reaches a model call in the middle", async () => {
    await using fleet = await withFleet("memory");
    const asked = deferred();
    const model = scriptedModel(({ options: { signal } }) => {
      asked.resolve();
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    });
    const agent = defineAgent({ name: "support", model, prompt: "p" });
    await fleet.worker([new Axon(agent)]);
    const client = await fleet.worker([]);
    const { runId } = await client.runs.start("support", { text: "Go" });
    await asked.promise;
    expect(await client.cancelRun(runId, { by: "ada" })).toMatchObject({ status: "cancelled" });
    await expect(client.runs.wait(runId)).rejects.toMatchObject({ name: "NeuronError" });
    const journal = (await signalsOf(await fleet.bus())).join(" ");
    expect(journal).toContain("attempt.started run.started llm.failed");
    expect(journal).toContain("run.cancelled");
  });

  test("a worker that drains in a model call hands the run back, and the next one goes on", async () => {
    await using fleet = await withFleet("memory");
    const asked = deferred();
    const slow = scriptedModel(({ request, options: { signal } }) => {
      if (request.messages.at(-1)!.role !== "tool") return { toolCalls: [{ name: "refund" }] };
      asked.resolve();
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    });
    let refunds = 0;
    const tools = [refund(() => ++refunds)];
    const define = (model: typeof slow) => defineAgent({ name: "support", model, prompt: "p", tools });
    const first = await fleet.worker([new Axon(define(slow))], { drainMs: 1 });
    const client = await fleet.worker([]);
    const run = client.run("support", { text: "Refund it" });
    await asked.promise;
    await first.stop();
    await fleet.worker([new Axon(define(callThenSay("refund")))]);
    expect(await run).toMatchObject({ status: "success", answer: "It said 1", iterationCount: 2 });
    expect(refunds).toBe(1);
  });
});

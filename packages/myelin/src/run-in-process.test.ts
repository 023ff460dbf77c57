import { describe, expect, test } from "@jest/globals";
import { agentTool, askHuman, defineAgent, tool } from "@myelin/agent";
import { scriptedModel } from "@myelin/neuron/testing";
import { z } from "zod";
import { runInProcess } from "./run-in-process.ts";

const add = tool({
  name: "add",
  description: "Adds.",
  input: z.object({ a: z.number(), b: z.number() }),
  run: ({ a, b }) => a + b,
});

describe("runInProcess", () => {
  test("runs an agent with no servers, and again", async () => {
    const model = scriptedModel(({ request }) =>
      request.messages.length === 2 ? { toolCalls: [{ name: "add", params: { a: 1, b: 2 } }] } : "3",
    );
    const agent = defineAgent({ name: "support", model, prompt: "You add.", tools: [add] });
    for (const request of ["1 + 2?", { text: "1 + 2?", onPause: "wait" } as const]) {
      const run = await runInProcess(agent, request);
      expect(run).toMatchObject({ status: "success", answer: "3", iterationCount: 2, pause: null });
    }
    expect(model.closed).toBe(0);
  });

  test("goes on with what onPause submits, and ends at a pause that nobody answers", async () => {
    const model = scriptedModel(({ request }) => {
      const last = request.messages.at(-1)!;
      if (last.role === "user") return { toolCalls: [{ name: "add", params: { a: 1, b: 2 } }] };
      if (request.messages.length < 6) return { toolCalls: [{ name: "ask_human", params: { question: "Sure?" } }] };
      return `You said ${last.content}`;
    });
    const tools = [add, askHuman()];
    const agent = defineAgent({ name: "support", model, prompt: "You add.", tools, requireApproval: ["add"] });
    const run = await runInProcess(agent, "1 + 2?", {
      onPause: ({ runId, status }, dendrite) =>
        status === "waiting_approval"
          ? dendrite.submitApproval(runId, { approved: true, by: "ada" })
          : dendrite.submitInput(runId, { text: "yes" }),
    });
    expect(run).toMatchObject({ status: "success", answer: "You said yes", iterationCount: 3 });
    const open = await runInProcess(agent, "1 + 2?", { onPause: () => Promise.resolve(null) });
    expect(open).toMatchObject({ status: "waiting_approval", pause: { pending: [{ toolName: "add" }] } });
  });

  test("rejects when the run fails", async () => {
    const agent = defineAgent({ name: "support", model: scriptedModel([]), prompt: "You fail." });
    await expect(runInProcess(agent, "go")).rejects.toMatchObject({ code: "MODEL_UNAVAILABLE" });
  });

  test("hosts the agents that it hands tasks to", async () => {
    const researcher = defineAgent({ name: "researcher", model: scriptedModel(["42"]), prompt: "You know." });
    const model = scriptedModel(({ request }) => {
      const last = request.messages.at(-1)!;
      return last.role === "tool"
        ? `It is ${last.content}.`
        : { toolCalls: [{ name: "researcher", params: { text: "?" } }] };
    });
    const agent = defineAgent({ name: "support", model, prompt: "You ask.", tools: [agentTool(researcher)] });
    expect(await runInProcess(agent, "What?", { agents: [researcher] })).toMatchObject({ answer: "It is 42." });
  });

  test("is answered for the agents that it hands tasks to, however deep", async () => {
    const asking = scriptedModel(({ request }) => {
      const last = request.messages.at(-1)!;
      if (last.role === "tool") return `You said ${last.content}`;
      return { toolCalls: [{ name: "ask_human", params: { question: "Sure?" } }] };
    });
    const through = (to: string) =>
      scriptedModel(({ request }) => {
        const last = request.messages.at(-1)!;
        return last.role === "tool" ? last.content : { toolCalls: [{ name: to, params: { text: "?" } }] };
      });
    const clerk = defineAgent({ name: "clerk", model: asking, prompt: "You ask.", tools: [askHuman()] });
    const middle = defineAgent({ name: "middle", model: through("clerk"), prompt: "p", tools: [agentTool(clerk)] });
    const agent = defineAgent({ name: "top", model: through("middle"), prompt: "p", tools: [agentTool(middle)] });
    const run = await runInProcess(agent, "Well?", {
      agents: [middle, clerk],
      onPause: ({ runId, pause }, dendrite) => dendrite.submitInput(runId, { text: `yes to ${pause!.question}` }),
    });
    expect(run).toMatchObject({ status: "success", answer: "You said yes to Sure?" });
    const open = await runInProcess(agent, "Well?", {
      agents: [middle, clerk],
      onPause: () => Promise.resolve(null),
    });
    expect(open).toMatchObject({ status: "waiting_child", pause: { pending: [{ childAgent: "middle" }] } });
  });
});

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
});

import { describe, expect, test } from "@jest/globals";
import { scriptedModel, type ScriptedAnswer } from "@myelin/neuron/testing";
import { z } from "zod";
import { dataOfAll, startAgent, typesOf } from "../../../../test/helpers/agent-run.ts";
import type { AgentOptions } from "../definition/agent-options.ts";
import { defineAgent } from "../definition/define-agent.ts";
import { tool } from "../tool.ts";

const add = (onRun: (input: { a: number; b: number }) => unknown = ({ a, b }) => a + b) =>
  tool({ name: "add", description: "Adds.", input: z.object({ a: z.number(), b: z.number() }), run: onRun });

const callOf = (name: string, params: Record<string, unknown> = {}) => ({ toolCalls: [{ name, params }] });

function agentWith(script: readonly ScriptedAnswer[], options: Partial<AgentOptions> = {}) {
  const model = scriptedModel(script);
  return { model, agent: defineAgent({ name: "support", model, prompt: "You help.", ...options }) };
}

describe("a run with one tool", () => {
  test("takes five appends with its TASK and its reply: three are the journal's", async () => {
    const { agent, model } = agentWith([callOf("add", { a: 1, b: 2 }), "3"], { tools: [add()] });
    const { returned, journal } = await startAgent(agent, "1 + 2?");
    expect(returned).toMatchObject({ status: "success", answer: "3", iteration_count: 2, output: null });
    expect(journal.appends.map(typesOf)).toEqual([
      ["run.started", "llm.completed", "tool.started"],
      ["tool.completed"],
      ["llm.completed", "run.completed"],
    ]);
    expect(model.calls).toHaveLength(2);
    expect(dataOfAll(journal.entries, "tool.completed")).toMatchObject([{ success: true, result: 3, order_index: 2 }]);
  });
});

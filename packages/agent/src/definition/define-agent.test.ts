import { describe, expect, test } from "@jest/globals";
import { agentCard } from "@myelin/bus/run-events";
import { Axon } from "@myelin/dendrite";
import { scriptedModel } from "@myelin/neuron/testing";
import { z } from "zod";
import { agentTool } from "../agent-tool.ts";
import { askHuman } from "../ask-human.ts";
import { AgentDefinitionError } from "../errors.ts";
import { tool } from "../tool.ts";
import type { AgentOptions } from "./agent-options.ts";
import { defineAgent } from "./define-agent.ts";

const model = scriptedModel([]);
const add = tool({ name: "add", description: "Adds.", input: z.object({}), run: () => 1 });
const sheet = tool({ name: "sheet", description: "Reads.", input: z.object({}), target: "client" });
const source = (name: string) => ({ name, open: () => Promise.resolve([]), close: () => Promise.resolve() });
const skill = { name: "refunds", description: "d", body: "b" };

const define = (options: Partial<AgentOptions>) =>
  defineAgent({ name: "support", model, prompt: "You help.", ...options });

describe("defineAgent", () => {
  test("gives a neuron definition to spread into an Axon, with the card that callers go by", () => {
    const agent = define({
      models: [scriptedModel([], { vendor: "other" })],
      tools: [sheet, add],
      toolSources: [source("web"), source("fs")],
      capabilities: ["help", "help"],
      version: "2",
      description: "Helps.",
    });
    const axon = new Axon({ ...agent, concurrency: 3 });
    expect(axon).toMatchObject({ neuronId: "support", capabilities: ["help"], version: "2", recordDeltas: "none" });
    expect(axon.card).toEqual({
      kind: "agent",
      model: "scripted:scripted-1",
      vendors: ["scripted", "other"],
      tools: ["add", "sheet"],
      sources: ["fs", "web"],
      blocks: [],
    });
    expect(agentCard.parse(axon.card)).toEqual(axon.card);
  });

  test("closes all it has, also when one does not close", async () => {
    const closed: string[] = [];
    const closing = (name: string, error?: Error) => ({
      ...source(name),
      close: () => {
        closed.push(name);
        return error ? Promise.reject(error) : Promise.resolve();
      },
    });
    const agent = define({ toolSources: [closing("a", new Error("stuck")), closing("b")] });
    await expect(agent.close()).rejects.toThrow("stuck");
    expect(closed).toEqual(["a", "b"]);
  });

  test.each<[string, Partial<AgentOptions>]>([
    ["a neuron id must be 1 to 64 of", { name: "no spaces" }],
    ["the prompt is empty", { prompt: " " }],
    ["model must be a Model", { model: "gpt" as never }],
    ['there are two models of the vendor "scripted"', { models: [scriptedModel([])] }],
    ["maxIterations must be a whole number from 1 to 200, got 0", { maxIterations: 0 }],
    ["maxIterations must be a whole number from 1 to 200, got 201", { maxIterations: 201 }],
    ["maxDelegationDepth must be a whole number >= 0", { maxDelegationDepth: -1 }],
    ["approvalExpiresMs must be > 0, got 0", { approvalExpiresMs: 0 }],
    ["budget sets no limit", { budget: { onExceeded: "stop" } }],
    ["budget.maxTokens must be a whole number > 0, got 0.5", { budget: { maxTokens: 0.5 } }],
    ["budget.maxCostUsd must be > 0", { budget: { maxCostUsd: 0 } }],
    ["budget.warnAt must hold fractions between 0 and 1, got 1", { budget: { maxTokens: 1, warnAt: [1] } }],
    ["tools must be made by tool(…)", { tools: [{ name: "x" } as never] }],
    ['there are two tools of the name "add"', { tools: [add, add] }],
    ['"use_skill" is taken', { skills: [skill], tools: [{ ...add, name: "use_skill" }] }],
    ['there are two tool sources of the name "fs"', { toolSources: [source("fs"), source("fs")] }],
    ["a tool source's name must be", { toolSources: [source("a__b")] }],
    ['deny names "sub", which is none of its tools: add', { tools: [add], deny: ["sub"] }],
    ['requireApproval names "sub", which is none of its tools: none', { requireApproval: ["sub"] }],
    ['"add" is in deny and in requireApproval', { tools: [add], deny: ["add"], requireApproval: ["add"] }],
    ['requireApproval names "sheet", a client tool', { tools: [sheet], requireApproval: ["sheet"] }],
    ['requireApproval names "ask_human", a client tool', { tools: [askHuman()], requireApproval: ["ask_human"] }],
    [
      'strategy "single_call" makes one model call and runs no tools; it has add',
      { strategy: "single_call", tools: [add] },
    ],
    ["take out toolSources", { strategy: "single_call", toolSources: [source("fs")] }],
    ['there are two skills of the name "refunds"', { skills: [skill, skill] }],
    ["cannot be said as JSON Schema", { output: z.object({ at: z.date() }) }],
    ["its output must be an object schema", { output: z.array(z.string()) as never }],
    ["cannot be read", { skillsDir: "/nowhere/at/all" }],
    ['an agent has no option "requireAproval"; there are name, model,', { requireAproval: ["add"] } as never],
    ['budget has no option "maxCost"', { budget: { maxTokens: 1, maxCost: 1 } as never }],
    [
      'budget.onExceeded must be one of "warn", "pause", "stop", got "die"',
      { budget: { maxMs: 1, onExceeded: "die" as never } },
    ],
    ['strategy must be one of "react", "single_call", got "loop"', { strategy: "loop" as never }],
    ['recordPayloads must be one of "full", "delta", "masked", got "all"', { recordPayloads: "all" as never }],
    [
      "a guardrail has a name, an action (redact, block, warn) and scan(text)",
      { guardrails: [{ name: "x" } as never] },
    ],
  ])("refuses what cannot work: %s", (message, options) => {
    expect(() => define(options)).toThrow(AgentDefinitionError);
    expect(() => define(options)).toThrow(message);
  });

  test.each<[string, Partial<AgentOptions>]>([
    ["a rule about a tool that a source may bring", { toolSources: [source("fs")], deny: ["fs__delete"] }],
    ["a rule about use_skill", { skills: [skill], requireApproval: ["use_skill"] }],
    ["a denied skill that is not there", { denySkills: ["nothing"] }],
    ["an option that is undefined, as spreading leaves it", { whatever: undefined } as never],
    ["skills where there is one call only", { strategy: "single_call", skills: [skill] }],
  ])("takes %s", (_, options) => {
    expect(define(options).neuronId).toBe("support");
  });
});

describe("tool", () => {
  const input = z.object({ id: z.number().describe("Which."), note: z.string().optional() });

  test("says its schema as JSON Schema, and has what it is given or the defaults", () => {
    const refund = tool({ name: "refund", description: "Refunds.", input, run: () => 1 });
    expect(refund).toMatchObject({
      parameters: {
        type: "object",
        properties: { id: { type: "number", description: "Which." }, note: { type: "string" } },
        required: ["id"],
      },
      target: "server",
      parallel: true,
      maxCallsPerRun: null,
      timeoutMs: 120_000,
      idempotent: false,
    });
    expect(refund.parameters).not.toHaveProperty("$schema");
    expect(refund.problemWith!({ id: 1 })).toBeNull();
    expect(refund.problemWith!({})).toContain("id: ");
  });

  test.each<[string, Record<string, unknown>]>([
    ["a tool's name must be 1 to 64", { name: "no spaces" }],
    ["a description is what the model goes by", { description: "" }],
    ["maxCallsPerRun must be a whole number > 0, got 0", { maxCallsPerRun: 0 }],
    ["timeoutMs must be > 0", { timeoutMs: 0 }],
    ["timeoutMs must be > 0", { timeoutMs: Infinity }],
    ["a server tool needs run(input, ctx)", { run: undefined }],
    ["a client tool is run outside", { target: "client" }],
    ['tool "refund" has no option "timeout"; there are', { timeout: 5 }],
    ['target of tool "refund" must be one of "server", "client", got "browser"', { target: "browser" }],
    ["its input must be an object schema", { input: z.string() }],
    ["its input cannot be said as JSON Schema", { input: z.object({ at: z.date() }) }],
  ])("refuses what cannot work: %s", (message, options) => {
    const all = { name: "refund", description: "Refunds.", input, run: () => 1, ...options };
    expect(() => tool(all as never)).toThrow(AgentDefinitionError);
    expect(() => tool(all as never)).toThrow(message);
  });

  test("of an agent has the agent's name and description, and is never run itself", async () => {
    const researcher = define({ name: "researcher", description: "Finds out." });
    expect(agentTool(researcher)).toMatchObject({ name: "researcher", description: "Finds out.", agent: "researcher" });
    const named = agentTool("researcher", { name: "ask_research", timeoutMs: 5, maxCallsPerRun: 1 });
    expect(named).toMatchObject({ name: "ask_research", agent: "researcher", timeoutMs: 5, idempotent: true });
    await expect(named.run({ text: "x" }, {} as never)).rejects.toThrow("dispatched by the run");
  });
});

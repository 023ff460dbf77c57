import { afterAll, describe, expect, test } from "@jest/globals";
import { NeuronFailure, type Tool, type ToolSource } from "@myelin/neuron";
import { scriptedModel } from "@myelin/neuron/testing";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import {
  approveAll,
  dataOfAll,
  openPause,
  startAgent,
  submit,
  typesOf,
  type Started,
} from "../../../../test/helpers/agent-run.ts";
import { agentTool } from "../agent-tool.ts";
import type { AgentOptions } from "../definition/agent-options.ts";
import { defineAgent } from "../definition/define-agent.ts";
import { tool, type ObjectSchema } from "../tool.ts";

const server = (name: string, input: ObjectSchema = z.looseObject({})) =>
  tool({ name, description: `Does ${name}.`, input, run: () => `${name} done` });

const agentWith = (options: Partial<AgentOptions> = {}, answers: number = 9) => {
  const model = scriptedModel(Array.from({ length: answers }, () => "done"));
  return { model, agent: defineAgent({ name: "support", model, prompt: "You help.", ...options }) };
};

const startedData = ({ journal }: Started) => dataOfAll(journal.entries, "run.started")[0]!;

/** A source of these tools, which says how often it was opened. */
function sourceOf(name: string, tools: readonly Tool[] | Error): ToolSource & { opened: number; closed: number } {
  const source = {
    name,
    opened: 0,
    closed: 0,
    open: () => {
      source.opened++;
      return tools instanceof Error ? Promise.reject(tools) : Promise.resolve(tools);
    },
    close: () => Promise.resolve(void source.closed++),
  };
  return source;
}

describe("per request", () => {
  test("model, settings, prompt, tools and sources are the request's, and pinned", async () => {
    const other = scriptedModel(["from the other"], { vendor: "other", model: "other-1" });
    const fs = sourceOf("fs", [server("fs__read")]);
    const web = sourceOf("web", [server("web__get")]);
    const { agent, model } = agentWith({
      models: [other],
      tools: [server("b"), server("a")],
      toolSources: [web, fs],
      params: { temperature: 0, maxTokens: 100 },
    });
    const request = {
      text: "Hi",
      model: "other:other-2",
      prompt: "Be brief.",
      params: { max_tokens: 5 },
      tools: ["a"],
      sources: ["fs"],
    };
    const started = await startAgent(agent, request);
    expect(started.returned).toMatchObject({ answer: "from the other", model: "other:other-2" });
    expect(model.calls).toEqual([]);
    expect(other.calls[0]!.request).toMatchObject({
      model: "other-2",
      messages: [{ role: "system", content: "Be brief." }, { content: "Hi" }],
      tools: [{ name: "a" }, { name: "fs__read" }],
      params: { temperature: 0, maxTokens: 5 },
      cacheKey: "myelin:support:other-2",
    });
    expect(startedData(started)).toMatchObject({ model: "other:other-2", system_prompt: "Be brief.", sources: ["fs"] });
    expect([fs.opened, web.opened]).toEqual([1, 0]);
  });

  test("a vendor alone is its default model, and a model's name may hold colons", async () => {
    const ollama = scriptedModel(["a", "b"], { vendor: "ollama", model: "llama3:8b" });
    const { agent } = agentWith({ models: [ollama] });
    await startAgent(agent, { text: "Hi", model: "ollama" });
    await startAgent(agent, { text: "Hi", model: "ollama:qwen3:4b" });
    expect(ollama.calls.map(({ request }) => request.model)).toEqual(["llama3:8b", "qwen3:4b"]);
  });

  test.each([
    [{ model: "nobody:x" }, 'the agent "support" has no model of "nobody"; it has scripted'],
    [{ tools: ["nothing"] }, 'the agent has no tool "nothing"; it has a'],
    [{ sources: ["nowhere"] }, 'the agent has no tool source "nowhere"; it has none'],
  ])("an unknown name is refused before anything is recorded: %j", async (names, message) => {
    const { agent } = agentWith({ tools: [server("a")] });
    const { thrown, journal } = await startAgent(agent, { text: "Hi", ...names });
    expect(thrown).toMatchObject({ code: "UNKNOWN_NAME", message });
    expect(journal.entries).toEqual([]);
  });

  test("the agent's own are used where the request says nothing", async () => {
    const { agent } = agentWith({ version: "3", maxIterations: 4, tools: [server("a")] });
    expect(startedData(await startAgent(agent, "Hi"))).toMatchObject({
      agent_name: "support",
      agent_version: "3",
      strategy: "react",
      model: "scripted:scripted-1",
      params: {},
      system_prompt: "You help.",
      tools: [{ name: "a", target: "server" }],
      sources: [],
      output_schema: null,
      message: "Hi",
      history: [],
      context: [],
      seed: [],
      max_iterations: 4,
      budget: null,
      delegation_level: 0,
      max_delegation_depth: 10,
      timeout_ms: null,
      retry_of: null,
    });
  });
});

describe("history, context and the conversation of a retried run", () => {
  const history = [
    { role: "user" as const, content: "One?" },
    { role: "assistant" as const, content: "One." },
  ];
  const context = [
    { content: "S1", placement: "stable" as const },
    { content: "D1" },
    { content: "S2", placement: "stable" as const },
  ];
  const sent = async (input: Parameters<typeof startAgent>[1]) => {
    const { agent, model } = agentWith();
    await startAgent(agent, input);
    return model.calls[0]!.request.messages.slice(1);
  };

  test("without context texts are as they were, to the byte", async () => {
    expect(await sent({ text: "Two?", history })).toEqual([...history, { role: "user", content: "Two?" }]);
  });

  test("blocks are folded into the first and into the current message", async () => {
    expect(await sent({ text: "Two?", history, context })).toEqual([
      { role: "user", content: "STABLE CONTEXT:\nS1\n\nS2\n\nUSER MESSAGE:\nOne?", isStable: true },
      history[1],
      { role: "user", content: "ADDITIONAL CONTEXT:\nD1\n\nUSER INPUT:\nTwo?" },
    ]);
  });

  test("both are folded into one message when it is the only one", async () => {
    const content = "STABLE CONTEXT:\nS1\n\nS2\n\nUSER MESSAGE:\nADDITIONAL CONTEXT:\nD1\n\nUSER INPUT:\nTwo?";
    expect(await sent({ text: "Two?", context })).toEqual([{ role: "user", content, isStable: true }]);
  });

  test("a retried conversation comes before the message, and what hangs in it is answered", async () => {
    const seed = [
      { role: "user", content: "Pay", order_index: 0 },
      {
        role: "assistant",
        content: "",
        meta: { tool_calls: [{ call_id: "c1", provider_call_id: "p1", tool_name: "pay", params: { n: 1 } }] },
      },
      { role: "tool", content: "paid", meta: { call_id: "c1", tool_name: "pay" } },
      { role: "assistant", content: "more", tool_calls: [{ call_id: "c2", tool_name: "ask", params: null }] },
      { role: "nobody", content: "?" },
    ];
    expect(await sent({ text: "Again", seed, retry_of: "run_1" })).toEqual([
      { role: "user", content: "Pay" },
      {
        role: "assistant",
        content: "",
        toolCalls: [{ id: "c1", providerCallId: "p1", name: "pay", params: { n: 1 } }],
      },
      { role: "tool", callId: "c1", providerCallId: "p1", toolName: "pay", content: "paid" },
      { role: "assistant", content: "more", toolCalls: [{ id: "c2", providerCallId: null, name: "ask", params: {} }] },
      {
        role: "tool",
        callId: "c2",
        providerCallId: null,
        toolName: "ask",
        content: '{"error":"the run ended before this call was answered"}',
        isError: true,
      },
      { role: "user", content: "Again" },
    ]);
  });
});

describe("a run that is gone on with", () => {
  const paused = async (options: Partial<AgentOptions>) => {
    const model = scriptedModel([{ toolCalls: [{ name: "pay", params: { text: "Pay." } }] }]);
    const agent = defineAgent({ name: "support", model, prompt: "You help.", requireApproval: ["pay"], ...options });
    const { journal } = await startAgent(agent, { text: "Hi", prompt: "Pinned.", params: { temperature: 0.5 } });
    await submit(journal, approveAll(openPause(journal.entries))!, "evt_2");
    return journal;
  };

  test("has the prompt, the model and the settings it was begun with", async () => {
    const journal = await paused({ tools: [server("pay")] });
    const { agent, model } = agentWith({ prompt: "New.", tools: [server("pay"), server("new")] });
    await startAgent(agent, "Hi", { journal, taskId: "evt_2" });
    expect(model.calls[0]!.request).toMatchObject({
      messages: [{ content: "Pinned." }, {}, {}, {}],
      params: { temperature: 0.5 },
      tools: [{ name: "pay" }],
    });
  });

  test("is refused by one whose tool delegates to somebody else: the child that was begun would not be found", async () => {
    const journal = await paused({ tools: [agentTool("payments", { name: "pay" })] });
    const { agent } = agentWith({ tools: [agentTool("treasury", { name: "pay" })] });
    const { thrown } = await startAgent(agent, "Hi", { journal, taskId: "evt_2" });
    const message = expect.stringContaining('its tool "pay" delegates to somebody else') as unknown;
    expect(thrown).toMatchObject({ code: "AGENT_CHANGED", message });
  });

  test.each<[string, Partial<AgentOptions>]>([
    ['its tool "pay" takes something else', { tools: [server("pay", z.object({ amount: z.number() }))] }],
    ['it has no tool "pay" any more', { tools: [server("other")] }],
    ["its output schema is another", { tools: [server("pay")], output: z.object({ ok: z.boolean() }) }],
    ["it has no model of", { tools: [server("pay")], model: scriptedModel([], { vendor: "another" }) }],
    ['this one is "billing"', { tools: [server("pay")], name: "billing" }],
  ])("is refused by an agent that has changed: %s", async (message, options) => {
    const journal = await paused({ tools: [server("pay")] });
    const before = journal.entries.length;
    const { agent } = agentWith(options);
    const { thrown } = await startAgent(agent, "Hi", { journal, taskId: "evt_2" });
    expect(thrown).toMatchObject({ code: "AGENT_CHANGED", message: expect.stringContaining(message) });
    expect(journal.entries).toHaveLength(before);
  });
});

describe("tool sources", () => {
  test("are on record when they are connected, once per run, and closed with the agent", async () => {
    const fs = sourceOf("fs", [server("fs__read")]);
    const empty = sourceOf("empty", []);
    const { agent, model } = agentWith({ toolSources: [fs, empty] });
    const { journal } = await startAgent(agent, "Hi");
    expect(dataOfAll(journal.entries, "mcp.connected")).toEqual([
      { source_name: "empty", tool_count: 0, tool_names: [] },
      { source_name: "fs", tool_count: 1, tool_names: ["fs__read"] },
    ]);
    await Promise.all([agent.close(), agent.close()]);
    expect([fs.closed, empty.closed, model.closed]).toEqual([1, 1, 1]);
  });

  test("that do not open are on record, the model is not called, and a later start tries again", async () => {
    const { agent, model } = agentWith({ toolSources: [sourceOf("fs", new Error("no such command"))] });
    const { thrown, journal } = await startAgent(agent, "Hi");
    expect(thrown).toMatchObject({ code: "TOOL_SOURCE_UNAVAILABLE", recoverable: true });
    expect(dataOfAll(journal.entries, "mcp.error")).toEqual([{ source_name: "fs", error: "no such command" }]);
    expect(model.calls).toEqual([]);
    const mended = agentWith({ toolSources: [sourceOf("fs", [])] });
    const second = await startAgent(mended.agent, "Hi", { journal });
    expect(second.returned).toMatchObject({ answer: "done" });
  });

  test("that say what is wrong with them are believed", async () => {
    const failure = new NeuronFailure("TOOL_SOURCE_INVALID", "two tools of one name");
    const { thrown } = await startAgent(agentWith({ toolSources: [sourceOf("fs", failure)] }).agent, "Hi");
    expect(thrown).toMatchObject({ code: "TOOL_SOURCE_INVALID", recoverable: false });
  });

  test("whose names clash, or that lack a tool a rule is about, end the run", async () => {
    const clash = agentWith({ tools: [server("fs__read")], toolSources: [sourceOf("fs", [server("fs__read")])] });
    expect((await startAgent(clash.agent, "Hi")).thrown).toMatchObject({
      code: "TOOL_SOURCE_INVALID",
      message: 'there are two tools of the name "fs__read"',
    });
    const rule = agentWith({ deny: ["fs__delet"], toolSources: [sourceOf("fs", [server("fs__delete")])] });
    expect((await startAgent(rule.agent, "Hi")).thrown).toMatchObject({
      code: "TOOL_SOURCE_INVALID",
      message: 'deny or requireApproval names "fs__delet", and there is none',
    });
  });
});

describe("skills", () => {
  const root = mkdtempSync(path.join(tmpdir(), "skills-"));
  afterAll(() => rmSync(root, { recursive: true }));
  for (const name of ["refunds", "angry-customers", "secret"]) {
    mkdirSync(path.join(root, name));
    writeFileSync(
      path.join(root, name, "SKILL.md"),
      `---\nname: ${name}\ndescription: About ${name}.\n---\n\nDo ${name}.`,
    );
  }

  test("are named in the prompt, and read by a tool", async () => {
    const model = scriptedModel([
      {
        toolCalls: [
          { name: "use_skill", params: { name: "refunds" } },
          { name: "use_skill", params: { name: "x" } },
        ],
      },
      "done",
    ]);
    const agent = defineAgent({ name: "support", model, prompt: "You help.", skillsDir: root, denySkills: ["secret"] });
    const { journal } = await startAgent(agent, "Hi");
    expect(model.calls[0]!.request.messages[0]!.content).toBe(
      "You help.\n\n## Available Skills\n\n- angry-customers: About angry-customers.\n- refunds: About refunds.",
    );
    expect(model.calls[1]!.request.messages.slice(-2)).toMatchObject([
      { content: "Do refunds." },
      { content: "Skill 'x' not found. Available: angry-customers, refunds" },
    ]);
    expect(typesOf(journal.entries).slice(0, 4)).toEqual([
      "run.started",
      "skill.registered",
      "skill.registered",
      "skill.denied",
    ]);
    expect(dataOfAll(journal.entries, "skill.invoked")).toEqual([{ skill_name: "refunds" }, { skill_name: "x" }]);
  });

  test("are in the prompt where there is one call only", async () => {
    const { agent, model } = agentWith({ strategy: "single_call", skillsDir: root, denySkills: ["secret", "refunds"] });
    await startAgent(agent, "Hi");
    expect(model.calls[0]!.request).toEqual({
      model: "scripted-1",
      messages: [
        { role: "system", content: "You help.\n\n## Skills\n\n### Skill: angry-customers\n\nDo angry-customers." },
        { role: "user", content: "Hi" },
      ],
      cacheKey: "myelin:support:scripted-1",
    });
  });
});

describe("structured output", () => {
  const output = z.object({ city: z.string(), days: z.number().default(1) });
  const answering = (text: string) => {
    const model = scriptedModel([text]);
    return { model, agent: defineAgent({ name: "support", model, prompt: "You help.", output }) };
  };

  test("is the answer as the schema has it, and the model is told the schema", async () => {
    const { agent, model } = answering('{"city":"Oslo"}');
    const { returned, journal } = await startAgent(agent, "Where?");
    expect(returned).toMatchObject({ answer: '{"city":"Oslo"}', output: { city: "Oslo", days: 1 } });
    expect(dataOfAll(journal.entries, "run.completed")[0]!["output"]).toEqual({ city: "Oslo", days: 1 });
    expect(model.calls[0]!.request.outputSchema).toMatchObject({ type: "object", required: ["city"] });
  });

  test.each([
    ["Oslo", "the answer is not JSON"],
    ['{"city":7}', "the answer does not fit the output schema: city: "],
  ])("that does not fit ends the run, with the answer kept: %s", async (text, message) => {
    const { agent } = answering(text);
    const { thrown, journal } = await startAgent(agent, "Where?");
    expect(thrown).toMatchObject({ code: "OUTPUT_INVALID", message: expect.stringContaining(message) });
    expect(dataOfAll(journal.entries, "llm.completed")[0]!["text"]).toBe(text);
  });
});

describe("recordPayloads", () => {
  const payloads = async (recordPayloads: AgentOptions["recordPayloads"]) => {
    const model = scriptedModel([{ toolCalls: [{ name: "a" }] }, "done"]);
    const agent = defineAgent({ name: "support", model, prompt: "You help.", tools: [server("a")], recordPayloads });
    const { journal } = await startAgent(agent, "Hi");
    return dataOfAll(journal.entries, "llm.completed").map((data) => [
      (data["messages"] as { role: string }[] | undefined)?.map(({ role }) => role).join(" "),
      data["provider_request"] !== undefined,
      data["provider_response"] !== undefined,
    ]);
  };

  test("keeps what each call added, all of it, or none", async () => {
    expect(await payloads(undefined)).toEqual([
      ["system user", false, true],
      ["assistant tool", false, true],
    ]);
    expect(await payloads("full")).toEqual([
      ["system user", true, true],
      ["system user assistant tool", true, true],
    ]);
    expect(await payloads("masked")).toEqual([
      [undefined, false, false],
      [undefined, false, false],
    ]);
  });
});

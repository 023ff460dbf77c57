import { describe, expect, test } from "@jest/globals";
import { startFakeModelServer } from "../../../../../test/helpers/fake-model-server.ts";
import { ProviderOptionsError } from "../../errors.ts";
import type { ModelMessage } from "../../model/message.ts";
import type { ModelRequest } from "../../model/model.ts";
import { anthropic } from "./anthropic-model.ts";
import { toAnthropicBody } from "./anthropic-request.ts";

const signal = new AbortController().signal;
const user = (content: string, isStable = false): ModelMessage => ({ role: "user", content, isStable });
const settings = {
  maxTokens: 16_000,
  promptCache: false as false | "5m" | "1h",
  toOutputSchema: (schema: object) => ({ ...schema }),
};
const body = (request: Partial<ModelRequest>, model = "claude-sonnet-5-5", promptCache: false | "5m" | "1h" = false) =>
  toAnthropicBody({ messages: [user("hi")], ...request }, model, false, { ...settings, promptCache });

describe("the prompt cache", () => {
  const mark = { cache_control: { type: "ephemeral" } };

  test("marks the system prompt, the stable head and the last message, and nothing else", () => {
    const messages: ModelMessage[] = [
      { role: "system", content: "Be brief." },
      ...[user("manual", true), user("glossary", true), user("first"), { role: "assistant" as const, content: "yes" }],
      user("last"),
    ];
    const sent = body({ messages }, "m", "5m");
    expect(sent.system).toEqual([{ type: "text", text: "Be brief.", ...mark }]);
    expect(sent.messages.map(({ content }) => content)).toEqual([
      "manual",
      [{ type: "text", text: "glossary", ...mark }],
      ...["first", "yes"],
      [{ type: "text", text: "last", ...mark }],
    ]);
  });

  test("marks an hour, a result of a tool, and one block when the head is the last message", () => {
    const hour = { cache_control: { type: "ephemeral", ttl: "1h" } };
    expect(body({ messages: [user("only", true)] }, "m", "1h").messages).toEqual([
      { role: "user", content: [{ type: "text", text: "only", ...hour }] },
    ]);
    const messages: ModelMessage[] = [
      user("hi"),
      { role: "assistant", content: "", toolCalls: [{ id: "c", providerCallId: null, name: "x", params: {} }] },
      { role: "tool", callId: "c", providerCallId: null, toolName: "x", content: "r" },
    ];
    expect(body({ messages }, "m", "1h").messages.at(-1)?.content).toMatchObject([{ type: "tool_result", ...hour }]);
  });

  test("off, it marks nothing", () => {
    expect(JSON.stringify(body({ messages: [user("hi", true)] }))).not.toContain("cache_control");
  });
});

test("the results of one answer are one turn, with their errors", () => {
  const call = (id: string) => ({ id, providerCallId: `toolu_${id}`, name: "x", params: { n: id } });
  const result = (callId: string, isError = false): ModelMessage => ({
    ...{ role: "tool", callId, providerCallId: null, toolName: "x", content: `r${callId}`, isError },
  });
  const messages: ModelMessage[] = [
    user("hi"),
    { role: "assistant", content: " ", toolCalls: [call("1"), call("2")] },
    ...[result("1"), result("2", true), user("and?")],
  ];
  expect(body({ messages }).messages.slice(1)).toEqual([
    {
      role: "assistant",
      content: ["1", "2"].map((id) => ({ type: "tool_use", id: `toolu_${id}`, name: "x", input: { n: id } })),
    },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "toolu_1", content: "r1" },
        { type: "tool_result", tool_use_id: "toolu_2", content: "r2", is_error: true },
      ],
    },
    { role: "user", content: "and?" },
  ]);
});

test("an empty turn of the assistant is not sent: the server refuses it", () => {
  const messages: ModelMessage[] = [user("hi"), { role: "assistant", content: "  " }, user("well?")];
  expect(body({ messages }).messages).toEqual([
    { role: "user", content: "hi" },
    { role: "user", content: "well?" },
  ]);
});

describe("thinking", () => {
  const adaptive = { type: "adaptive", display: "summarized" };
  test.each([
    ["claude-sonnet-5-5", {}, adaptive],
    ["claude-fable-5-1", {}, adaptive],
    ["claude-opus-5", {}, adaptive],
    ["claude-opus-4-6", {}, undefined],
    ["claude-opus-4-6", { effort: "high" }, adaptive],
    ["claude-opus-4-5-20251101", { effort: "high" }, undefined],
    ["claude-haiku-4-5-20251001", {}, undefined],
    ["claude-haiku-4-5", { thinkingBudget: 2_048 }, { type: "enabled", budget_tokens: 2_048 }],
    ["kimi-k3", {}, undefined],
  ])("%s with %j is asked to think as it can: %j", (model, params, thinking) => {
    expect(body({ params }, model).thinking).toEqual(thinking);
  });
});

test("settings of a call are in the wire's words; what has none is refused, not dropped", () => {
  const params = { temperature: 0.5, topP: 0.9, stop: ["END"], maxTokens: 9, effort: "low" };
  expect(body({ params })).toMatchObject({
    ...{ temperature: 0.5, top_p: 0.9, stop_sequences: ["END"], max_tokens: 9 },
    output_config: { effort: "low" },
  });
  expect(body({})).toMatchObject({ max_tokens: 16_000 });
  expect(() => body({ params: { seed: 1 } })).toThrow(ProviderOptionsError);
});

test("structured output is asked for by format, without forcing a tool: current models refuse that", async () => {
  await using server = await startFakeModelServer();
  const outputSchema = {
    type: "object",
    properties: { days: { type: "integer", minimum: 1 } },
    required: ["days"],
  };
  const model = anthropic("m", { baseURL: server.anthropicUrl });
  await model.generate({ messages: [user("hi")], outputSchema }, { signal });
  const sent = server.requests[0]?.body;
  expect(sent).not.toHaveProperty("tool_choice");
  // What the server does not check is told in words.
  expect(sent?.["output_config"]).toEqual({
    format: {
      type: "json_schema",
      schema: {
        type: "object",
        properties: { days: { type: "integer", description: "{minimum: 1}" } },
        required: ["days"],
        additionalProperties: false,
      },
    },
  });
});

test("without a key anywhere the first call says in one sentence what to set, and is not tried again", async () => {
  const before = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith("ANTHROPIC_")) delete process.env[name];
  // Nor from the files of a person who runs the tests.
  Object.assign(process.env, { HOME: "/nonexistent", ANTHROPIC_CONFIG_DIR: "/nonexistent" });
  try {
    const retries: unknown[] = [];
    const call = anthropic("claude-sonnet-5-5").generate(
      { messages: [user("hi")] },
      { signal, onRetry: (retry) => void retries.push(retry) },
    );
    await expect(call).rejects.toMatchObject({
      code: "MODEL_REFUSED_REQUEST",
      recoverable: false,
      message: "anthropic: there is no key: set the option apiKey, or ANTHROPIC_API_KEY in the environment",
    });
    expect(retries).toEqual([]);
  } finally {
    process.env = before;
  }
});

test("with neither key nor address the SDK's own environment counts; its key is in no failure", async () => {
  await using server = await startFakeModelServer();
  const before = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith("ANTHROPIC_")) delete process.env[name];
  Object.assign(process.env, { ANTHROPIC_API_KEY: "sk-of-the-environment", ANTHROPIC_BASE_URL: server.anthropicUrl });
  try {
    await anthropic("m").generate({ messages: [user("hi")] }, { signal });
    const failing = anthropic("unauthorized").generate({ messages: [user("hi")] }, { signal });
    await expect(failing).rejects.toThrow("bad key: Bearer [redacted]");
  } finally {
    process.env = before;
  }
  expect(server.requests[0]?.headers.authorization).toBe("Bearer sk-of-the-environment");
});

test("prices: the list's, the user's over them, and an hour's cache at its own rate", () => {
  const usage = {
    ...{ inputTokens: 0, outputTokens: 0, cacheReadInputTokens: 0, reasoningTokens: null },
    cacheCreationInputTokens: 1_000,
  };
  expect(anthropic("m", { apiKey: "k" }).costOf("claude-opus-5-5", usage)).toBe(5_000_000);
  expect(anthropic("m", { apiKey: "k", promptCache: "1h" }).costOf("claude-opus-5-5", usage)).toBe(8_000_000);
  const prices = { "claude-opus-5-5": { input: 1, output: 1 }, mine: { input: 2, output: 2 } };
  const model = anthropic("m", { apiKey: "k", prices });
  expect(["claude-opus-5-5", "mine", "unknown"].map((name) => model.costOf(name, usage))).toEqual([
    ...[1_000_000, 2_000_000],
    null,
  ]);
});

test("refuses a promptCache it does not know", () => {
  expect(() => anthropic("m", { promptCache: "2h" as never })).toThrow(
    'promptCache must be "5m", "1h" or false, got "2h"',
  );
});

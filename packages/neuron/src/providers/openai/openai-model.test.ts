import { describe, expect, test } from "@jest/globals";
import { startFakeModelServer } from "../../../../../test/helpers/fake-model-server.ts";
import { ProviderOptionsError } from "../../errors.ts";
import type { ModelRequest } from "../../model/model.ts";
import { readOpenaiStream, toOpenaiResponse } from "./openai-answer.ts";
import { openai } from "./openai-model.ts";
import { toOpenaiBody } from "./openai-request.ts";
import { huggingFace, ollama, openRouter, together } from "./presets.ts";
import { openaiResponses } from "./responses-model.ts";
import { toResponsesBody } from "./responses-request.ts";

const OFFICIAL = "https://api.openai.com/v1";
const LOCAL = "http://127.0.0.1:11434/v1";
const signal = new AbortController().signal;
const messages = [{ role: "user" as const, content: "hi" }];
const settings = { maxTokens: null, promptCache: true, dialect: { vendor: "openai" } };

const chat = (request: Partial<ModelRequest>, baseURL = OFFICIAL) =>
  toOpenaiBody({ messages, ...request }, "gpt-5", false, { ...settings, baseURL });
const responses = (request: Partial<ModelRequest>, model = "gpt-5", baseURL = OFFICIAL) =>
  toResponsesBody({ messages, ...request }, model, false, { ...settings, baseURL });

describe("what only OpenAI itself knows", () => {
  test("tokens are limited in the word each server knows", () => {
    const params = { maxTokens: 9 };
    expect(chat({ params })).toMatchObject({ max_completion_tokens: 9 });
    expect(chat({ params }, "https://eu.api.openai.com/v1")).toMatchObject({ max_completion_tokens: 9 });
    expect(chat({ params }, LOCAL)).toMatchObject({ max_tokens: 9 });
    expect(chat({ params }, LOCAL)).not.toHaveProperty("max_completion_tokens");
    for (const url of [OFFICIAL, LOCAL])
      expect(responses({ params }, "gpt-5", url)).toMatchObject({ max_output_tokens: 9 });
  });

  test("the cache key goes to OpenAI only, and not when caching is off", () => {
    const keyed = { prompt_cache_key: "support:gpt-5" };
    const cacheKey = "support:gpt-5";
    expect(chat({ cacheKey })).toMatchObject(keyed);
    expect(responses({ cacheKey })).toMatchObject(keyed);
    expect(chat({ cacheKey }, LOCAL)).not.toHaveProperty("prompt_cache_key");
    expect(responses({ cacheKey }, "m", LOCAL)).not.toHaveProperty("prompt_cache_key");
    const off = toOpenaiBody({ messages, cacheKey }, "m", false, {
      ...settings,
      baseURL: OFFICIAL,
      promptCache: false,
    });
    expect(off).not.toHaveProperty("prompt_cache_key");
  });

  test("sealed thoughts are asked of reasoning models only: the others refuse", () => {
    const include = ["reasoning.encrypted_content"];
    for (const model of ["gpt-5", "gpt-5-mini", "gpt-6-sol", "o3"])
      expect(responses({}, model)).toMatchObject({ include });
    for (const model of ["gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest"]) {
      expect(responses({}, model)).not.toHaveProperty("include");
    }
    expect(responses({}, "gpt-5", LOCAL)).not.toHaveProperty("include");
    expect(responses({})).toMatchObject({ store: false });
  });
});

test("settings of a call are in the wire's words; what has none is refused, not dropped", () => {
  const params = { temperature: 0.5, topP: 0.9, effort: "low" };
  const common = { temperature: 0.5, top_p: 0.9 };
  expect(chat({ params: { ...params, stop: ["END"], seed: 7 } })).toMatchObject({
    ...common,
    ...{ stop: ["END"], seed: 7, reasoning_effort: "low" },
  });
  expect(responses({ params })).toMatchObject({ ...common, reasoning: { effort: "low", summary: "auto" } });
  expect(() => chat({ params: { thinkingBudget: 1 } })).toThrow(ProviderOptionsError);
  for (const refused of [{ thinkingBudget: 1 }, { stop: ["x"] }, { seed: 1 }]) {
    expect(() => responses({ params: refused })).toThrow(ProviderOptionsError);
  }
});

test("without a key anywhere the first call says in one sentence what to set", async () => {
  const before = { ...process.env };
  for (const name of ["OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_BASE_URL"]) delete process.env[name];
  try {
    for (const model of [openai("gpt-5"), openaiResponses("gpt-5")]) {
      await expect(model.generate({ messages }, { signal })).rejects.toMatchObject({
        code: "MODEL_REFUSED_REQUEST",
        recoverable: false,
        message: "openai: there is no key: set the option apiKey, or OPENAI_API_KEY in the environment",
      });
    }
  } finally {
    process.env = before;
  }
});

test("with neither key nor address the SDK's own environment counts; its key is in no failure", async () => {
  await using server = await startFakeModelServer();
  const before = { ...process.env };
  Object.assign(process.env, { OPENAI_API_KEY: "sk-of-the-environment", OPENAI_BASE_URL: server.openaiUrl });
  try {
    await openai("m").generate({ messages }, { signal });
    const failing = openai("unauthorized").generate({ messages }, { signal });
    await expect(failing).rejects.toThrow("bad key: Bearer [redacted]");
  } finally {
    process.env = before;
  }
  expect(server.requests[0]?.headers.authorization).toBe("Bearer sk-of-the-environment");
});

describe("presets", () => {
  test("are named as their function, and send what they need", async () => {
    await using server = await startFakeModelServer();
    const options = { apiKey: "sk-mine", baseURL: server.openaiUrl };
    const model = openRouter("m", { ...options, siteUrl: "https://shop.example", title: "Shop" });
    await model.generate({ messages }, { signal });
    expect(model.vendor).toBe("openRouter");
    expect(server.requests[0]?.headers).toMatchObject({
      ...{ "http-referer": "https://shop.example", "x-title": "Shop" },
      authorization: "Bearer sk-mine",
    });
  });

  test("need a key, unless the server is one's own; no other vendor's is taken from the environment", () => {
    const before = { ...process.env };
    process.env["OPENAI_API_KEY"] = "sk-of-the-environment";
    try {
      expect(() => huggingFace("m", {})).toThrow("huggingFace: set apiKey");
      expect(() => together("m", { apiKey: "" })).toThrow(ProviderOptionsError);
      expect(ollama("llama").vendor).toBe("ollama");
    } finally {
      process.env = before;
    }
  });
});

describe("servers that leave out what they like", () => {
  async function whole(chunks: object[]) {
    const stream = readOpenaiStream(
      (async function* () {
        yield* chunks as never[];
      })(),
    );
    for (;;) {
      const { done, value } = await stream.next();
      if (done === true) return toOpenaiResponse("openai", value, { messages, model: "asked" });
    }
  }
  const end = { choices: [{ finish_reason: "stop" }] };
  const calls = (...toolCalls: object[]) => ({ choices: [{ delta: { tool_calls: toolCalls } }] });

  test("a chunk may hold nothing at all; the model is then the one that was asked for", async () => {
    const answer = await whole([{}, { choices: null, usage: null }, { choices: [] }, end]);
    expect(answer).toMatchObject({ text: "", toolCalls: [], model: "asked", finishReason: "stop" });
  });

  test('a finish reason of "" is none: a stream that says no other was cut, and is no answer', async () => {
    const chunk = (finishReason: string) => ({ choices: [{ delta: { content: "hi" }, finish_reason: finishReason }] });
    await expect(whole([chunk(""), chunk("")])).rejects.toThrow(
      "the answer ended before the model said it had finished",
    );
    expect(await whole([chunk(""), chunk("stop"), chunk("")])).toMatchObject({ finishReason: "stop" });
  });

  test("a refusal is the text", async () => {
    expect(await whole([{ choices: [{ delta: { refusal: "I will not." } }] }, end])).toMatchObject({
      text: "I will not.",
    });
  });

  test.each([
    [
      "all calls have index 0",
      [
        calls({ index: 0, id: "a", function: { name: "x", arguments: "{}" } }),
        calls({ index: 0, id: "b", function: { name: "y", arguments: "{}" } }),
      ],
    ],
    [
      "calls have no index",
      [
        calls({ id: "a", function: { name: "x", arguments: "{}" } }),
        calls({ id: "b", function: { name: "y", arguments: "{}" } }),
      ],
    ],
    [
      "every piece repeats the id",
      [
        calls({ index: 0, id: "a", function: { name: "x", arguments: "{" } }),
        calls({ index: 0, id: "a", function: { arguments: "}" } }),
        calls({ index: 1, id: "b", function: { name: "y", arguments: {} } }),
      ],
    ],
  ])("%s: they are told apart", async (_what, chunks) => {
    const { toolCalls } = await whole([...chunks, end]);
    expect(toolCalls).toEqual([
      { providerCallId: "a", name: "x", params: {} },
      { providerCallId: "b", name: "y", params: {} },
    ]);
  });
});

import { expect, test } from "@jest/globals";
import { startFakeModelServer } from "../../../../../test/helpers/fake-model-server.ts";
import { fakeNeuronContext } from "../../../../../test/helpers/fake-neuron-context.ts";
import { resolveModelOptions } from "../model-options.ts";
import { toOpenaiPiece, toOpenaiRequest } from "./openai-convert.ts";
import { openaiNeuron } from "./openai-neuron.ts";

test("asks for the usage of a stream, and puts the system prompt before the input's own", async () => {
  await using server = await startFakeModelServer();
  const neuron = openaiNeuron({ baseURL: server.openaiUrl, model: "m", system: "Be brief." });
  const messages = [
    { role: "system", content: "Be kind." },
    { role: "user", content: "hi" },
  ];
  await neuron({ messages }, fakeNeuronContext().ctx);
  expect(server.requests[0]).toMatchObject({
    path: "/v1/chat/completions",
    body: {
      stream_options: { include_usage: true },
      messages: [{ role: "system", content: "Be brief." }, ...messages],
    },
  });
});

test("a server that needs no key gets a placeholder", async () => {
  await using server = await startFakeModelServer();
  await openaiNeuron({ baseURL: server.openaiUrl, model: "m" })({ prompt: "hi" }, fakeNeuronContext().ctx);
  expect(server.requests[0]?.headers.authorization).toBe("Bearer not-needed");
});

test("takes neither key, address nor organisation from the environment", async () => {
  await using server = await startFakeModelServer();
  const before = { ...process.env };
  Object.assign(process.env, {
    OPENAI_API_KEY: "sk-of-the-environment",
    OPENAI_BASE_URL: "http://127.0.0.1:1",
    OPENAI_ORG_ID: "org-of-the-environment",
    OPENAI_PROJECT_ID: "project-of-the-environment",
  });
  try {
    expect(() => openaiNeuron({ model: "m" })).toThrow("set apiKey");
    await openaiNeuron({ baseURL: server.openaiUrl, model: "m" })({ prompt: "hi" }, fakeNeuronContext().ctx);
  } finally {
    process.env = before;
  }
  expect(JSON.stringify(server.requests[0]?.headers)).not.toContain("of-the-environment");
});

test("limits tokens in the word each server knows", () => {
  const limit = (baseURL: string | undefined) => {
    const defaults = { caller: "openaiNeuron", baseURL: "https://api.openai.com/v1", maxTokens: null } as const;
    const options = { model: "m", apiKey: "k", baseURL, maxTokens: 9 };
    return toOpenaiRequest(resolveModelOptions(options, { ...defaults, localExample: "" }), []);
  };
  expect(limit(undefined)).toEqual({ model: "m", messages: [], max_completion_tokens: 9 });
  expect(limit("http://127.0.0.1:11434/v1")).toEqual({ model: "m", messages: [], max_tokens: 9 });
});

test("reads a refusal as text, and survives a chunk of a server that leaves out everything", () => {
  expect(toOpenaiPiece({ choices: [{ index: 0, delta: { refusal: "I will not." }, finish_reason: null }] }).text).toBe(
    "I will not.",
  );
  expect(toOpenaiPiece({})).toEqual({});
  expect(toOpenaiPiece({ choices: null, usage: null })).toEqual({});
});

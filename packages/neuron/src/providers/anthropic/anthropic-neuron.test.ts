import { expect, test } from "@jest/globals";
import { startFakeModelServer } from "../../../../../test/helpers/fake-model-server.ts";
import { fakeNeuronContext } from "../../../../../test/helpers/fake-neuron-context.ts";
import { anthropicNeuron } from "./anthropic-neuron.ts";

test("promotes system turns, the option's first, and asks for 1024 tokens by default", async () => {
  await using server = await startFakeModelServer();
  const neuron = anthropicNeuron({ baseURL: server.anthropicUrl, model: "m", system: "Be brief." });
  const messages = [
    { role: "system", content: "Be kind." },
    { role: "user", content: "hi" },
  ];
  await neuron({ messages }, fakeNeuronContext().ctx);
  expect(server.requests[0]).toMatchObject({
    path: "/v1/messages",
    body: { max_tokens: 1024, system: "Be brief.\n\nBe kind.", messages: [{ role: "user", content: "hi" }] },
  });
});

test("sends no system prompt when there is none", async () => {
  await using server = await startFakeModelServer();
  await anthropicNeuron({ baseURL: server.anthropicUrl, model: "m" })({ prompt: "hi" }, fakeNeuronContext().ctx);
  expect(server.requests[0]?.body).not.toHaveProperty("system");
});

test("takes neither key nor address from the environment", async () => {
  await using server = await startFakeModelServer();
  const before = { ...process.env };
  Object.assign(process.env, {
    ANTHROPIC_API_KEY: "sk-of-the-environment",
    ANTHROPIC_AUTH_TOKEN: "token-of-the-environment",
    ANTHROPIC_BASE_URL: "http://127.0.0.1:1",
  });
  try {
    expect(() => anthropicNeuron({ model: "m" })).toThrow(
      "anthropicNeuron: set apiKey (for https://api.anthropic.com)",
    );
    await anthropicNeuron({ baseURL: server.anthropicUrl, model: "m" })({ prompt: "hi" }, fakeNeuronContext().ctx);
  } finally {
    process.env = before;
  }
  expect(JSON.stringify(server.requests[0]?.headers)).not.toContain("of-the-environment");
});

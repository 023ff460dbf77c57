import { expect, test } from "@jest/globals";
import { startFakeModelServer } from "../../../../../test/helpers/fake-model-server.ts";
import { fakeNeuronContext } from "../../../../../test/helpers/fake-neuron-context.ts";
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

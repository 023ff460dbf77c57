import { describe, expect, test } from "@jest/globals";
import { startFakeModelServer } from "../../../../test/helpers/fake-model-server.ts";
import type { FakeModelServer } from "../../../../test/helpers/fake-model-server.ts";
import { fakeNeuronContext } from "../../../../test/helpers/fake-neuron-context.ts";
import { NeuronFailure } from "../errors.ts";
import type { Neuron } from "../neuron.ts";
import type { JsonObject } from "../outcomes.ts";
import { anthropicNeuron } from "./anthropic/anthropic-neuron.ts";
import type { ModelAnswer } from "./model-neuron.ts";
import type { ModelNeuronOptions } from "./model-options.ts";
import { openaiNeuron } from "./openai/openai-neuron.ts";

type MakeNeuron = (server: FakeModelServer, options: ModelNeuronOptions) => Neuron<JsonObject, ModelAnswer>;

const providers: [string, MakeNeuron, finishReason: string][] = [
  ["openaiNeuron", (server, options) => openaiNeuron({ baseURL: server.openaiUrl, ...options }), "stop"],
  ["anthropicNeuron", (server, options) => anthropicNeuron({ baseURL: server.anthropicUrl, ...options }), "end_turn"],
];

/** The failure of one call, which must fail. */
async function failureOf(answer: ReturnType<Neuron<JsonObject, ModelAnswer>>): Promise<NeuronFailure> {
  const outcome = await Promise.resolve(answer).catch((error: unknown) => error);
  if (!(outcome instanceof NeuronFailure)) throw new Error(`expected a NeuronFailure, got ${JSON.stringify(outcome)}`);
  return outcome;
}

describe.each(providers)("%s", (_name, makeNeuron, finishReason) => {
  test("streams the text to ctx.thought and answers the whole of it", async () => {
    await using server = await startFakeModelServer({ reply: "One  two\nthree." });
    const { ctx, thoughts } = fakeNeuronContext();
    const answer = await makeNeuron(server, { model: "llama" })({ prompt: "count" }, ctx);
    expect(answer).toEqual({
      response: "One  two\nthree.",
      model: "llama",
      finish_reason: finishReason,
      usage: { input_tokens: 12, output_tokens: 7 },
    });
    expect(thoughts).toEqual(["One", "  two", "\nthree."]);
    expect(server.requests[0]?.body).toMatchObject({ stream: true, model: "llama" });
  });

  test("with stream: false answers the same and streams nothing", async () => {
    await using server = await startFakeModelServer();
    const { ctx, thoughts } = fakeNeuronContext();
    const answer = await makeNeuron(server, { model: "m", stream: false })({ text: "hi" }, ctx);
    expect(answer).toMatchObject({
      response: "You said: hi",
      finish_reason: finishReason,
      usage: { output_tokens: 7 },
    });
    expect(thoughts).toEqual([]);
    expect(server.requests[0]?.body["stream"]).toBe(false);
  });

  test.each([true, false])("usage is null when the server sends none (stream: %p)", async (stream) => {
    await using server = await startFakeModelServer();
    const answer = await makeNeuron(server, { model: "no-usage", stream })({ prompt: "hi" }, fakeNeuronContext().ctx);
    expect(answer).toMatchObject({ response: "No numbers.", usage: null });
  });

  test("sends key, headers, temperature and the token limit", async () => {
    await using server = await startFakeModelServer();
    const neuron = makeNeuron(server, {
      model: "m",
      apiKey: "sk-secret",
      headers: { "x-team": "blue" },
      temperature: 0.5,
      maxTokens: 256,
    });
    await neuron({ prompt: "hi" }, fakeNeuronContext().ctx);
    const [request] = server.requests;
    expect(JSON.stringify(request?.headers)).toContain("sk-secret");
    expect(request?.headers["x-team"]).toBe("blue");
    expect(request?.body).toMatchObject({ temperature: 0.5, max_tokens: 256 });
  });

  test("one neuron answers several tasks at once, each its own", async () => {
    await using server = await startFakeModelServer();
    const neuron = makeNeuron(server, { model: "m" });
    const words = ["a", "b", "c", "d"];
    const answers = await Promise.all(words.map(async (prompt) => neuron({ prompt }, fakeNeuronContext().ctx)));
    expect(answers).toMatchObject(words.map((word) => ({ response: `You said: ${word}` })));
  });

  test("earlier answers follow the input as turns", async () => {
    await using server = await startFakeModelServer();
    const { ctx } = fakeNeuronContext({
      answers: [
        { kind: "clarification", question: "Which style?", answer: "Plain." },
        { kind: "permission", question: "search the web", granted: false, answer: null },
      ],
    });
    const answer = await makeNeuron(server, { model: "m" })({ prompt: "Explain." }, ctx);
    expect(server.requests[0]?.body["messages"]).toMatchObject([
      { role: "user", content: "Explain." },
      { role: "assistant", content: "Which style?" },
      { role: "user", content: "Plain." },
      { role: "assistant", content: "May I: search the web?" },
      { role: "user", content: expect.stringContaining("DENIED") },
    ]);
    expect(answer).toMatchObject({ response: expect.stringContaining("DENIED") });
  });

  test("an input it cannot read is INPUT_INVALID and asks no model", async () => {
    await using server = await startFakeModelServer();
    const failure = await failureOf(makeNeuron(server, { model: "m" })({ question: "?" }, fakeNeuronContext().ctx));
    expect(failure).toMatchObject({ code: "INPUT_INVALID", recoverable: false });
    expect(server.requests).toHaveLength(0);
  });

  test("tries again after a 429 and answers", async () => {
    await using server = await startFakeModelServer();
    const answer = await makeNeuron(server, { model: "rate-limited-once" })({ prompt: "hi" }, fakeNeuronContext().ctx);
    expect(answer).toMatchObject({ response: "You said: hi" });
    expect(server.requests).toHaveLength(2);
  });

  test.each<[model: string, code: string, recoverable: boolean, text: string]>([
    ["rate-limited", "MODEL_RATE_LIMITED", true, "429 slow down"],
    ["out-of-quota", "MODEL_REFUSED_REQUEST", false, "429 no money"],
    ["overloaded", "MODEL_OVERLOADED", true, "529 Overloaded"],
    ["refused", "MODEL_REFUSED_REQUEST", false, "400 no such parameter"],
  ])("%s is %s, and the message says where and what", async (model, code, recoverable, text) => {
    await using server = await startFakeModelServer();
    const neuron = makeNeuron(server, { model, maxRetries: 0 });
    const failure = await failureOf(neuron({ prompt: "hi" }, fakeNeuronContext().ctx));
    const host = new URL(server.anthropicUrl).host;
    expect(failure).toMatchObject({ code, recoverable, message: `model "${model}" at ${host}: ${text}` });
  });

  test("a proxy's page is MODEL_UNAVAILABLE, cut to a length that can travel", async () => {
    await using server = await startFakeModelServer();
    const neuron = makeNeuron(server, { model: "bad-gateway", maxRetries: 0 });
    const failure = await failureOf(neuron({ prompt: "hi" }, fakeNeuronContext().ctx));
    expect(failure).toMatchObject({ code: "MODEL_UNAVAILABLE", recoverable: true });
    expect(failure.message).toContain("502 <html>bad gateway");
    expect(failure.message).toHaveLength(1_001);
  });

  test("tries maxRetries times again, and no more", async () => {
    await using server = await startFakeModelServer();
    const neuron = makeNeuron(server, { model: "rate-limited", maxRetries: 1 });
    expect((await failureOf(neuron({ prompt: "hi" }, fakeNeuronContext().ctx))).code).toBe("MODEL_RATE_LIMITED");
    expect(server.requests).toHaveLength(2);
  });

  test.each<[model: string, code: string]>([
    ["error-mid-stream", "MODEL_OVERLOADED"],
    ["cut-mid-stream", "MODEL_UNAVAILABLE"],
    ["ends-early", "MODEL_UNAVAILABLE"],
    ["not-json", "MODEL_UNAVAILABLE"],
  ])("%s is %s, recoverable, and half an answer is no answer", async (model, code) => {
    await using server = await startFakeModelServer();
    const { ctx, thoughts } = fakeNeuronContext();
    const failure = await failureOf(makeNeuron(server, { model })({ prompt: "hi" }, ctx));
    expect(failure).toMatchObject({ code, recoverable: true });
    expect(thoughts).toEqual(["You"]);
    expect(server.requests).toHaveLength(1);
  });

  test("a server that is not there is MODEL_UNAVAILABLE, with the reason", async () => {
    let neuron: ReturnType<MakeNeuron>;
    {
      await using server = await startFakeModelServer();
      neuron = makeNeuron(server, { model: "m", maxRetries: 0 });
    }
    const failure = await failureOf(neuron({ prompt: "hi" }, fakeNeuronContext().ctx));
    expect(failure).toMatchObject({ code: "MODEL_UNAVAILABLE", recoverable: true });
    expect(failure.message).toContain("ECONNREFUSED");
  });

  test.each(["stuck", "silent"])(
    "%s: silence beyond timeoutMs is MODEL_TIMEOUT and closes the request",
    async (model) => {
      await using server = await startFakeModelServer();
      const neuron = makeNeuron(server, { model, timeoutMs: 500, maxRetries: 0 });
      const failure = await failureOf(neuron({ prompt: "hi" }, fakeNeuronContext().ctx));
      expect(failure).toMatchObject({ code: "MODEL_TIMEOUT", recoverable: true });
      await server.requests[0]?.closed;
      expect(server.requests[0]?.aborted).toBe(true);
    },
  );

  test("an abort in the middle of the stream reaches the server, and is CANCELLED", async () => {
    await using server = await startFakeModelServer();
    const cancel = new AbortController();
    const { ctx } = fakeNeuronContext({ signal: cancel.signal, thought: () => cancel.abort() });
    const failure = await failureOf(makeNeuron(server, { model: "stuck" })({ prompt: "hi" }, ctx));
    expect(failure).toMatchObject({ code: "CANCELLED", recoverable: false });
    const request = await server.firstRequest;
    await request.closed;
    expect(request.aborted).toBe(true);
  });

  test("does not try again when the server asks for a long pause", async () => {
    await using server = await startFakeModelServer();
    const neuron = makeNeuron(server, { model: "rate-limited-long" });
    const failure = await failureOf(neuron({ prompt: "hi" }, fakeNeuronContext().ctx));
    expect(failure).toMatchObject({ code: "MODEL_RATE_LIMITED", recoverable: true });
    expect(failure.message).toContain("429 slow down");
    expect(server.requests).toHaveLength(1);
  });

  test.each([true, false])("an abort before the answer begins reaches the server (stream: %p)", async (stream) => {
    await using server = await startFakeModelServer();
    const cancel = new AbortController();
    const { ctx } = fakeNeuronContext({ signal: cancel.signal });
    const failing = failureOf(makeNeuron(server, { model: "silent", stream })({ prompt: "hi" }, ctx));
    const request = await server.firstRequest;
    cancel.abort();
    expect((await failing).code).toBe("CANCELLED");
    await request.closed;
    expect(request.aborted).toBe(true);
  });

  test("a run that is aborted already asks no model", async () => {
    await using server = await startFakeModelServer();
    const { ctx } = fakeNeuronContext({ signal: AbortSignal.abort() });
    expect((await failureOf(makeNeuron(server, { model: "m" })({ prompt: "hi" }, ctx))).code).toBe("CANCELLED");
    expect(server.requests).toHaveLength(0);
  });

  test("leaves no timer behind, whether it answers or fails", async () => {
    await using server = await startFakeModelServer();
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    await makeNeuron(server, { model: "m" })({ prompt: "hi" }, fakeNeuronContext().ctx);
    await failureOf(makeNeuron(server, { model: "error-mid-stream" })({ prompt: "hi" }, fakeNeuronContext().ctx));
    expect(timers()).toBe(before);
  });

  test("no failure shows a secret, also when the server repeats it", async () => {
    await using server = await startFakeModelServer();
    const neuron = makeNeuron(server, { model: "unauthorized", apiKey: "sk-secret" });
    const failure = await failureOf(neuron({ prompt: "hi" }, fakeNeuronContext().ctx));
    expect(failure).toMatchObject({ code: "MODEL_REFUSED_REQUEST", message: expect.stringContaining("[redacted]") });
    expect(`${failure.message} ${failure.stack} ${JSON.stringify(failure)}`).not.toContain("sk-secret");
    expect("cause" in failure).toBe(false);
  });

  test("what ctx.thought throws is not taken for a failure of the model, and closes the request", async () => {
    await using server = await startFakeModelServer();
    const broken = new TypeError("listener");
    const { ctx } = fakeNeuronContext({
      thought: () => {
        throw broken;
      },
    });
    await expect(makeNeuron(server, { model: "stuck" })({ prompt: "hi" }, ctx)).rejects.toBe(broken);
    const request = await server.firstRequest;
    await request.closed;
    expect(request.aborted).toBe(true);
  });
});

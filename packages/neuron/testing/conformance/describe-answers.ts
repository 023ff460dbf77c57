/** Section: what a Model makes of answers that are whole, streamed and not. */
import { describe, expect, test } from "@jest/globals";
import type { ModelMessage, ModelToolCall } from "../../src/model/message.ts";
import type { ModelParams, ModelResponse, ToolSpec } from "../../src/model/model.ts";
import { ANSWERS } from "../scenarios.ts";
import { expectInOrder, failureOf } from "./suite.ts";
import type { ModelServer, ModelUnderTest, Open } from "./suite.ts";

const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const TOOLS: ToolSpec[] = [
  { name: "weather", description: "The weather of a city.", parameters: CITY },
  { name: "clock", description: "What time it is.", parameters: { type: "object", properties: {} } },
];
const TRIP = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" }, note: { type: "string" } },
  required: ["city", "days"],
  additionalProperties: false,
};

/** An answer as the conversation goes on with it: calls get ids of ours. */
function toTurns({ text, toolCalls, reasoningBlocks }: ModelResponse): ModelMessage[] {
  const calls = toolCalls.map((call, at): ModelToolCall => ({ ...call, id: `ours_${at}` }));
  return [
    { role: "assistant", content: text, toolCalls: calls, reasoning: reasoningBlocks },
    ...calls.map(({ id, name, providerCallId }): ModelMessage => ({
      ...{ role: "tool", callId: id, providerCallId, toolName: name, content: `result of ${id}` },
    })),
  ];
}

export function describeAnswers(open: Open, subject: ModelUnderTest<ModelServer>): void {
  const { vendor, takesReasoningBack, countsCacheWrites = true } = subject;

  test("has a vendor and a default model", async () => {
    await using stage = await open("says-a-text");
    expect(stage.model).toMatchObject({ vendor, model: "says-a-text" });
  });

  test("streams the text piece by piece, and gives the whole of it", async () => {
    await using stage = await open("says-a-text");
    const answer = await stage.streamed();
    expect(answer.text).toBe("One  two\nthree.");
    expect(stage.deltas).toEqual(["One", "  two", "\nthree."].map((text) => ({ type: "text", text })));
    expect(answer).toMatchObject({ toolCalls: [], reasoning: null, reasoningBlocks: [], model: "says-a-text" });
    expect(answer.finishReason).toEqual(expect.any(String));
    expect(stage.server.requests[0]?.body).toMatchObject({ stream: true });
  });

  test("a request may name another model", async () => {
    await using stage = await open("says-a-text");
    const answer = await stage.call({ model: "gives-json" });
    expect(answer).toMatchObject({ model: "gives-json", text: ANSWERS["gives-json"].parts[0].text });
  });

  test("several calls at once get an answer each", async () => {
    await using stage = await open("says-a-text");
    const models = ["says-a-text", "zero-usage", "cached-usage"];
    const answers = await Promise.all(models.map((model) => stage.streamed({ model })));
    expect(answers.map(({ model }) => model)).toEqual(models);
  });

  test("keeps what was sent and what came", async () => {
    await using stage = await open("says-a-text");
    for (const call of [stage.call, stage.streamed]) {
      const { providerRequest, providerResponse } = await call();
      expect(providerRequest).toEqual(stage.server.requests.at(-1)?.body);
      expect(JSON.stringify(providerResponse)).toContain("three.");
    }
  });

  describe.each(["call", "streamed"] as const)("%s", (way) => {
    test("the call in which the token limit ended the answer has a problem, and those before it have none", async () => {
      await using stage = await open("is-cut-in-a-call");
      const { toolCalls } = await stage[way]();
      expect(toolCalls.map(({ name, problem }) => [name, problem])).toEqual([
        ["weather", undefined],
        ["clock", expect.stringContaining("token limit")],
      ]);
    });

    test("a text that the token limit cut off is an answer, with another finish reason than a whole one", async () => {
      await using stage = await open("is-cut-in-a-text");
      const { text, finishReason } = await stage[way]();
      expect([text, finishReason]).toEqual(["One and", expect.any(String)]);
      expect(finishReason).not.toBe((await stage[way]({ model: "says-a-text" })).finishReason);
    });

    test("usage is null where the server does not say", async () => {
      await using stage = await open("no-usage");
      expect((await stage[way]()).usage).toEqual({
        inputTokens: null,
        outputTokens: null,
        cacheReadInputTokens: null,
        cacheCreationInputTokens: null,
        reasoningTokens: null,
      });
    });

    test("usage is 0 where the server says 0", async () => {
      await using stage = await open("zero-usage");
      expect((await stage[way]()).usage).toEqual({
        inputTokens: 0,
        outputTokens: 0,
        cacheReadInputTokens: 0,
        cacheCreationInputTokens: countsCacheWrites ? 0 : null,
        reasoningTokens: 0,
      });
    });

    test("cached tokens are counted apart from fresh ones", async () => {
      await using stage = await open("cached-usage");
      expect((await stage[way]()).usage).toEqual({
        inputTokens: 5,
        outputTokens: 9,
        cacheReadInputTokens: 80,
        cacheCreationInputTokens: countsCacheWrites ? 15 : null,
        reasoningTokens: 4,
      });
    });

    test("tells the model its tools, and gives its call", async () => {
      await using stage = await open("calls-a-tool");
      const answer = await stage[way]({ tools: TOOLS });
      expect(answer.text).toBe("Let me look.");
      expect(answer.toolCalls).toEqual([{ providerCallId: "call00001", name: "weather", params: { city: "Bern" } }]);
      const told = JSON.stringify(stage.server.requests[0]?.body["tools"]);
      expectInOrder(told, ["weather", "The weather of a city.", '"required":["city"]', "clock"]);
    });

    test("gives several calls of one answer in order; one without arguments has none", async () => {
      await using stage = await open("calls-two-tools");
      const { toolCalls } = await stage[way]({ tools: TOOLS });
      expect(toolCalls).toEqual([
        { providerCallId: "call00001", name: "weather", params: { city: "Bern" } },
        { providerCallId: "call00002", name: "clock", params: {} },
      ]);
    });

    test("arguments that are no JSON object are a problem of the call, not of the answer", async () => {
      await using stage = await open("breaks-arguments");
      const { toolCalls } = await stage[way]({ tools: TOOLS });
      expect(toolCalls).toMatchObject([
        { name: "weather", params: {}, problem: expect.stringContaining('{"city":"Ber') },
        { name: "weather", params: {}, problem: expect.stringContaining('["Bern"]') },
      ]);
    });

    test("structured output is parsed, and its schema sent", async () => {
      await using stage = await open("gives-json");
      const answer = await stage[way]({ outputSchema: TRIP });
      expect(answer.output).toEqual({ city: "Bern", days: 3 });
      expect(JSON.stringify(stage.server.requests[0]?.body)).toContain('"days":{"type":"integer"');
    });

    test("structured output that is no JSON is undefined, and the text is there", async () => {
      await using stage = await open("gives-no-json");
      const answer = await stage[way]({ outputSchema: TRIP });
      expect(answer).toMatchObject({ text: "I would rather not." });
      expect(answer.output).toBeUndefined();
    });

    test("without a schema there is no output", async () => {
      await using stage = await open("gives-json");
      expect(await stage[way]()).not.toHaveProperty("output");
    });

    test("what the model thought is told", async () => {
      await using stage = await open("thinks");
      const answer = await stage[way]({ tools: TOOLS });
      expectInOrder(answer.reasoning ?? "", ["Which city?", "And when?"]);
      expect(answer.text).toBe("");
      const thoughts = stage.deltas.filter(({ type }) => type === "reasoning").map(({ text }) => text);
      if (way === "streamed") expectInOrder(thoughts.join(""), ["Which city?", "And when?"]);
    });

    test("what the model thought goes back where it stood, as the vendor gave it; results answer their calls", async () => {
      await using stage = await open("thinks");
      const messages: ModelMessage[] = [{ role: "user", content: "hi" }];
      const answer = await stage[way]({ messages, tools: TOOLS });
      expect(answer.reasoningBlocks.every((block) => block.vendor === vendor)).toBe(true);
      // As a journal keeps it.
      const blocks = JSON.parse(JSON.stringify(answer.reasoningBlocks)) as typeof answer.reasoningBlocks;
      const turns = toTurns({ ...answer, reasoningBlocks: blocks });
      await stage[way]({ model: "says-a-text", messages: [...messages, ...turns], tools: TOOLS });
      const sent = JSON.stringify(stage.server.requests[1]?.body);
      const seals = takesReasoningBack ? ["seal-1", "call00001", "seal-2", "call00002"] : ["call00001", "call00002"];
      expectInOrder(sent, [...seals, "result of ours_0", "result of ours_1"]);
      expect(sent.includes("seal-")).toBe(takesReasoningBack);
      expect(sent).not.toContain('"ours_');
    });
  });

  test("what another vendor's model thought, and its ids that do not fit, are not sent", async () => {
    await using stage = await open("says-a-text");
    await stage.call({
      messages: [
        { role: "user", content: "hi" },
        {
          role: "assistant",
          content: "Looking.",
          toolCalls: [{ id: "ours00001", providerCallId: "functions.weather:0", name: "weather", params: {} }],
          reasoning: [{ vendor: "another", block: { afterText: false, afterCalls: 0, block: { seal: "foreign" } } }],
        },
        { role: "tool", callId: "ours00001", providerCallId: null, toolName: "weather", content: "sun" },
      ],
    });
    const sent = JSON.stringify(stage.server.requests[0]?.body);
    expectInOrder(sent, ["Looking.", "ours00001", "sun"]);
    expect(sent).not.toContain("foreign");
    expect(sent).not.toContain("functions.weather:0");
  });

  test("two calls with one vendor id are told apart", async () => {
    await using stage = await open("says-a-text");
    const turn = (id: string): ModelMessage[] => [
      {
        role: "assistant",
        content: "",
        toolCalls: [{ id, providerCallId: "call00000", name: "weather", params: {} }],
      },
      { role: "tool", callId: id, providerCallId: "call00000", toolName: "weather", content: `for ${id}` },
    ];
    await stage.call({ messages: [{ role: "user", content: "hi" }, ...turn("ours00001"), ...turn("ours00002")] });
    const sent = JSON.stringify(stage.server.requests[0]?.body);
    expect(sent.split("call00000")).toHaveLength(3);
    expect(sent.split('"ours00002"')).toHaveLength(3);
  });

  test.each<[string, ModelMessage[], string]>([
    [
      "a result of no call",
      [{ role: "tool", callId: "c1", providerCallId: null, toolName: "weather", content: "sun" }],
      'answers the call "c1", which no assistant message before it made',
    ],
    [
      "two calls with one id",
      ["a", "b"].map((content) => ({
        ...{ role: "assistant", content, toolCalls: [{ id: "c1", providerCallId: null, name: "x", params: {} }] },
      })),
      'two tool calls have the id "c1"',
    ],
  ])("refuses %s before it is sent", async (_what, turns, problem) => {
    await using stage = await open("says-a-text");
    const failure = await failureOf(stage.call({ messages: [{ role: "user", content: "hi" }, ...turns] }));
    expect(failure).toMatchObject({ code: "MODEL_REFUSED_REQUEST", message: expect.stringContaining(problem) });
    expect(stage.server.requests).toHaveLength(0);
  });

  test("refuses a setting that nobody knows, before it is sent", async () => {
    await using stage = await open("says-a-text");
    const params = { temprature: 1 } as ModelParams;
    await expect(stage.call({ params })).rejects.toMatchObject({
      name: "ProviderOptionsError",
      message: expect.stringContaining('params has "temprature", and may have temperature'),
    });
    expect(stage.server.requests).toHaveLength(0);
  });

  test("the price of a model nobody knows is null", async () => {
    await using stage = await open("says-a-text");
    const { usage } = await stage.call();
    expect(stage.model.costOf("says-a-text", usage)).toBeNull();
  });
}

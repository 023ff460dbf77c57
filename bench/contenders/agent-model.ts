/** The model and the tool of agent/runs: both answer at once, so that what is measured is what lies around them. */
import type { Model, ModelRequest, ModelResponse } from "@myelin/neuron";

const USAGE = {
  inputTokens: 120,
  outputTokens: 30,
  cacheReadInputTokens: null,
  cacheCreationInputTokens: null,
  reasoningTokens: null,
};

/** Asks for the tool first, and answers once it has its result. */
export const instantModel: Model = {
  vendor: "bench",
  model: "instant-1",
  generate: ({ messages }: ModelRequest): Promise<ModelResponse> => {
    const hasResult = messages.some(({ role }) => role === "tool");
    return Promise.resolve({
      text: hasResult ? ANSWER : "",
      toolCalls: hasResult ? [] : [{ providerCallId: "call-1", name: "add", params: { a: 1, b: 2 } }],
      reasoning: null,
      reasoningBlocks: [],
      model: "instant-1",
      finishReason: hasResult ? "stop" : "tool_calls",
      usage: USAGE,
      providerRequest: null,
      providerResponse: null,
    });
  },
  costOf: () => 300_000,
  close: () => Promise.resolve(),
};

export const ANSWER = "The sum of the two numbers is 3.";
export const QUESTION = "What is the sum of 1 and 2?";
export const add = ({ a, b }: { a: number; b: number }): { sum: number } => ({ sum: a + b });

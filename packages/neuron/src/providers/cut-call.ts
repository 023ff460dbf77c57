/** Cut call: the tool call in which the token limit ended an answer. What is left of its parameters may read as whole ones. */

import type { ModelResponse } from "../model/model.ts";

/** In the vendors' words: chat completions, Anthropic, Responses; then a full context window, at Mistral and Anthropic. */
const LIMIT_REACHED: ReadonlySet<string | null> = new Set([
  ...["length", "max_tokens", "max_output_tokens"],
  ...["model_length", "model_context_window_exceeded"],
]);

const CUT_OFF = "cut off by the token limit (max_tokens); its parameters are incomplete";

/** The calls of an answer. The last one of an answer that was cut has a `problem`, so that nobody runs it. */
export function markCutCall({ toolCalls, finishReason }: Answered): ModelResponse["toolCalls"] {
  const last = toolCalls.at(-1);
  if (last === undefined || !LIMIT_REACHED.has(finishReason)) return toolCalls;
  return [...toolCalls.slice(0, -1), { ...last, problem: last.problem ?? CUT_OFF }];
}

type Answered = Pick<ModelResponse, "toolCalls" | "finishReason">;

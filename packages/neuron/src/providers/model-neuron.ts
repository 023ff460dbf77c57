/** Model neuron: a neuron that asks a `Model` once: input as a conversation, the answer streamed to `ctx.thought` and given. */

import type { Model } from "../model/model.ts";
import type { Neuron } from "../neuron.ts";
import type { JsonObject } from "../outcomes.ts";
import { toChatTurns, toFollowUpTurns } from "./chat-turns.ts";
import type { ModelSettings } from "./model-options.ts";

/** What a model neuron answers; it goes over the wire as it is. */
export type ModelAnswer = {
  /** The whole text; `""` when the model said nothing. */
  response: string;
  /** The model that answered, as the server names it. */
  model: string;
  /** Why it stopped, in the vendor's word: `stop`, `length`, `end_turn`, `max_tokens`, … */
  finish_reason: string;
  /** Tokens read (those a cache served not counted) and written; null when the server does not say. */
  usage: { input_tokens: number; output_tokens: number } | null;
};

/** What of the settings the model does not know already. */
type CallSettings = Pick<ModelSettings, "system" | "temperature" | "stream">;

export function createModelNeuron(
  { system, temperature, stream }: CallSettings,
  model: Model,
): Neuron<JsonObject, ModelAnswer> {
  const head = system === null ? [] : [{ role: "system" as const, content: system }];
  return async (input, ctx) => {
    const messages = [...head, ...toChatTurns(input), ...toFollowUpTurns(ctx.answers)];
    const answer = await model.generate(
      { messages, ...(temperature === null ? {} : { params: { temperature } }) },
      {
        signal: ctx.signal,
        onDelta: stream ? ({ type, text }) => void (type === "text" && ctx.thought(text)) : undefined,
      },
    );
    const { inputTokens, outputTokens } = answer.usage;
    return {
      response: answer.text,
      model: answer.model,
      finish_reason: answer.finishReason ?? "",
      usage:
        inputTokens === null && outputTokens === null
          ? null
          : { input_tokens: inputTokens ?? 0, output_tokens: outputTokens ?? 0 },
    };
  };
}

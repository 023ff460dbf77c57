/** OpenAI convert: our settings and turns as a chat-completions request, and its chunks as pieces. Pure. */

import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionCreateParams,
} from "openai/resources/chat/completions";
import type { ChatTurn } from "../chat-turns.ts";
import type { ModelPiece } from "../model-neuron.ts";
import type { ModelSettings } from "../model-options.ts";

/** What both kinds of request, streamed and not, hold. */
export function toOpenaiRequest(
  { model, system, maxTokens, temperature, baseURL }: ModelSettings,
  turns: readonly ChatTurn[],
): Omit<ChatCompletionCreateParams, "stream" | "stream_options"> {
  const messages = turns.map(({ role, content }) => ({ role, content }));
  return {
    model,
    messages: system === null ? messages : [{ role: "system", content: system }, ...messages],
    ...(maxTokens === null ? {} : toTokenLimit(baseURL, maxTokens)),
    ...(temperature === null ? {} : { temperature }),
  };
}

/**
 * OpenAI's reasoning models refuse `max_tokens`; most compatible servers know nothing else.
 * https://platform.openai.com/docs/api-reference/chat/create#chat-create-max_completion_tokens
 */
function toTokenLimit(baseURL: string, maxTokens: number): { max_tokens: number } | { max_completion_tokens: number } {
  const isOpenai = new URL(baseURL).hostname === "api.openai.com";
  return isOpenai ? { max_completion_tokens: maxTokens } : { max_tokens: maxTokens };
}

/** A compatible server leaves out what it likes, whatever the SDK's types say: hence the question marks. */
type Loose<T> = { [K in keyof T]?: T[K] | null };

/** One chunk of a streamed answer. The last may hold the usage and no choice. */
export function toOpenaiPiece(chunk: Loose<ChatCompletionChunk>): ModelPiece {
  const choice = chunk.choices?.[0];
  return {
    model: chunk.model,
    text: choice?.delta?.content ?? choice?.delta?.refusal,
    finishReason: choice?.finish_reason,
    inputTokens: chunk.usage?.prompt_tokens,
    outputTokens: chunk.usage?.completion_tokens,
  };
}

/** A whole answer as one piece. */
export function toOpenaiAnswerPiece(completion: Loose<ChatCompletion>): ModelPiece {
  const choice = completion.choices?.[0];
  return {
    model: completion.model,
    text: choice?.message?.content ?? choice?.message?.refusal,
    finishReason: choice?.finish_reason,
    inputTokens: completion.usage?.prompt_tokens,
    outputTokens: completion.usage?.completion_tokens,
  };
}

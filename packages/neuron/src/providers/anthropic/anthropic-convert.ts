/** Anthropic convert: our settings and turns as a messages request, and its events as pieces. Pure. */

import type { Message, MessageCreateParams, RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages";
import type { ChatTurn } from "../chat-turns.ts";
import type { ModelPiece } from "../model-neuron.ts";
import type { ModelSettings } from "../model-options.ts";

/** Used when neither the options nor the provider's default say: the wire demands a number. */
export const DEFAULT_MAX_TOKENS = 1024;

/** What both kinds of request hold. The wire has no system turns: they are joined into `system`, the option's first. */
export function toAnthropicRequest(
  { model, system, maxTokens, temperature }: ModelSettings,
  turns: readonly ChatTurn[],
): Omit<MessageCreateParams, "stream"> {
  const systems = [system, ...turns.filter(({ role }) => role === "system").map(({ content }) => content)];
  const prompt = systems.filter((text) => text !== null).join("\n\n");
  return {
    model,
    max_tokens: maxTokens ?? DEFAULT_MAX_TOKENS,
    messages: turns.flatMap(({ role, content }) => (role === "system" ? [] : [{ role, content }])),
    ...(prompt === "" ? {} : { system: prompt }),
    ...(temperature === null ? {} : { temperature }),
  };
}

/** One event of a streamed answer. Events that add nothing, and those of a later API, are empty pieces. */
export function toAnthropicPiece(event: RawMessageStreamEvent): ModelPiece {
  switch (event.type) {
    case "message_start":
      return {
        model: event.message?.model,
        inputTokens: event.message?.usage?.input_tokens,
        outputTokens: event.message?.usage?.output_tokens,
      };
    case "content_block_start":
      return { text: event.content_block?.type === "text" ? event.content_block.text : null };
    case "content_block_delta":
      return { text: event.delta?.type === "text_delta" ? event.delta.text : null };
    case "message_delta":
      return {
        finishReason: event.delta?.stop_reason,
        inputTokens: event.usage?.input_tokens,
        outputTokens: event.usage?.output_tokens,
      };
    default:
      return {};
  }
}

/** A whole answer as one piece: its text blocks joined. */
export function toAnthropicAnswerPiece(message: Message): ModelPiece {
  return {
    model: message.model,
    text: (message.content ?? []).flatMap((block) => (block.type === "text" ? [block.text] : [])).join(""),
    finishReason: message.stop_reason,
    inputTokens: message.usage?.input_tokens,
    outputTokens: message.usage?.output_tokens,
  };
}

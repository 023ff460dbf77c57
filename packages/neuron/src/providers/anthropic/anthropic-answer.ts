/** Anthropic answer: the events of a streamed messages call as one message, and a message as a `ModelResponse`. */

import type { Message, RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages";
import type { ModelDelta, ModelRequest, ModelResponse, ModelUsage } from "../../model/model.ts";
import { readParts } from "../answer-parts.ts";
import type { AnswerPart } from "../answer-parts.ts";
import { endedEarly } from "../model-failure.ts";
import { parseJson } from "../tool-arguments.ts";
import { ANTHROPIC } from "./anthropic-request.ts";

/** A message as it grows; compatible servers leave out what they like. `input` of a call that is no JSON stays a text. */
interface GrowingBlock {
  type: string;
  text?: string;
  thinking?: string;
  signature?: string;
  input?: unknown;
  [field: string]: unknown;
}

/** Adds up a stream. Yields what can be shown, null for other events; throws when it ends without a stop reason. */
export async function* readAnthropicStream(
  events: AsyncIterable<RawMessageStreamEvent>,
): AsyncGenerator<ModelDelta | null, Message, undefined> {
  let message = {} as Message;
  const blocks: GrowingBlock[] = [];
  const inputs = new Map<GrowingBlock, string>();
  for await (const event of events) {
    let delta: ModelDelta | null = null;
    switch (event.type) {
      case "message_start":
        message = { ...event.message };
        break;
      case "content_block_start": {
        const block = { ...event.content_block } as unknown as GrowingBlock;
        blocks[event.index] = block;
        if (block.type === "text" && block.text) delta = { type: "text", text: block.text };
        if (block.type === "thinking" && block.thinking) delta = { type: "reasoning", text: block.thinking };
        break;
      }
      case "content_block_delta": {
        const block = (blocks[event.index] ??= { type: "text", text: "" });
        const part = event.delta;
        if (part.type === "text_delta") {
          block.text = (block.text ?? "") + part.text;
          delta = { type: "text", text: part.text };
        } else if (part.type === "thinking_delta") {
          block.thinking = (block.thinking ?? "") + part.thinking;
          delta = { type: "reasoning", text: part.thinking };
        } else if (part.type === "signature_delta") block.signature = part.signature;
        else if (part.type === "input_json_delta") inputs.set(block, (inputs.get(block) ?? "") + part.partial_json);
        break;
      }
      case "message_delta": {
        const said = Object.entries(event.usage ?? {}).filter(([, count]) => count !== null);
        const usage = { ...message.usage, ...Object.fromEntries(said) };
        message = { ...message, ...event.delta, ...(message.usage || said.length > 0 ? { usage } : {}) };
        break;
      }
      default: // `content_block_stop`, `message_stop`, and events of a later API, add nothing
    }
    yield delta !== null && delta.text === "" ? null : delta;
  }
  if (!message.stop_reason) throw endedEarly();
  for (const [block, json] of inputs) if (json !== "") block.input = parseJson(json) ?? json;
  return { ...message, content: blocks.filter(Boolean) as unknown as Message["content"] };
}

export function toAnthropicResponse(
  message: Message,
  { outputSchema }: ModelRequest,
): Omit<ModelResponse, "providerRequest" | "providerResponse"> {
  const read = readParts(ANTHROPIC, (message.content ?? []).flatMap(toPart));
  return {
    ...read,
    ...(outputSchema === undefined ? {} : { output: parseJson(read.text) }),
    model: message.model,
    finishReason: message.stop_reason,
    usage: toUsage(message.usage),
  };
}

function toPart(block: Message["content"][number]): AnswerPart[] {
  switch (block.type) {
    case "text":
      return [{ kind: "text", text: block.text }];
    case "tool_use":
      return [{ kind: "call", id: block.id, name: block.name, args: block.input }];
    case "thinking":
      return [{ kind: "reasoning", text: block.thinking ?? "", block }];
    case "redacted_thinking":
      return [{ kind: "reasoning", text: "", block }];
    default:
      return []; // what the server's own tools did: in `providerResponse`
  }
}

/** `input_tokens` is without cached ones already. */
function toUsage(usage: Message["usage"] | undefined): ModelUsage {
  return {
    inputTokens: usage?.input_tokens ?? null,
    outputTokens: usage?.output_tokens ?? null,
    cacheReadInputTokens: usage?.cache_read_input_tokens ?? null,
    cacheCreationInputTokens: usage?.cache_creation_input_tokens ?? null,
    reasoningTokens: usage?.output_tokens_details?.thinking_tokens ?? null,
  };
}

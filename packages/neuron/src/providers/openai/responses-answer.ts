/** Responses answer: the events of a streamed response as the response, and a response as a `ModelResponse`. */

import type { Response, ResponseOutputItem, ResponseStreamEvent } from "openai/resources/responses/responses";
import type { ModelDelta, ModelRequest, ModelResponse, ModelUsage } from "../../model/model.ts";
import { readParts } from "../answer-parts.ts";
import type { AnswerPart } from "../answer-parts.ts";
import { StreamedError, endedEarly } from "../model-failure.ts";
import { parseJson } from "../tool-arguments.ts";
import { OPENAI_RESPONSES } from "./responses-request.ts";
import { withoutFilledNulls } from "./strict-schema.ts";

/** The last event holds the whole response. Yields what can be shown, null for other events; throws when it does not come. */
export async function* readResponsesStream(
  events: AsyncIterable<ResponseStreamEvent>,
): AsyncGenerator<ModelDelta | null, Response, undefined> {
  let response: Response | undefined;
  for await (const event of events) {
    switch (event.type) {
      case "response.output_text.delta":
      case "response.refusal.delta":
        yield { type: "text", text: event.delta };
        break;
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        yield { type: "reasoning", text: event.delta };
        break;
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        response = event.response;
        yield null;
        break;
      case "error":
        throw new StreamedError(event.code, event.message);
      default:
        yield null;
    }
  }
  return requireEnded(response);
}

/** Throws when the response failed, or is none that has ended. */
export function requireEnded(response: Response | undefined): Response {
  if (response?.status === "failed" || response?.status === "cancelled") {
    throw new StreamedError(response.error?.code ?? null, response.error?.message ?? "the server gave no reason");
  }
  if (response?.status !== "completed" && response?.status !== "incomplete") throw endedEarly();
  return response;
}

export function toResponsesResponse(
  response: Response,
  { outputSchema }: ModelRequest,
): Omit<ModelResponse, "providerRequest" | "providerResponse"> {
  const read = readParts(OPENAI_RESPONSES, (response.output ?? []).flatMap(toParts));
  return {
    ...read,
    ...(outputSchema === undefined ? {} : { output: withoutFilledNulls(parseJson(read.text), outputSchema) }),
    model: response.model,
    finishReason: response.incomplete_details?.reason || response.status || null,
    usage: toUsage(response.usage),
  };
}

function toParts(item: ResponseOutputItem): AnswerPart[] {
  switch (item.type) {
    case "message":
      return item.content.map((part) => ({
        kind: "text",
        text: part.type === "refusal" ? part.refusal : part.text,
      }));
    case "function_call":
      return [{ kind: "call", id: item.call_id, name: item.name, args: item.arguments }];
    case "reasoning": {
      const texts = [...(item.summary ?? []), ...(item.content ?? [])].map(({ text }) => text);
      return [{ kind: "reasoning", text: texts.join("\n\n"), block: item }];
    }
    default:
      return []; // what the server's own tools did: in `providerResponse`
  }
}

/** Cached tokens, read and written, are counted in `input_tokens` on this wire. */
function toUsage(usage: Response["usage"]): ModelUsage {
  const read = usage?.input_tokens_details?.cached_tokens ?? null;
  const written = usage?.input_tokens_details?.cache_write_tokens ?? null;
  const input = usage?.input_tokens ?? null;
  return {
    inputTokens: input === null ? null : Math.max(0, input - (read ?? 0) - (written ?? 0)),
    outputTokens: usage?.output_tokens ?? null,
    cacheReadInputTokens: read,
    cacheCreationInputTokens: written,
    reasoningTokens: usage?.output_tokens_details?.reasoning_tokens ?? null,
  };
}

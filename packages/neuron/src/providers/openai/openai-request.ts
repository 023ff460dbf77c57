/** OpenAI request: a `ModelRequest` as the body of a chat-completions call. Pure. */

import type { ChatCompletionCreateParams, ChatCompletionMessageParam } from "openai/resources/chat/completions";
import { ProviderOptionsError } from "../../errors.ts";
import type { ModelMessage } from "../../model/message.ts";
import type { ModelRequest } from "../../model/model.ts";
import { writeParts } from "../answer-parts.ts";
import { COMMON_CALL_IDS, toWireIds } from "../call-ids.ts";
import type { CallIdRule } from "../call-ids.ts";
import { isOfficial } from "./openai-options.ts";
import { toStrictSchema } from "./strict-schema.ts";

/** What servers that speak the wire differ in. */
export interface OpenaiDialect {
  readonly vendor: string;
  readonly callIds?: CallIdRule | undefined;
  /** Refuses `stream_options`, and says the usage of a stream unasked. */
  readonly refusesStreamOptions?: boolean | undefined;
  /** Its word for `seed`. */
  readonly seedWord?: string | undefined;
}

export interface OpenaiSettings {
  readonly baseURL: string;
  readonly maxTokens: number | null;
  readonly promptCache: boolean;
  readonly dialect: OpenaiDialect;
}

export type OpenaiBody = ChatCompletionCreateParams & { readonly stream: boolean };

export function toOpenaiBody(
  { messages, tools = [], params = {}, outputSchema, cacheKey }: ModelRequest,
  model: string,
  isStreamed: boolean,
  { baseURL, maxTokens, promptCache, dialect }: OpenaiSettings,
): OpenaiBody {
  const { vendor, refusesStreamOptions, seedWord = "seed" } = dialect;
  if (params.thinkingBudget !== undefined) {
    throw new ProviderOptionsError(`${vendor}: the server takes no thinkingBudget; use effort`);
  }
  const official = isOfficial(baseURL);
  const limit = params.maxTokens ?? maxTokens;
  const hasCacheKey = official && promptCache && cacheKey !== undefined;
  return {
    model,
    messages: toMessages(messages, dialect),
    stream: isStreamed,
    ...(isStreamed && refusesStreamOptions !== true ? { stream_options: { include_usage: true } } : {}),
    ...(tools.length === 0
      ? {}
      : { tools: tools.map((tool) => ({ type: "function" as const, function: { ...tool } })) }),
    ...(outputSchema === undefined ? {} : { response_format: toFormat(outputSchema) }),
    // OpenAI's reasoning models refuse `max_tokens`; most compatible servers know nothing else.
    // https://developers.openai.com/api/reference/resources/chat#max_completion_tokens
    ...(limit === null ? {} : official ? { max_completion_tokens: limit } : { max_tokens: limit }),
    ...(hasCacheKey ? { prompt_cache_key: cacheKey } : {}),
    ...(params.temperature === undefined ? {} : { temperature: params.temperature }),
    ...(params.topP === undefined ? {} : { top_p: params.topP }),
    ...(params.stop === undefined ? {} : { stop: [...params.stop] }),
    ...(params.seed === undefined ? {} : { [seedWord]: params.seed }),
    ...(params.effort === undefined ? {} : { reasoning_effort: params.effort }),
  } as OpenaiBody;
}

function toFormat(outputSchema: NonNullable<ModelRequest["outputSchema"]>) {
  const { schema, isStrict } = toStrictSchema(outputSchema);
  return { type: "json_schema" as const, json_schema: { name: "output", strict: isStrict, schema } };
}

function toMessages(
  messages: readonly ModelMessage[],
  { vendor, callIds }: OpenaiDialect,
): ChatCompletionMessageParam[] {
  const wireIds = toWireIds(messages, callIds ?? COMMON_CALL_IDS);
  return messages.map((message): ChatCompletionMessageParam => {
    if (message.role === "tool") {
      return { role: "tool", tool_call_id: wireIds.get(message.callId) ?? message.callId, content: message.content };
    }
    if (message.role !== "assistant") return { role: message.role, content: message.content };
    const calls = writeParts(vendor, message).flatMap((part) => (part.kind === "call" ? [part.call] : []));
    if (calls.length === 0) return { role: "assistant", content: message.content };
    return {
      role: "assistant",
      content: message.content === "" ? null : message.content,
      tool_calls: calls.map(({ id, name, params }) => ({
        id: wireIds.get(id) ?? id,
        type: "function",
        function: { name, arguments: JSON.stringify(params) },
      })),
    };
  });
}

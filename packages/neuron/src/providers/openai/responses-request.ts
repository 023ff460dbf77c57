/** Responses request: a `ModelRequest` as the body of a call of OpenAI's Responses API. Pure. */

import type { ResponseCreateParams, ResponseInputItem } from "openai/resources/responses/responses";
import { ProviderOptionsError } from "../../errors.ts";
import type { ModelMessage } from "../../model/message.ts";
import type { ModelRequest } from "../../model/model.ts";
import { writeParts } from "../answer-parts.ts";
import { toWireIds } from "../call-ids.ts";
import { isOfficial } from "./openai-options.ts";
import { toStrictSchema } from "./strict-schema.ts";

export const OPENAI_RESPONSES = "openaiResponses";

export interface ResponsesSettings {
  readonly baseURL: string;
  readonly maxTokens: number | null;
  readonly promptCache: boolean;
}

export type ResponsesBody = ResponseCreateParams & { readonly stream: boolean };

/** Nothing is kept at the server (`store: false`): what the model thought travels with the conversation, sealed. */
export function toResponsesBody(
  { messages, tools = [], params = {}, outputSchema, cacheKey }: ModelRequest,
  model: string,
  isStreamed: boolean,
  { baseURL, maxTokens, promptCache }: ResponsesSettings,
): ResponsesBody {
  for (const name of ["stop", "seed", "thinkingBudget"] as const) {
    if (params[name] === undefined) continue;
    const fix = name === "thinkingBudget" ? "use effort" : "leave it out";
    throw new ProviderOptionsError(`${OPENAI_RESPONSES}: the server takes no ${name}; ${fix}`);
  }
  const official = isOfficial(baseURL);
  const limit = params.maxTokens ?? maxTokens;
  return {
    model,
    input: toItems(messages),
    stream: isStreamed,
    store: false,
    ...(official && isReasoningModel(model) ? { include: ["reasoning.encrypted_content"] } : {}),
    ...(tools.length === 0 ? {} : { tools: tools.map((tool) => ({ type: "function", ...tool, strict: false })) }),
    ...(outputSchema === undefined ? {} : { text: { format: toFormat(outputSchema) } }),
    ...(limit === null ? {} : { max_output_tokens: limit }),
    ...(official && promptCache && cacheKey !== undefined ? { prompt_cache_key: cacheKey } : {}),
    ...(params.temperature === undefined ? {} : { temperature: params.temperature }),
    ...(params.topP === undefined ? {} : { top_p: params.topP }),
    ...(params.effort === undefined ? {} : { reasoning: { effort: params.effort, summary: "auto" } }),
  } as ResponsesBody;
}

/** Others refuse to be asked for what they thought: "Encrypted content is not supported with this model." */
function isReasoningModel(model: string): boolean {
  return !/^(gpt-3|gpt-4|chatgpt|ft:gpt-[34])|-chat(-|$)/.test(model);
}

function toFormat(outputSchema: NonNullable<ModelRequest["outputSchema"]>) {
  const { schema, isStrict } = toStrictSchema(outputSchema);
  return { type: "json_schema", name: "output", strict: isStrict, schema };
}

function toItems(messages: readonly ModelMessage[]): ResponseInputItem[] {
  const wireIds = toWireIds(messages);
  return messages.flatMap((message): ResponseInputItem[] => {
    if (message.role === "tool") {
      const id = wireIds.get(message.callId) ?? message.callId;
      return [{ type: "function_call_output", call_id: id, output: message.content }];
    }
    if (message.role !== "assistant") return [{ role: message.role, content: message.content }];
    return writeParts(OPENAI_RESPONSES, message).map((part): ResponseInputItem => {
      if (part.kind === "text") return { role: "assistant", content: part.text };
      if (part.kind === "reasoning") return part.block as ResponseInputItem;
      const { id, name, params } = part.call;
      return { type: "function_call", call_id: wireIds.get(id) ?? id, name, arguments: JSON.stringify(params) };
    });
  });
}

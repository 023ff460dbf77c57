/** OpenAI answer: the chunks of a streamed chat completion as one completion, and a completion as a `ModelResponse`. */

import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions";
import type { ModelDelta, ModelRequest, ModelResponse, ModelUsage } from "../../model/model.ts";
import { readParts } from "../answer-parts.ts";
import type { AnswerPart } from "../answer-parts.ts";
import { endedEarly } from "../model-failure.ts";
import { parseJson } from "../tool-arguments.ts";
import { withoutFilledNulls } from "./strict-schema.ts";

/** A compatible server leaves out what it likes, whatever the SDK's types say: hence the question marks. */
type Loose<T> = { [K in keyof T]?: T[K] | null };

/** Words of compatible servers: `reasoning_content` (DeepSeek, vLLM) and `reasoning` (OpenRouter, Ollama, Groq). */
interface LooseMessage {
  content?: string | null;
  refusal?: string | null;
  reasoning_content?: string | null;
  reasoning?: string | null;
  tool_calls?: LooseCall[] | null;
}

interface LooseCall {
  index?: number | null;
  id?: string | null;
  function?: { name?: string | null; arguments?: unknown } | null;
}

/** What is read of a completion, whole or added up. */
export type OpenaiCompletion = Loose<Pick<ChatCompletion, "id" | "model" | "usage" | "choices">>;

/** Adds up a stream. Yields what can be shown, null for other chunks; throws when it ends without a finish reason. */
export async function* readOpenaiStream(
  chunks: AsyncIterable<Loose<ChatCompletionChunk>>,
): AsyncGenerator<ModelDelta | null, OpenaiCompletion, undefined> {
  const message: LooseMessage & { tool_calls: LooseCall[] } = { content: "", tool_calls: [] };
  let completion: OpenaiCompletion = {};
  let finishReason: string | null = null;
  for await (const chunk of chunks) {
    const choice = chunk.choices?.[0];
    const delta = (choice?.delta ?? {}) as LooseMessage;
    // Some servers say "" until the end.
    finishReason = choice?.finish_reason || finishReason;
    completion = {
      id: chunk.id || completion.id,
      model: chunk.model || completion.model,
      // The last chunk may hold the usage and no choice.
      usage: chunk.usage ?? completion.usage,
    } as OpenaiCompletion;
    for (const call of delta.tool_calls ?? []) addCall(message.tool_calls, call);
    const thought = delta.reasoning_content ?? delta.reasoning;
    if (thought) {
      message.reasoning_content = (message.reasoning_content ?? "") + thought;
      yield { type: "reasoning", text: thought };
    }
    const text = delta.content ?? delta.refusal;
    if (text) message.content += text;
    yield text ? { type: "text", text } : null;
  }
  if (finishReason === null) throw endedEarly();
  return {
    ...completion,
    choices: [{ index: 0, finish_reason: finishReason, message }],
  } as unknown as OpenaiCompletion;
}

/** Pieces of a call have its index. Some servers leave it at 0 for all calls, and change the id. */
function addCall(calls: LooseCall[], piece: LooseCall): void {
  const index = piece.index ?? calls.length - (piece.id ? 0 : 1);
  const known = calls.findLast((call) => call.index === index);
  const isOther = known === undefined || (piece.id && known.id && piece.id !== known.id);
  const call = isOther ? { index, id: null, function: { name: "", arguments: "" } } : known;
  if (isOther) calls.push(call);
  call.id = call.id || piece.id || null;
  const { name, arguments: args } = piece.function ?? {};
  const so = call.function as { name: string; arguments: unknown };
  so.name = so.name || name || "";
  so.arguments = typeof args === "string" ? `${so.arguments as string}${args}` : (args ?? so.arguments);
}

/** Throws when a whole answer says no finish reason: then it broke off. */
export function requireFinished(completion: OpenaiCompletion): OpenaiCompletion {
  if (!completion.choices?.[0]?.finish_reason) throw endedEarly();
  return completion;
}

export function toOpenaiResponse(
  vendor: string,
  completion: OpenaiCompletion,
  { outputSchema, model }: ModelRequest,
): Omit<ModelResponse, "providerRequest" | "providerResponse"> {
  const choice = completion.choices?.[0];
  const read = readParts(vendor, toParts(choice?.message ?? {}));
  const output = outputSchema === undefined ? undefined : parseJson(read.text);
  return {
    ...read,
    ...(outputSchema === undefined ? {} : { output: withoutFilledNulls(output, outputSchema) }),
    model: completion.model || (model ?? ""),
    finishReason: choice?.finish_reason || null,
    usage: toUsage(completion.usage),
  };
}

function toParts(message: LooseMessage): AnswerPart[] {
  const text = message.content ?? message.refusal ?? "";
  const calls = (message.tool_calls ?? []).map(({ id, function: called }): AnswerPart => ({
    kind: "call",
    id,
    name: called?.name ?? "",
    args: called?.arguments,
  }));
  return [
    { kind: "reasoning", text: message.reasoning_content ?? message.reasoning ?? "", block: null },
    { kind: "text", text },
    ...calls,
  ];
}

/** Cached tokens, read and written, are counted in `prompt_tokens` on this wire. */
function toUsage(usage: OpenaiCompletion["usage"]): ModelUsage {
  const read = usage?.prompt_tokens_details?.cached_tokens ?? null;
  const written = usage?.prompt_tokens_details?.cache_write_tokens ?? null;
  const prompt = usage?.prompt_tokens ?? null;
  return {
    inputTokens: prompt === null ? null : Math.max(0, prompt - (read ?? 0) - (written ?? 0)),
    outputTokens: usage?.completion_tokens ?? null,
    cacheReadInputTokens: read,
    cacheCreationInputTokens: written,
    reasoningTokens: usage?.completion_tokens_details?.reasoning_tokens ?? null,
  };
}

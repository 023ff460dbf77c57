/** Anthropic request: a `ModelRequest` as the body of a messages call. Pure. */

import type {
  CacheControlEphemeral,
  ContentBlockParam,
  MessageCreateParamsBase,
  MessageParam,
  ThinkingConfigParam,
  ToolResultBlockParam,
} from "@anthropic-ai/sdk/resources/messages";
import { ProviderOptionsError } from "../../errors.ts";
import type { ModelMessage } from "../../model/message.ts";
import type { ModelParams, ModelRequest } from "../../model/model.ts";
import type { JsonObject } from "../../outcomes.ts";
import { writeParts } from "../answer-parts.ts";
import { toWireIds } from "../call-ids.ts";

export const ANTHROPIC = "anthropic";

export interface AnthropicSettings {
  readonly maxTokens: number;
  readonly promptCache: false | "5m" | "1h";
  /** The SDK's own: takes out of a schema what the server would refuse. */
  readonly toOutputSchema: (schema: JsonObject) => JsonObject;
}

export type AnthropicBody = MessageCreateParamsBase & { readonly stream: boolean };

/** The wire has no system turns: they are joined into `system`. */
export function toAnthropicBody(
  request: ModelRequest,
  model: string,
  isStreamed: boolean,
  { maxTokens, promptCache, toOutputSchema }: AnthropicSettings,
): AnthropicBody {
  const { messages, tools = [], params = {}, outputSchema } = request;
  if (params.seed !== undefined) throw new ProviderOptionsError("anthropic: the server takes no seed; leave it out");
  const mark: CacheControlEphemeral | null =
    promptCache === false ? null : { type: "ephemeral", ...(promptCache === "1h" ? { ttl: "1h" as const } : {}) };
  const system = messages.flatMap((message) => (message.role === "system" ? [message.content] : [])).join("\n\n");
  const thinking = toThinking(model, params);
  const format =
    outputSchema === undefined
      ? {}
      : { format: { type: "json_schema" as const, schema: toOutputSchema(outputSchema) } };
  const outputConfig = { ...(params.effort === undefined ? {} : { effort: params.effort }), ...format };
  return {
    model,
    max_tokens: params.maxTokens ?? maxTokens,
    messages: toMessages(messages, mark),
    stream: isStreamed,
    ...(system === ""
      ? {}
      : { system: mark === null ? system : [{ type: "text", text: system, cache_control: mark }] }),
    ...(tools.length === 0 ? {} : { tools: tools.map(toTool) }),
    ...(thinking === null ? {} : { thinking }),
    ...(Object.keys(outputConfig).length === 0
      ? {}
      : { output_config: outputConfig as NonNullable<MessageCreateParamsBase["output_config"]> }),
    ...(params.temperature === undefined ? {} : { temperature: params.temperature }),
    ...(params.topP === undefined ? {} : { top_p: params.topP }),
    ...(params.stop === undefined ? {} : { stop_sequences: [...params.stop] }),
  };
}

/**
 * Models from 4.6 on decide themselves how much to think (`effort` is the hint); older ones take a number of tokens. From 5 on
 * they think by default, and say nothing of it (nor between tool calls) unless `display` asks for it.
 * https://platform.claude.com/docs/en/build-with-claude/thinking
 */
function toThinking(model: string, params: ModelParams): ThinkingConfigParam | null {
  if (params.thinkingBudget !== undefined) return { type: "enabled", budget_tokens: params.thinkingBudget };
  const version = versionOf(model);
  if (version >= 5 || (version >= 4.6 && params.effort !== undefined)) {
    return { type: "adaptive", display: "summarized" };
  }
  return null;
}

/** `claude-opus-4-6` is 4.6, `claude-fable-5-1` is 5.1, another vendor's model is 0. */
function versionOf(model: string): number {
  const [, major, minor] = /^claude-[a-z]+-(\d+)(?:-(\d)(?!\d))?/.exec(model) ?? [];
  return major === undefined ? 0 : Number(`${major}.${minor ?? 0}`);
}

function toTool({ name, description, parameters }: NonNullable<ModelRequest["tools"]>[number]) {
  return { name, description, input_schema: { ...parameters, type: "object" as const } };
}

function toMessages(messages: readonly ModelMessage[], mark: CacheControlEphemeral | null): MessageParam[] {
  const wireIds = toWireIds(messages);
  const sent: MessageParam[] = [];
  let stableHead: MessageParam | undefined;
  let isHead = true;
  let results: ToolResultBlockParam[] | undefined;
  for (const message of messages) {
    if (message.role === "system") continue;
    if (message.role === "tool") {
      // All results of an answer are one turn; the server refuses a call whose result is not in the next.
      if (results === undefined) sent.push({ role: "user", content: (results = []) });
      results.push(toToolResult(message, wireIds));
      continue;
    }
    results = undefined;
    if (message.role === "user") {
      isHead &&= message.isStable === true;
      const turn: MessageParam = { role: "user", content: message.content };
      sent.push(turn);
      if (isHead) stableHead = turn;
      continue;
    }
    isHead = false;
    const content = toAssistantBlocks(message, wireIds);
    if (content.length > 0) sent.push({ role: "assistant", content });
  }
  if (mark !== null) for (const turn of new Set([stableHead, sent.at(-1)])) markEnd(turn, mark);
  return sent;
}

function toToolResult(
  { callId, content, isError }: Extract<ModelMessage, { role: "tool" }>,
  wireIds: ReadonlyMap<string, string>,
): ToolResultBlockParam {
  const id = wireIds.get(callId) ?? callId;
  return { type: "tool_result", tool_use_id: id, content, ...(isError === true ? { is_error: true } : {}) };
}

/** A turn of text alone stays a text. */
function toAssistantBlocks(
  message: Extract<ModelMessage, { role: "assistant" }>,
  wireIds: ReadonlyMap<string, string>,
): string | ContentBlockParam[] {
  const parts = writeParts(ANTHROPIC, message);
  if (parts.every((part) => part.kind === "text")) return parts.map(({ text }) => text).join("");
  return parts.map((part): ContentBlockParam => {
    if (part.kind === "text") return { type: "text", text: part.text };
    if (part.kind === "reasoning") return part.block as ContentBlockParam;
    const { id, name, params } = part.call;
    return { type: "tool_use", id: wireIds.get(id) ?? id, name, input: params };
  });
}

/** Everything up to the end of this turn is cached. Thoughts cannot hold a mark. */
function markEnd(turn: MessageParam | undefined, mark: CacheControlEphemeral): void {
  if (turn === undefined) return;
  const content: ContentBlockParam[] =
    typeof turn.content === "string" ? [{ type: "text", text: turn.content }] : turn.content;
  const last = content.at(-1);
  if (last === undefined || last.type === "thinking" || last.type === "redacted_thinking") return;
  turn.content = [...content.slice(0, -1), { ...last, cache_control: mark }];
}

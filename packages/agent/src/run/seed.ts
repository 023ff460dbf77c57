/**
 * Seed: the conversation of the run that this one retries, as rows of `messages`, made into messages again. A call that
 * was never answered gets an answer that says so: models refuse a conversation with one that hangs.
 */
import type { JsonObject, ModelMessage, ModelToolCall } from "@myelin/neuron";
import { z } from "zod";

const seedCall = z.looseObject({
  call_id: z.string().optional(),
  id: z.string().optional(),
  provider_call_id: z.string().nullable().optional(),
  tool_name: z.string().optional(),
  name: z.string().optional(),
  params: z.record(z.string(), z.unknown()).nullish(),
});

const seedMessage = z.looseObject({
  role: z.enum(["user", "assistant", "tool"]),
  content: z.string(),
  /** Beside the content, or in `meta`, as rows have it. */
  tool_calls: z.array(seedCall).nullish(),
  call_id: z.string().nullish(),
  tool_name: z.string().nullish(),
  is_error: z.boolean().nullish(),
  reasoning_blocks: z.array(z.looseObject({ vendor: z.string(), block: z.unknown() })).nullish(),
  meta: z.looseObject({}).nullish(),
});

const UNANSWERED = JSON.stringify({ error: "the run ended before this call was answered" });

/** What guardrails can look at: signed thoughts are opaque, and what can be read of them is `reasoning`. */
export const readable = (rows: readonly JsonObject[]): JsonObject[] =>
  rows.map(({ reasoning_blocks: _, ...row }) => row);

/** The rows behind the guardrails. Signed thoughts are kept as they came, or, when something in them is masked, not at all. */
export const withReasoning = (masked: readonly JsonObject[], rows: readonly JsonObject[]): JsonObject[] =>
  masked.map((row, at) => {
    const { reasoning, reasoning_blocks } = rows[at]!;
    return reasoning_blocks === undefined || row["reasoning"] !== reasoning ? row : { ...row, reasoning_blocks };
  });

/** Rows that are none are left out. */
export function fromSeed(rows: readonly JsonObject[]): ModelMessage[] {
  const messages: ModelMessage[] = [];
  let open: readonly ModelToolCall[] = [];
  const close = () => {
    messages.push(...open.map((call) => toolMessage(call, UNANSWERED, true)));
    open = [];
  };
  for (const row of rows) {
    const parsed = seedMessage.safeParse({ ...(row["meta"] as object | null), ...row });
    if (!parsed.success) continue;
    const { role, content, tool_calls, call_id, is_error, reasoning_blocks } = parsed.data;
    if (role === "tool") {
      const call = open.find(({ id }) => id === call_id);
      if (call === undefined) continue;
      messages.push(toolMessage(call, content, is_error === true));
      open = open.filter((one) => one !== call);
      continue;
    }
    close();
    if (role === "user") messages.push({ role, content });
    else {
      open = (tool_calls ?? []).map(toCall);
      messages.push({
        ...{ role, content },
        ...(open.length > 0 && { toolCalls: open }),
        ...(reasoning_blocks?.length && {
          reasoning: reasoning_blocks.map(({ vendor, block }) => ({ vendor, block })),
        }),
      });
    }
  }
  close();
  return messages;
}

const toCall = (call: z.output<typeof seedCall>): ModelToolCall => ({
  id: call.call_id ?? call.id ?? "",
  providerCallId: call.provider_call_id ?? null,
  name: call.tool_name ?? call.name ?? "",
  params: call.params ?? {},
});

const toolMessage = ({ id, providerCallId, name }: ModelToolCall, content: string, isError: boolean): ModelMessage => ({
  role: "tool",
  callId: id,
  providerCallId,
  toolName: name,
  content,
  ...(isError && { isError }),
});

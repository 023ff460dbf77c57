/** Conversation: what the model is sent, rebuilt from the state of the run. Pure, so that every process sends the same. */
import { toToolText, type RunEventData } from "@myelin/bus/run-events";
import type { JsonObject, ModelMessage, ModelToolCall, ReasoningBlock } from "@myelin/neuron";
import { foldContext } from "./fold-context.ts";
import { fromSeed } from "./seed.ts";
import type { Call, RunState, Turn } from "./state.ts";

/** All messages: system, history, seed, what the user says, what followed it in a retried run, then answers and what came of their calls. */
export function toMessages(state: RunState): ModelMessage[] {
  const { started } = state;
  if (started === null) return [];
  return [{ role: "system", content: started.system_prompt }, ...opening(started), ...state.turns.flatMap(messagesOf)];
}

/** How many of them are new since the last answer: that answer and what came of its calls. */
export function newMessageCount(state: RunState, total: number): number {
  const last = state.turns.at(-1);
  return last === undefined ? total : 1 + last.calls.length;
}

/** A message as the journal has it. */
export function toJournalMessage(message: ModelMessage): JsonObject {
  switch (message.role) {
    case "system":
    case "user":
      return { role: message.role, content: message.content };
    case "assistant":
      return {
        role: "assistant",
        content: message.content,
        ...(message.toolCalls && { tool_calls: message.toolCalls.map(toJournalCall) }),
      };
    case "tool":
      return {
        role: "tool",
        content: message.content,
        call_id: message.callId,
        tool_name: message.toolName,
        ...(message.isError && { is_error: true }),
      };
  }
}

function opening({ history, seed, context, message, seed_after = [] }: RunEventData<"run.started">): ModelMessage[] {
  const before: ModelMessage[] = [...history.map(toChatMessage), ...fromSeed(seed)];
  const firstUser = before.find((one) => one.role === "user");
  const { first, current, isStable } = foldContext(context, firstUser?.content ?? null, message);
  const folded = before.map((one) => (one === firstUser ? userMessage(first, isStable) : one));
  return [...folded, userMessage(current, firstUser === undefined && isStable), ...fromSeed(seed_after)];
}

const userMessage = (content: string, isStable: boolean): ModelMessage => ({
  role: "user",
  content,
  ...(isStable && { isStable }),
});

const toChatMessage = ({ role, content }: RunEventData<"run.started">["history"][number]): ModelMessage =>
  role === "user" ? { role, content } : { role, content };

function messagesOf({ answer, calls }: Turn): ModelMessage[] {
  const { text, reasoning_blocks } = answer;
  return [
    {
      role: "assistant",
      content: text,
      ...(calls.length > 0 && { toolCalls: calls.map(toToolCall) }),
      ...(reasoning_blocks.length > 0 && { reasoning: reasoning_blocks as readonly ReasoningBlock[] }),
    },
    ...calls.flatMap(({ data, completed }): ModelMessage[] =>
      completed === null
        ? []
        : [
            {
              role: "tool",
              callId: data.call_id,
              providerCallId: data.provider_call_id,
              toolName: data.tool_name,
              content: toToolText(completed),
              ...(!completed.success && { isError: true }),
            },
          ],
    ),
  ];
}

const toToolCall = ({ data }: Call): ModelToolCall => ({
  id: data.call_id,
  providerCallId: data.provider_call_id,
  name: data.tool_name,
  params: data.params,
});

const toJournalCall = ({ id, providerCallId, name, params }: ModelToolCall): JsonObject => ({
  call_id: id,
  provider_call_id: providerCallId,
  tool_name: name,
  params,
});

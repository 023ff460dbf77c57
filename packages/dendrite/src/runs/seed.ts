/**
 * Seed: the conversation of a run that is over, as rows of `messages`, for the run that retries it. A call that nobody
 * answered is answered as failed: no model takes a conversation with one that hangs.
 */
import { dataOf, Placeholders, toToolText, type RunEventData, type RunEventEntry } from "@myelin/bus/run-events";
import type { JsonObject } from "@myelin/neuron";

/** What stands before the message of the new run, and what behind it. Without the history, which is told anew. */
export interface Seed {
  readonly seed: JsonObject[];
  readonly seed_after: JsonObject[];
}

const UNANSWERED = { success: false, result: null, error: "the run ended before this call was answered" };

/**
 * What the model was told and said, in order. With a new message all of it stands before that. Without one the model is to see
 * what it saw when the run ended, and go on from there: less a final answer, which it is to give again.
 */
export function toSeed(entries: readonly RunEventEntry[], { isNewMessage }: { readonly isNewMessage: boolean }): Seed {
  const started = entries.map((entry) => dataOf(entry, "run.started")).find((one) => one !== null);
  if (!started) return { seed: [], seed_after: [] };
  const { seed: before, message, seed_after = [] } = started;
  const answers = entries.flatMap((entry) => dataOf(entry, "llm.completed") ?? []);
  const isAnswered = answers.at(-1)?.tool_calls.length === 0;
  const placeholders = Placeholders.from(entries);
  const results = new Map(
    entries.flatMap((entry) => dataOf(entry, "tool.completed") ?? []).map((answer) => [answer.call_id, answer]),
  );
  const toRows = (answer: RunEventData<"llm.completed">): JsonObject[] => [
    toAssistantRow(answer, placeholders),
    ...answer.tool_calls.map((call) => toToolRow(call, results.get(call.call_id) ?? UNANSWERED)),
  ];
  // What stands for a masked value is known in that run only: the new one masks the value again.
  const numbered = (rows: JsonObject[], from: number): JsonObject[] =>
    rows.map((row, at) => ({ ...placeholders.unmask(row), order_index: from + at }));
  if (isNewMessage) {
    const said = { role: "user", content: message };
    return { seed: numbered([...before, said, ...seed_after, ...answers.flatMap(toRows)], 0), seed_after: [] };
  }
  const kept = isAnswered ? answers.slice(0, -1) : answers;
  return {
    seed: numbered(before, 0),
    seed_after: numbered([...seed_after, ...kept.flatMap(toRows)], before.length + 1),
  };
}

/** Signed thoughts in which a placeholder stands are of that run only. */
function toAssistantRow(
  { text, tool_calls, reasoning, reasoning_blocks }: RunEventData<"llm.completed">,
  placeholders: Placeholders,
): JsonObject {
  const keepsThoughts = reasoning_blocks.length > 0 && placeholders.unmask(reasoning) === reasoning;
  return {
    role: "assistant",
    content: text,
    ...(tool_calls.length > 0 && {
      tool_calls: tool_calls.map(({ call_id, provider_call_id, tool_name, params }) => ({
        call_id,
        provider_call_id,
        tool_name,
        params,
      })),
    }),
    ...(keepsThoughts && { reasoning, reasoning_blocks }),
  };
}

const toToolRow = (
  { call_id, tool_name }: RunEventData<"llm.completed">["tool_calls"][number],
  answer: Parameters<typeof toToolText>[0],
): JsonObject => ({
  role: "tool",
  content: toToolText(answer),
  call_id,
  tool_name,
  ...(!answer.success && { is_error: true }),
});

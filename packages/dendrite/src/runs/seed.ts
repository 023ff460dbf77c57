/**
 * Seed: the conversation of a run that is over, as rows of `messages`, for the run that retries it. A call that nobody
 * answered is answered as failed: no model takes a conversation with one that hangs.
 */
import { dataOf, Placeholders, toToolText, type RunEventData, type RunEventEntry } from "@myelin/bus/run-events";
import type { JsonObject } from "@myelin/neuron";

const UNANSWERED = { success: false, result: null, error: "the run ended before this call was answered" };

/** What the model was told and said, in order; without the history it was started with, which is told anew. */
export function toSeed(entries: readonly RunEventEntry[]): JsonObject[] {
  const started = entries.map((entry) => dataOf(entry, "run.started")).find((one) => one !== null);
  if (!started) return [];
  const answers = new Map(
    entries.flatMap((entry) => dataOf(entry, "tool.completed") ?? []).map((answer) => [answer.call_id, answer]),
  );
  const rows: JsonObject[] = [...started.seed, { role: "user", content: started.message }];
  for (const entry of entries) {
    const answer = dataOf(entry, "llm.completed");
    if (!answer) continue;
    rows.push(toAssistantRow(answer));
    for (const call of answer.tool_calls) rows.push(toToolRow(call, answers.get(call.call_id) ?? UNANSWERED));
  }
  // What stands for a masked value is known in that run only: the new one masks the value again.
  return Placeholders.from(entries).unmask(rows.map((row, order_index) => ({ ...row, order_index })));
}

const toAssistantRow = ({ text, tool_calls }: RunEventData<"llm.completed">): JsonObject => ({
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
});

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

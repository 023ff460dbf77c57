/** To events: an entry of a journal, or the reply that ends a run, as a watcher sees it. */
import type { EndType, SignalOf } from "@myelin/bus";
import { dataOf, toUsd, type RunEventEntry } from "@myelin/bus/run-events";
import type { RunStreamEvent } from "./run-event.ts";
import { toPause, toResult, toUsage } from "./to-result.ts";

interface Ids {
  readonly runId: string;
  readonly traceId: string;
}

/** An entry whose data is not as its type says is an `event`. `entries` are those so far: they say what placeholders stand for. */
export function toEvent(
  { runId, traceId }: Ids,
  entry: RunEventEntry,
  entries: readonly RunEventEntry[],
): RunStreamEvent {
  const { sequence_index: sequenceIndex, iteration_index: iteration, event_type: eventType, data } = entry;
  const recorded = { runId, sequenceIndex, iteration, eventType, data };
  const started = dataOf(entry, "run.started");
  if (started) {
    return { type: "run_started", ...recorded, traceId, agentName: started.agent_name, model: started.model };
  }
  const said = dataOf(entry, "llm.completed");
  if (said) {
    const { text, usage, cost_nano_usd } = said;
    return { type: "llm_completed", ...recorded, text, usage: toUsage(usage), costUsd: toUsd(cost_nano_usd) };
  }
  const called = dataOf(entry, "tool.started");
  if (called) {
    const { call_id: callId, tool_name: toolName, params, target } = called;
    return { type: "tool_call", ...recorded, callId, toolName, params, target };
  }
  const answered = dataOf(entry, "tool.completed");
  if (answered) {
    const { call_id: callId, tool_name: toolName, success, result = null, error } = answered;
    return { type: "tool_result", ...recorded, callId, toolName, success, result, error };
  }
  const paused = dataOf(entry, "run.paused");
  if (paused) {
    const expiresAt = paused.expires_at === null ? null : new Date(paused.expires_at);
    const pause = toPause({ data: paused, missing: paused.pending, expiresAt }, entries);
    return { type: "run_paused", ...recorded, pause };
  }
  const resumed = dataOf(entry, "run.resumed");
  if (resumed) return { type: "run_resumed", ...recorded, by: resumed.by };
  return { type: "event", ...recorded };
}

/** The end of a run: its reply says how, `entry` where in the journal; null when that says nothing of it. */
export function toEndEvent(
  { runId }: Ids,
  reply: SignalOf<EndType>,
  entry: RunEventEntry | null,
  iteration: number,
): RunStreamEvent {
  const recorded = {
    runId,
    sequenceIndex: entry?.sequence_index ?? null,
    iteration: entry?.iteration_index ?? iteration,
    eventType: entry?.event_type ?? null,
    data: entry?.data ?? {},
  };
  switch (reply.type) {
    case "AGENT_OUTPUT":
      return { type: "run_completed", ...recorded, result: toResult(reply) };
    case "FINAL": {
      const output = { ...reply, type: "AGENT_OUTPUT" as const, payload: { output: reply.payload.result } };
      return { type: "run_completed", ...recorded, result: toResult(output) };
    }
    case "ERROR": {
      const { code, message } = reply.payload;
      return { type: "run_error", ...recorded, code, message };
    }
    case "STOPPED": {
      const by = recorded.data["by"];
      const reason = reply.payload.reason ?? null;
      return { type: "run_cancelled", ...recorded, reason, by: typeof by === "string" ? by : null };
    }
  }
}

export const isEndEntry = ({ event_type }: RunEventEntry): boolean =>
  ["run.completed", "run.error", "run.cancelled"].includes(event_type);

/** What passes live of a run: its text, and, of a neuron without a journal, its tool calls. */
export function toLiveEvent(
  runId: string,
  signal: SignalOf<"THOUGHT_DELTA" | "TOOL_CALL" | "TOOL_RESULT">,
): RunStreamEvent {
  if (signal.type === "THOUGHT_DELTA") {
    const { delta: text, kind } = signal.payload;
    return { type: kind === "reasoning" ? "reasoning_delta" : "text_delta", runId, sequenceIndex: null, text };
  }
  const recorded = { runId, sequenceIndex: null, iteration: 0, eventType: null, data: signal.payload };
  const { tool: toolName, call_id: callId = "" } = signal.payload;
  if (signal.type === "TOOL_CALL") {
    return { type: "tool_call", ...recorded, callId, toolName, params: signal.payload.args, target: "server" };
  }
  const { result = null, error = null } = signal.payload;
  return { type: "tool_result", ...recorded, callId, toolName, success: error === null, result, error };
}

/** Tool calls as they lie in journals and as records. Rows hold only calls that fit their schema. */
import type { PendingCall, ToolCallData } from "@myelin/bus/run-events";
import type { PendingToolCall, StoredToolCall } from "./views.ts";

export const toToolCall = ({ call_id, provider_call_id, tool_name, params }: ToolCallData): StoredToolCall => ({
  callId: call_id,
  providerCallId: provider_call_id,
  toolName: tool_name,
  params,
});

export const toToolCalls = (stored: unknown): StoredToolCall[] =>
  Array.isArray(stored) ? (stored as ToolCallData[]).map(toToolCall) : [];

export const toPendingCall = (call: PendingCall): PendingToolCall => ({
  ...toToolCall(call),
  target: call.target,
  needs: call.needs,
  childRunId: call.child_run_id ?? null,
  childAgent: call.child_agent ?? null,
});

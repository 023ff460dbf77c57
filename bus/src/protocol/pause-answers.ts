/** Pause answers: the entries that answer a pause from outside. Whoever writes them writes the same. */
import type { OpenPause } from "./journal-state.ts";
import { dataOf, type PendingCall } from "./run-event-data.ts";
import type { NewRunEvent, RunEventEntry } from "./run-events.ts";

/** What came of a call. */
export interface CallResult {
  readonly success: boolean;
  readonly result: unknown;
  readonly error: string | null;
}

/** The task that is to wake a run. */
export interface WakingTask {
  readonly id: string;
  readonly timeoutMs: number;
}

/** How long a task has that nobody says it of, in milliseconds. */
export const TASK_TIMEOUT_MS = 3_600_000;

/** How long a task of the run has, as it was started. */
export const taskTimeoutOf = (journal: readonly RunEventEntry[]): number =>
  journal.map((entry) => dataOf(entry, "run.started")).find((one) => one !== null)?.timeout_ms ?? TASK_TIMEOUT_MS;

/** The `tool.completed` of a call that waited. */
export const toCompleted = (
  { call_id, provider_call_id, tool_name, params, target, order_index }: PendingCall,
  { success, result, error }: CallResult,
  by: string | null,
  iteration_index: number,
) => ({
  event_type: "tool.completed" as const,
  iteration_index,
  correlation_id: call_id,
  data: {
    ...{ call_id, provider_call_id, tool_name, params, target },
    ...{ success, result, error, duration_ms: null, order_index, by },
  },
});

/** The `run.resumed` that ends a pause. */
export const toResumed = ({ data, iteration }: OpenPause, by: string | null, task: WakingTask): NewRunEvent => ({
  event_type: "run.resumed",
  iteration_index: iteration,
  correlation_id: data.pause_id,
  data: {
    pause_id: data.pause_id,
    resumed_from: data.status,
    by,
    task: { id: task.id, timeout_ms: task.timeoutMs },
  },
});

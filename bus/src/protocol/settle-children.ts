/**
 * Settle children: the entries by which a run that waits for its children learns how they ended. Pure, so that a worker, a
 * verb and the sweeper write the same; of those that race, the journal takes one.
 */
import type { ChildEnd } from "./child-end.ts";
import { submissionGuard } from "./guard-by-patterns.ts";
import { journalState } from "./journal-state.ts";
import { taskTimeoutOf, toCompleted, toResumed, type WakingTask } from "./pause-answers.ts";
import type { PendingCall } from "./run-event-data.ts";
import type { NewRunEvent, RunEventEntry } from "./run-events.ts";

export interface Settlement {
  readonly entries: readonly NewRunEvent[];
  /** The task with which the run goes on: none is missing any more. Null: it waits on. */
  readonly task: WakingTask | null;
}

/** A call that waits for a run. */
export type PendingChild = PendingCall & { readonly child_run_id: string };

/** The calls of an open pause that wait for a run that is not known to have ended. */
export function missingChildren(journal: readonly RunEventEntry[]): readonly PendingChild[] {
  const isChild = (call: PendingCall): call is PendingChild => call.child_run_id !== undefined;
  return journalState(journal).pause?.missing.filter(isChild) ?? [];
}

/** `ends`: by call id, those that have ended. `taskId`: of the task that is to wake the run. Null when there is nothing to add. */
export function settleChildren(
  journal: readonly RunEventEntry[],
  ends: ReadonlyMap<string, ChildEnd>,
  taskId: string,
): Settlement | null {
  const { pause } = journalState(journal);
  const ended = missingChildren(journal).filter(({ call_id }) => ends.has(call_id));
  if (!pause || ended.length === 0) return null;
  const guard = submissionGuard(journal);
  const entries = ended.flatMap((call): NewRunEvent[] => {
    const { success, result, error, used } = ends.get(call.call_id)!;
    const { value, entries: found, blocked } = guard({ result, error }, call.call_id);
    const refused = blocked && `guardrail "${blocked.guardrail}" refuses what the agent gave`;
    const given = refused ? { success: false, result: null, error: refused } : { success, ...value };
    const completed = toCompleted(call, given, null, pause.iteration);
    const cost = used && { usage: used.usage, cost_nano_usd: used.costNanoUsd };
    return [
      ...found.map((entry) => ({ ...entry, iteration_index: pause.iteration })),
      { ...completed, data: { ...completed.data, ...cost } },
    ];
  });
  if (ended.length < pause.missing.length) return { entries, task: null };
  const task = { id: taskId, timeoutMs: taskTimeoutOf(journal) };
  return { entries: [...entries, toResumed(pause, null, task)], task };
}

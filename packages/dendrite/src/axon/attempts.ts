/**
 * Attempts: which start of its TASK this is, and what became of the ones before. The log's delivery count is a hint: it
 * starts again when a server is restarted, and it counts what was handed back unharmed. The journal knows better.
 */
import type { PayloadOf, SignalOf } from "@myelin/bus";
import type { NewRunEvent, RunEventEntry } from "@myelin/bus/run-events";

/** One failed start, as it stands in the journal and in the ERROR that ends the run. */
export type Failure = NonNullable<PayloadOf<"ERROR">["attempts"]>[number];

/** Starts of one TASK. */
export interface Attempts {
  /** Which start this is, from 1: one more than the ones before, whatever ended them. */
  readonly attempt: number;
  /** Of the ones before, those that a drain handed back: they do not count against `maxAttempts`. */
  readonly released: number;
}

/** A first start leaves no record unless it was announced: a TASK that comes again without any counts as started once. */
export function attemptsOf(
  task: SignalOf<"TASK">,
  journal: readonly RunEventEntry[],
  { isAgain, areAnnounced }: { isAgain: boolean; areAnnounced: boolean },
): Attempts {
  const records = ofTask(journal, task);
  const unrecorded = records.length === 0 && isAgain && !areAnnounced ? 1 : 0;
  const last = Math.max(unrecorded, ...records.map(({ data }) => Number(data["attempt"])));
  const released = records.filter(({ event_type }) => event_type === "attempt.released").length;
  return { attempt: last + 1, released };
}

/** The failures of this TASK, oldest first. */
export const failuresOf = (task: SignalOf<"TASK">, journal: readonly RunEventEntry[]): Failure[] =>
  ofTask(journal, task)
    .filter(({ event_type }) => event_type === "attempt.failed")
    .map(({ data: { task_id: _task, ...failure } }) => failure as Failure);

/** `taskSeq` orders the TASKs of a run: one that wakes it comes later. */
export const attemptStarted = (
  task: SignalOf<"TASK">,
  taskSeq: number,
  attempt: number,
  instance: string,
): NewRunEvent => ({
  event_type: "attempt.started",
  data: { task_id: task.id, task_seq: taskSeq, attempt, instance },
});

export const attemptFailed = (task: SignalOf<"TASK">, failure: Failure): NewRunEvent => ({
  event_type: "attempt.failed",
  data: { task_id: task.id, ...failure },
});

/** Handed back by a drain: it does not count against `maxAttempts`. */
export const attemptReleased = (task: SignalOf<"TASK">, attempt: number, instance: string): NewRunEvent => ({
  event_type: "attempt.released",
  data: { task_id: task.id, attempt, instance },
});

const ofTask = (journal: readonly RunEventEntry[], task: SignalOf<"TASK">) =>
  journal.filter(({ event_type, data }) => event_type.startsWith("attempt.") && data["task_id"] === task.id);

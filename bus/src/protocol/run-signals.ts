/**
 * Run signals: how the Signals of one run are named and found. Dispatchers, workers, the sweeper and the recorder must all
 * say the same: a reply that is stored under another id than the sweeper's is a second end.
 */
import type { RunId, SignalId } from "./ids.ts";
import type { RunEventEntry } from "./run-events.ts";
import { createSignal, type Meta, type SignalOf } from "./signal.ts";
import { bucketOf, type SubjectFilter } from "./subjects.ts";

/** The run of a TASK. A peer's TASK may have none; then it is made from the TASK's id, the same wherever it is asked. */
export function runIdOf({ id, meta: { run_id } }: Pick<SignalOf<"TASK">, "id" | "meta">): RunId {
  return run_id?.startsWith("run_") ? (run_id as RunId) : `run_${id.slice("evt_".length)}`;
}

/** Where the replies of a run are, exactly. `replyTo` is the instance they are addressed to. */
export const repliesOf = (traceId: string, runId: string, replyTo: string | undefined) =>
  ({ to: replyTo ?? "_", lane: "_", bucket: bucketOf(traceId), run: runId }) as const satisfies SubjectFilter;

/** Dedup id of what ends or pauses a TASK: its worker's reply, or the sweeper's ERROR. */
export const replyDedupId = (taskId: string): string => `${taskId}.reply`;

/** Dedup id of what follows a question: the TASK that brings its answer, or the sweeper's ERROR. */
export const answerDedupId = (questionId: string): string => `answer:${questionId}`;

/** Where the journal of a run is, exactly. */
export const journalOf = (traceId: string, runId: string) =>
  ({
    type: "RUN_EVENT",
    to: runId,
    lane: "_",
    bucket: bucketOf(traceId),
    run: runId,
  }) as const satisfies SubjectFilter;

/** Where the TASKs that wake a run are: not its first one, unless an idempotency key stands for it. */
export const wakesOf = (traceId: string, runId: string) =>
  ({ type: "TASK", bucket: bucketOf(traceId), run: runId }) as const satisfies SubjectFilter;

/**
 * The entries of a journal from its Signals, in order. A journal that was begun again, because the log had lost its head,
 * starts over with index 0.
 */
export function entriesIn(signals: Iterable<SignalOf<"RUN_EVENT">>): RunEventEntry[] {
  let entries: RunEventEntry[] = [];
  for (const { payload } of signals) {
    if (payload.entries[0]!.sequence_index === 0) entries = [];
    entries.push(...payload.entries);
  }
  return entries;
}

/**
 * The TASK that wakes a run: what its first one asked, under the id that the journal's `run.resumed` gives it, so that
 * whoever sends it sends the same. `answers` marks it as a wake-up: it asks nothing new.
 */
export function toWakeTask(
  first: SignalOf<"TASK">,
  wake: { readonly id: SignalId; readonly timeoutMs: number; readonly parentId: SignalId; readonly instance: string },
): SignalOf<"TASK"> {
  const { idempotency_key: _key, ...kept } = first.meta;
  const meta: Meta = { ...kept, run_id: runIdOf(first), instance: wake.instance };
  return createSignal({
    type: "TASK",
    id: wake.id,
    trace_id: first.trace_id,
    parent_id: wake.parentId,
    directed: first.directed,
    payload: {
      ...first.payload,
      deadline: new Date(Date.now() + wake.timeoutMs).toISOString(),
      answers: first.payload.answers ?? [],
    },
    meta,
  });
}

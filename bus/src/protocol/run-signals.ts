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

/** Dedup id of the reply of a run that was ended in a pause, or of one whose question is not known any more. */
export const endDedupId = (runId: string, question: { readonly id: string } | undefined): string =>
  question ? answerDedupId(question.id) : `${runId}.ended`;

/** The reply of a run that was cancelled. `node` is who says so. */
export function toStopped(
  envelope: Pick<SignalOf<"STOPPED">, "trace_id" | "parent_id" | "directed" | "meta">,
  { reason, by, node }: { readonly reason?: unknown; readonly by?: unknown; readonly node?: string | undefined },
): SignalOf<"STOPPED"> {
  const { trace_id, parent_id, directed, meta } = envelope;
  const payload = {
    cancelled: 1,
    ...(node !== undefined && { node }),
    ...(typeof reason === "string" && { reason }),
    ...(typeof by === "string" && { by }),
  };
  return createSignal({ type: "STOPPED", trace_id, parent_id, directed, payload, meta });
}

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

/** The entries of a journal from its Signals, in the order of the log. */
export function entriesIn(signals: Iterable<SignalOf<"RUN_EVENT">>): RunEventEntry[] {
  const entries: RunEventEntry[] = [];
  for (const { payload } of signals) takeEntries(entries, payload.entries);
  return entries;
}

/**
 * Add the entries of the next Signal to those of a journal; returns the ones that were taken. The first in a place counts, as
 * in the tables: a copy that somebody put on the log again changes nothing. Where the log has lost the journal's head, and it
 * was begun again whole, the whole one counts.
 */
export function takeEntries(journal: RunEventEntry[], added: readonly RunEventEntry[]): RunEventEntry[] {
  if (added[0]?.sequence_index === 0 && journal[0] && journal[0].sequence_index > 0) journal.length = 0;
  const taken = added.filter(({ sequence_index }) => sequence_index > (journal.at(-1)?.sequence_index ?? -1));
  journal.push(...taken);
  return taken;
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

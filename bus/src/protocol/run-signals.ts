/**
 * Run signals: how the Signals of one run are named and found. Dispatchers, workers, the sweeper and the recorder must all
 * say the same: a reply that is stored under another id than the sweeper's is a second end.
 */
import type { RunId } from "./ids.ts";
import type { SignalOf } from "./signal.ts";
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

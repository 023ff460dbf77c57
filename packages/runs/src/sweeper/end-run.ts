/**
 * endRun: says ERROR for a run whose time is up, unless the log knows better.
 *
 * What is recorded may be older than the log: that is why the log is asked. Between its answer and the append a worker may
 * still answer, a person too, or another sweeper: the dedup id is the one they use, so of all of them one is stored. Should
 * that fail (it is remembered for two minutes), the first terminal in the log counts, as always (A1).
 *
 * A paused run with a journal is ended there first (expire-pause.ts).
 */
import {
  answerDedupId,
  bucketOf,
  checkSignal,
  createSignal,
  endDedupId,
  isPauseType,
  isReplyType,
  journalOf,
  repliesOf,
  replyDedupId,
  signalOf,
  SIGNAL_TYPES,
  toStopped,
  type LogEntry,
  type Meta,
  type PayloadOf,
  type Signal,
  type SignalOf,
  type SubjectFilter,
  type TraceId,
} from "@myelin/bus";
import type { Database } from "../database.ts";
import type { DueRun } from "./due-runs.ts";
import { expirePause, recordedJournal, type RecordedJournal } from "./expire-pause.ts";
import type { SweptBus } from "./sweeper-options.ts";

type Failures = NonNullable<PayloadOf<"ERROR">["attempts"]>;

const REPLY_TYPES = SIGNAL_TYPES.filter(isReplyType);

/** Resolves with false when the run is over or went on meanwhile. Rejects when the log cannot be asked, or not be written. */
export async function endRun(
  bus: Pick<SweptBus, "get" | "lastOf" | "append">,
  db: Database,
  run: DueRun,
): Promise<boolean> {
  const cause = signalOf(await bus.get(run.causeSeq));
  if (!run.isEnded && (await hasGoneOn(bus, run, cause))) return false;
  const journal = run.isPaused || run.isEnded ? await recordedJournal(db, run.runId) : null;
  if (run.isEnded) return journal ? sayEnd(bus, run, journal, cause) : false;
  if (journal) {
    const { payload, meta } = toError(run, cause, []);
    if (!(await expirePause(bus, run, journal, { message: payload.message, meta }))) return false;
  }
  const told = toError(run, cause, failuresOf(run, cause));
  // Whatever a journal claims: an ERROR that nobody can read would end nothing.
  const error = checkSignal(told).ok ? told : toError(run, cause, []);
  const { duplicate } = await bus.append(error, { dedupId: dedupIdOf(run, cause) });
  return !duplicate;
}

/** The reply of a run whose journal says how it ended: who wrote that died before it said so. */
async function sayEnd(
  bus: Pick<SweptBus, "get" | "lastOf" | "append">,
  run: DueRun,
  { state: { end, endedIn }, firstSeq }: RecordedJournal,
  cause: Signal | undefined,
): Promise<boolean> {
  const any =
    cause ?? signalOf(await bus.get(firstSeq)) ?? signalOf(await bus.lastOf(journalOf(run.traceId, run.runId)));
  if (!end || !any) return false;
  const replied = signalOf(await bus.lastOf(repliesOf(run.traceId, run.runId, any.meta.reply_to)));
  if (replied && !isPauseType(replied.type)) return false;
  const error = toError(run, endedIn ? (replied ?? any) : any, []);
  const { code, message, reason } = end.data;
  const reply =
    end.event_type === "run.cancelled"
      ? toStopped(error, { reason })
      : { ...error, payload: { ...error.payload, code: String(code), message: String(message) } };
  // As who wrote the end would have: a submitter of a pause, else the worker of the task.
  const dedupId = endedIn ? endDedupId(run.runId, replied) : replyDedupId(any.id);
  const { duplicate } = await bus.append(reply, { dedupId });
  return !duplicate;
}

/** Whether anything follows the cause: a reply to the TASK, an answer to the question, or what came of that. */
async function hasGoneOn(bus: Pick<SweptBus, "lastOf">, run: DueRun, cause: Signal | undefined): Promise<boolean> {
  const at = { bucket: bucketOf(run.traceId), run: run.runId };
  // Replies have their dispatcher in their subject. It is on the cause; when that is gone, each type is asked for.
  const filters: SubjectFilter[] = cause
    ? [repliesOf(run.traceId, run.runId, cause.meta.reply_to)]
    : REPLY_TYPES.map((type) => ({ ...at, type }));
  filters.push({ ...at, type: "TASK" });
  const entries = await Promise.all(filters.map((filter) => bus.lastOf(filter)));
  return entries.some((entry) => entry !== null && entry.seq > run.causeSeq && !isJournal(entry));
}

/** The attempts at this TASK, as its worker would have told them. */
const failuresOf = (run: DueRun, cause: Signal | undefined): Failures =>
  run.failures
    .filter((one) => one["task_id"] === cause?.id)
    .map(({ task_id: _task, ...failure }) => failure) as Failures;

function toError(run: DueRun, cause: Signal | undefined, attempts: Failures): SignalOf<"ERROR"> {
  const meta: Meta = { run_id: run.runId };
  if (cause?.meta.reply_to !== undefined) meta.reply_to = cause.meta.reply_to;
  if (run.tenantId !== null) meta.tenant_id = run.tenantId;
  if (run.parentRunId !== null) meta.parent_run_id = run.parentRunId;
  if (run.taskSeq > 0) meta.task_seq = run.taskSeq;
  const at = run.dueAt.toISOString();
  const message = run.isPaused
    ? `nobody answered the question of the run before it expired at ${at}`
    : `the deadline of the task passed at ${at}, and nobody had answered it`;
  return createSignal({
    type: "ERROR",
    trace_id: run.traceId as TraceId,
    parent_id: cause?.id ?? null,
    directed: { id: cause?.directed?.id ?? run.neuronId ?? "sweeper", type: null, capabilities: [] },
    payload: { code: "DEADLINE_EXCEEDED", message, recoverable: true, ...(attempts.length > 0 && { attempts }) },
    meta,
  });
}

/** The id under which the worker's reply, or the person's answer, is stored. */
function dedupIdOf(run: DueRun, cause: Signal | undefined): string {
  if (!cause) return `${run.runId}.swept`;
  return run.isPaused ? answerDedupId(cause.id) : replyDedupId(cause.id);
}

/** A journal is addressed to its run, not to a dispatcher; only a dispatcher of that name would be in its place. */
const isJournal = ({ parsed }: LogEntry): boolean => parsed.ok && parsed.signal.type === "RUN_EVENT";

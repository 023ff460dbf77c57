/**
 * Judge: what a submission to a run comes to, by its journal: the entries to append, or why it is refused. Pure, so that who
 * loses a race just judges again by what the winner wrote.
 *
 * A submission may answer some of what a pause waits for. The one that answers the last of it brings `run.resumed`, and with
 * it the task that wakes the run.
 */
import {
  journalState,
  toCompleted,
  toResumed,
  type CallResult,
  type JournalState,
  type NewRunEvent,
  type OpenPause,
  type PendingCall,
  type RunEventEntry,
  type TerminalStatus,
  type WaitingStatus,
  type WakingTask,
} from "@myelin/bus/run-events";

interface Signed {
  readonly by: string | null;
}
interface Decision {
  readonly approved: boolean;
  readonly reason: string | null;
}

export type Submission =
  | (Signed & {
      readonly kind: "approval";
      /** On every call that waits for one and is not in `calls`; null: on none of them. */
      readonly rest: Decision | null;
      readonly calls: ReadonlyMap<string, Decision>;
    })
  | (Signed & { readonly kind: "input"; readonly text: string; readonly callId: string | null })
  | (Signed & { readonly kind: "results"; readonly results: readonly GivenResult[] })
  | (Signed & { readonly kind: "cancel"; readonly reason: string | null });

export interface GivenResult extends CallResult {
  readonly callId: string;
}

/** What a judgement needs beside the journal. */
export interface JudgeOptions {
  readonly now: Date;
  /** The task that is to wake the run. */
  readonly task: WakingTask;
}

export type Refusal =
  /** It is at work. */
  | { readonly kind: "not-paused" }
  | { readonly kind: "terminal"; readonly status: TerminalStatus }
  | { readonly kind: "expired"; readonly expiresAt: Date }
  /** It waits for something else. */
  | {
      readonly kind: "mismatch";
      readonly currentStatus: WaitingStatus;
      readonly expectedStatus: WaitingStatus;
      /** The runs it waits for. */
      readonly childRunIds: readonly string[];
    }
  /** Somebody has answered that. */
  | { readonly kind: "claimed"; readonly what: string }
  | { readonly kind: "invalid"; readonly detail: string };

export type Judgement =
  | {
      readonly ok: true;
      readonly entries: readonly NewRunEvent[];
      /** What still nobody has answered. */
      readonly pending: readonly PendingCall[];
      readonly isResumed: boolean;
    }
  | { readonly ok: false; readonly refusal: Refusal };

export function judge(
  journal: readonly RunEventEntry[],
  submission: Submission,
  { now, task }: JudgeOptions,
): Judgement {
  const { pause, ...state } = journalState(journal);
  if (!pause) return { ok: false, refusal: notPaused(state) };
  if (submission.kind === "cancel") {
    const { reason, by } = submission;
    const cancelled = { event_type: "run.cancelled", iteration_index: pause.iteration, data: { reason, by } } as const;
    return { ok: true, entries: [cancelled], pending: [], isResumed: false };
  }
  if (pause.expiresAt && pause.expiresAt <= now) {
    return { ok: false, refusal: { kind: "expired", expiresAt: pause.expiresAt } };
  }
  const answered = answer(pause, submission);
  if ("kind" in answered) return { ok: false, refusal: answered };
  const pending = pause.missing.filter(({ call_id }) => !answered.some((one) => one.correlation_id === call_id));
  if (pending.length > 0) return { ok: true, entries: answered, pending, isResumed: false };
  return { ok: true, entries: [...answered, toResumed(pause, submission.by, task)], pending, isResumed: true };
}

function notPaused({ end, endedIn, status }: Omit<JournalState, "pause">): Refusal {
  if (endedIn?.expiresAt && status === "error") return { kind: "expired", expiresAt: endedIn.expiresAt };
  return end ? { kind: "terminal", status: status as TerminalStatus } : { kind: "not-paused" };
}

/** The entries that answer calls, or why there are none. */
function answer(
  pause: OpenPause,
  submission: Exclude<Submission, { kind: "cancel" }>,
): readonly (NewRunEvent & { readonly correlation_id: string })[] | Refusal {
  switch (submission.kind) {
    case "approval":
      return decide(pause, submission);
    case "input":
      return say(pause, submission);
    case "results":
      return complete(pause, submission);
  }
}

function decide(pause: OpenPause, { rest, calls, by }: Submission & { kind: "approval" }) {
  const asked = pause.data.pending.filter(({ needs }) => needs === "approval");
  // A budget, say: what is asked is about no call. The pause itself stands for it.
  if (pause.data.pending.length === 0 && pause.data.status === "waiting_approval") {
    if (!rest) return invalid("it waits for a word on no call: say approved");
    const { pause_id, reason } = pause.data;
    return [decided({ call_id: pause_id, tool_name: reason }, rest, by, pause.iteration)];
  }
  if (asked.length === 0) return mismatch(pause, "waiting_approval");
  const entries = [];
  for (const callId of calls.keys()) {
    const refusal = refuse(pause, asked, callId, "approval");
    if (refusal) return refusal;
  }
  for (const call of asked) {
    const decision = calls.get(call.call_id) ?? rest;
    if (!decision || pause.answered.has(call.call_id)) continue;
    entries.push(decided(call, decision, by, pause.iteration));
  }
  return entries.length > 0 ? entries : claimed(asked);
}

function say(pause: OpenPause, { text, callId, by }: Submission & { kind: "input" }) {
  const asked = pause.data.pending.filter(({ needs }) => needs === "input");
  if (asked.length === 0) return mismatch(pause, "waiting_human_input");
  const open = asked.filter(({ call_id }) => !pause.answered.has(call_id));
  if (callId !== null) {
    const refusal = refuse(pause, asked, callId, "input");
    if (refusal) return refusal;
  } else if (open.length > 1) {
    return invalid(`it waits for several answers: say callId, one of ${names(open)}`);
  }
  const call = callId === null ? open[0] : asked.find(({ call_id }) => call_id === callId);
  if (!call) return claimed(asked);
  return [toCompleted(call, { success: true, result: text, error: null }, by, pause.iteration)];
}

function complete(pause: OpenPause, { results, by }: Submission & { kind: "results" }) {
  // Of a call that may have happened somebody may know what came of it.
  const takes = ({ needs }: PendingCall) =>
    needs === "result" || (needs === "approval" && pause.data.reason === "in_doubt");
  const asked = pause.data.pending.filter(takes);
  if (asked.length === 0) return mismatch(pause, "waiting_client_tool");
  const entries = [];
  const seen = new Set<string>();
  for (const result of results) {
    if (seen.has(result.callId)) return invalid(`call ${result.callId} has two results; give one`);
    seen.add(result.callId);
    const refusal = refuse(pause, asked, result.callId, "a result");
    if (refusal) return refusal;
    const call = asked.find(({ call_id }) => call_id === result.callId)!;
    entries.push(toCompleted(call, result, by, pause.iteration));
  }
  return entries;
}

/** Why a call cannot be answered so; null when it can. */
function refuse(pause: OpenPause, asked: readonly PendingCall[], callId: string, what: string): Refusal | null {
  if (!asked.some(({ call_id }) => call_id === callId)) {
    return invalid(`call ${JSON.stringify(callId)} does not wait for ${what}; ${names(asked)} does`);
  }
  return pause.answered.has(callId) ? { kind: "claimed", what: `call ${callId}` } : null;
}

const decided = (
  { call_id, tool_name }: Pick<PendingCall, "call_id" | "tool_name">,
  { approved, reason }: Decision,
  by: string | null,
  iteration_index: number,
) => ({
  event_type: "approval.decided" as const,
  iteration_index,
  correlation_id: call_id,
  data: { call_id, tool_name, approved, by, reason },
});

const invalid = (detail: string): Refusal => ({ kind: "invalid", detail });
const claimed = (calls: readonly PendingCall[]): Refusal => ({ kind: "claimed", what: `call ${names(calls)}` });
const mismatch = (pause: OpenPause, expectedStatus: WaitingStatus): Refusal => ({
  kind: "mismatch",
  currentStatus: pause.data.status,
  expectedStatus,
  childRunIds: pause.missing.flatMap(({ child_run_id }) => child_run_id ?? []),
});
const names = (calls: readonly PendingCall[]): string => calls.map(({ call_id }) => call_id).join(", ");

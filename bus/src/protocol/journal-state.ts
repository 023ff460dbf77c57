/**
 * Journal state: what a journal says of its run for those who did not write it: whether it is over, what it waits for, and
 * what of that has come. A pure fold, so that a worker, a submitter and the sweeper cannot disagree.
 */
import { dataOf, type PendingCall, type RunEventData } from "./run-event-data.ts";
import type { RunEventEntry } from "./run-events.ts";
import { TERMINAL_STATUSES, type RunStatus, type TerminalStatus } from "./run-statuses.ts";

/** A pause that is open. */
export interface OpenPause {
  readonly data: RunEventData<"run.paused">;
  readonly iteration: number;
  /** Of the entry that opened it. */
  readonly sequenceIndex: number;
  /** Calls that somebody has answered since, by call id. A pause without calls has its own id for one. */
  readonly answered: ReadonlySet<string>;
  /** Calls that nobody has answered yet. */
  readonly missing: readonly PendingCall[];
  readonly expiresAt: Date | null;
}

export interface JournalState {
  readonly status: RunStatus;
  /** The run's owner writes it: it is not only attempts and steps, which end with their task. */
  readonly isOwned: boolean;
  readonly pause: OpenPause | null;
  /** The last pause that was answered, with the task that goes on with it. Null before the first. */
  readonly resumed: RunEventData<"run.resumed"> | null;
  /** The entry that ends the run. */
  readonly end: RunEventEntry | null;
  /** The pause in which that entry found it: cancelled, or expired, without going on. */
  readonly endedIn: OpenPause | null;
  readonly iteration: number;
}

/** `entries`: the whole journal, in order. What does not read as its type says is passed over. */
export function journalState(entries: readonly RunEventEntry[]): JournalState {
  let isOwned = false;
  let paused: { data: RunEventData<"run.paused">; entry: RunEventEntry } | null = null;
  let answered = new Set<string>();
  let resumed: RunEventData<"run.resumed"> | null = null;
  let end: RunEventEntry | null = null;
  let status: RunStatus = "running";
  let iteration = 0;
  for (const entry of entries) {
    iteration = Math.max(iteration, entry.iteration_index);
    isOwned ||= !/^(attempt|step)\./.test(entry.event_type);
    const ended = endOf(entry);
    if (ended && !end) {
      end = entry;
      status = ended;
    }
    if (end) continue;
    const pause = dataOf(entry, "run.paused");
    if (pause) {
      paused = { data: pause, entry };
      answered = new Set();
    }
    const answer = dataOf(entry, "approval.decided") ?? dataOf(entry, "tool.completed");
    if (answer) answered.add(answer.call_id);
    const resume = dataOf(entry, "run.resumed");
    if (resume) {
      resumed = resume;
      paused = null;
    }
  }
  const open = paused && toOpenPause(paused.data, paused.entry, answered);
  if (open && !end) status = open.data.status;
  return {
    status,
    isOwned,
    pause: end ? null : open,
    resumed,
    end,
    endedIn: end ? open : null,
    iteration,
  };
}

function toOpenPause(
  data: RunEventData<"run.paused">,
  { iteration_index, sequence_index }: RunEventEntry,
  answered: ReadonlySet<string>,
): OpenPause {
  const at = data.expires_at === null ? NaN : Date.parse(data.expires_at);
  return {
    data,
    iteration: iteration_index,
    sequenceIndex: sequence_index,
    answered,
    missing: data.pending.filter(({ call_id }) => !answered.has(call_id)),
    expiresAt: Number.isNaN(at) ? null : new Date(at),
  };
}

/** The status that an entry ends its run in; null when the run goes on. */
export function endOf({ event_type, data }: RunEventEntry): TerminalStatus | null {
  switch (event_type) {
    case "run.completed":
      return TERMINAL_STATUSES.find((one) => one === data["status"]) ?? "success";
    case "run.error":
    case "run.interrupted":
    case "run.abandoned":
      return "error";
    case "run.cancelled":
      return "cancelled";
    default:
      return null;
  }
}

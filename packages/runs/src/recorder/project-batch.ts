/**
 * What a batch of the log says about runs and workers: a pure fold over its entries. It names, by sequence, which Signal
 * gives a run its input, its status and its outcome; the statement of write-batch.ts merges that into the rows.
 *
 * A run as its Signals tell it: `running` at its TASK, `waiting_…` at a question, `running` again at the wake-up (a TASK
 * with answers), and over at the first terminal (A1). A run with a journal says the same and more in RUN_EVENTs. What comes
 * after the first terminal changes nothing.
 */
import { runIdOf, type LogEntry, type PauseType, type Signal, type SignalOf, type SignalType } from "@myelin/bus";
import { endOf, OPEN_STATUSES, type RunEventEntry, type RunStatus } from "@myelin/bus/run-events";
import { foldFacts, messagesOf, type FittingEntry, type JournalFacts } from "./project-entries.ts";

/** One run as one batch tells it. Sequences point at the Signals that columns are taken from. */
export interface RunFold extends JournalFacts {
  readonly run_id: string;
  /** The first TASK that asks; null when the batch has none (a wake-up is a TASK, but asks nothing). */
  task_seq: number | null;
  /** Where tenant, trace, neuron, input and metadata are from: the TASK, else the run's first Signal here. */
  head_seq: number;
  first_seq: number;
  last_seq: number;
  created_at: string;
  updated_at: string;
  /** The last thing the run said of itself before it ended, and what said it. */
  live_seq: number | null;
  status: RunStatus;
  /**
   * All that the batch says of its status is a question that its journal has asked before: it counts unless the journal went on
   * since, which only the row knows.
   */
  live_if_waiting: boolean;
  /** Set by a question that says until when it may be answered; null when the live status is no such question. */
  pause_expires_at: string | null;
  /** The first terminal. */
  terminal_seq: number | null;
  /** The last TASK before the end, and its deadline. */
  last_task_seq: number | null;
  deadline: string | null;
  attempts: number;
  iteration_count: number;
  /** When the last part of its journal was stored; not there when the batch has none of it. */
  last_progress_at?: string;
}

/** One neuron of one process as one batch tells it. */
export interface WorkerFold {
  readonly instance_id: string;
  readonly neuron_id: string;
  capabilities: string[] | null;
  version: string | null;
  concurrency: number | null;
  registered_at: string | null;
  left_at: string | null;
  last_seen_at: string;
}

export interface BatchProjection {
  readonly runs: Map<string, RunFold>;
  readonly workers: Map<string, WorkerFold>;
  /** Entries of journals that are more than rows of run_events, in the order of the log. Of two with one place the first. */
  readonly entries: FittingEntry[];
  /** There is a RUN_EVENT in it, or the question of a journal. */
  readonly hasJournal: boolean;
}

/** Where in the log a Signal stands. */
type Place = Pick<LogEntry, "seq" | "storedAt">;

/** What a Signal does to its run. `null`: it is a row of signals and no more. */
type RunEffect<T extends SignalType> = ((run: RunFold, signal: SignalOf<T>, place: Place) => void) | null;

/** Every Signal type, once: a new one is a compile error here until somebody has said what it does to its run. */
const RUN_EFFECTS: { readonly [T in SignalType]: RunEffect<T> } = {
  TASK: (run, signal, { seq }) => {
    if (signal.payload.answers === undefined) run.task_seq ??= seq;
    if (!setLive(run, "running", seq)) return;
    run.last_task_seq = seq;
    run.deadline = parseTime(signal.payload.deadline);
  },
  AGENT_OUTPUT: ends("success"),
  FINAL: ends("success"),
  ERROR: ends("error"),
  STOPPED: ends("cancelled"),
  CLARIFICATION: pauses("waiting_human_input"),
  PERMISSION: pauses("waiting_approval"),
  ESCALATION: pauses("waiting_approval"),
  RUN_EVENT: (run, signal, { seq, storedAt }) => {
    for (const entry of signal.payload.entries) {
      run.iteration_count = Math.max(run.iteration_count, entry.iteration_index);
      foldFacts(run, entry, seq);
      const status = statusOf(entry);
      if (!status || !setLive(run, status, seq)) continue;
      if (entry.event_type === "run.paused") run.pause_expires_at = parseTime(entry.data["expires_at"]);
    }
    const at = storedAt.toISOString();
    if (run.last_progress_at === undefined || at > run.last_progress_at) run.last_progress_at = at;
  },
  TASK_OFFER: null,
  BID: null,
  TASK_AWARDED: null,
  TASK_DECLINED: null,
  CLARIFICATION_ANSWER: null,
  PERMISSION_DECISION: null,
  THOUGHT_DELTA: null,
  PLAN: null,
  CRITIQUE: null,
  CONSENSUS: null,
  CONTEXT_SYNC: null,
  MEMORY_APPEND: null,
  TOOL_CALL: null,
  TOOL_RESULT: null,
  RECALL: null,
  RECALLED: null,
  IMPRINT: null,
  IMPRINTED: null,
  REGISTER: null,
  DEREGISTER: null,
  HEARTBEAT: null,
  DISCOVER: null,
  STOP: null,
  AUDIT: null,
};

/** Fold Signals in the order of the log. */
export function projectBatch(signals: Iterable<Place & { signal: Signal }>): BatchProjection {
  const runs = new Map<string, RunFold>();
  const workers = new Map<string, WorkerFold>();
  const entries: FittingEntry[] = [];
  const places = new Set<string>();
  let hasJournal = false;
  for (const { signal, seq, storedAt } of signals) {
    // Of a TASK that does not name its run, the one its worker answers under. So in write-batch.ts.
    const runId = signal.type === "TASK" ? runIdOf(signal) : signal.meta.run_id;
    if (runId) foldRun(runs, runId, signal, { seq, storedAt });
    if (runId && signal.type === "RUN_EVENT") {
      hasJournal = true;
      collectEntries(entries, places, runId, signal, seq);
    }
    if (signal.type === "REGISTER" || signal.type === "DEREGISTER") foldWorker(workers, signal, storedAt.toISOString());
  }
  hasJournal ||= [...runs.values()].some((run) => run.live_if_waiting);
  return { runs, workers, entries, hasJournal };
}

function collectEntries(
  entries: FittingEntry[],
  places: Set<string>,
  run_id: string,
  { payload }: SignalOf<"RUN_EVENT">,
  seq: number,
): void {
  for (const entry of payload.entries) {
    const { sequence_index } = entry;
    const place = `${sequence_index} ${run_id}`;
    if (places.has(place)) continue;
    places.add(place);
    const messages = messagesOf(entry);
    if (messages) entries.push({ run_id, sequence_index, seq, messages });
  }
}

function foldRun(runs: Map<string, RunFold>, runId: string, signal: Signal, place: Place): void {
  const { seq } = place;
  const at = place.storedAt.toISOString();
  let run = runs.get(runId);
  if (!run) runs.set(runId, (run = newRun(runId, seq, at)));
  run.last_seq = seq;
  if (at < run.created_at) run.created_at = at;
  if (at > run.updated_at) run.updated_at = at;
  run.attempts = Math.max(run.attempts, signal.meta.attempt ?? 0);
  const hadTask = run.task_seq !== null;
  const effect = RUN_EFFECTS[signal.type] as RunEffect<SignalType>;
  effect?.(run, signal, place);
  if (!hadTask && run.task_seq !== null) run.head_seq = run.task_seq;
}

function newRun(runId: string, seq: number, at: string): RunFold {
  return {
    run_id: runId,
    task_seq: null,
    head_seq: seq,
    first_seq: seq,
    last_seq: seq,
    created_at: at,
    updated_at: at,
    live_seq: null,
    status: "running",
    live_if_waiting: false,
    pause_expires_at: null,
    terminal_seq: null,
    last_task_seq: null,
    deadline: null,
    attempts: 0,
    iteration_count: 0,
  };
}

/** False when the run is over: then nothing it says of itself counts. */
function setLive(run: RunFold, status: RunStatus, seq: number): boolean {
  if (run.terminal_seq !== null) return false;
  run.status = status;
  run.live_seq = seq;
  run.live_if_waiting = false;
  run.pause_expires_at = null;
  return true;
}

function pauses(status: RunStatus): NonNullable<RunEffect<PauseType>> {
  return (run, signal, { seq }) => {
    const isTold = typeof signal.payload.context?.["pause_id"] === "string";
    // The question of a journal travels as a reply too, and somebody may have answered it before the reply was stored.
    if (isTold && run.live_seq !== null && !isWaiting(run.status)) return;
    const isAllItSays = run.live_seq === null || run.live_if_waiting;
    const said = "status" in signal.payload ? oneOf(OPEN_STATUSES, signal.payload.status) : null;
    if (!setLive(run, said ?? status, seq)) return;
    run.live_if_waiting = isTold && isAllItSays;
    run.pause_expires_at = parseTime(signal.payload.expires_at);
  };
}

const isWaiting = (status: RunStatus): boolean => status.startsWith("waiting");

function ends(status: RunStatus): NonNullable<RunEffect<SignalType>> {
  return (run, _signal, { seq }) => {
    if (run.terminal_seq !== null) return;
    run.terminal_seq = seq;
    // The reply of a run that used up its iterations is an answer like any other; only its journal tells them apart.
    if (run.status !== "max_iterations") run.status = status;
  };
}

/** The status that a journal entry puts its run in; null when it leaves it as it is. */
function statusOf(entry: RunEventEntry): RunStatus | null {
  switch (entry.event_type) {
    case "run.started":
    case "attempt.started":
    case "run.resumed":
      return "running";
    case "run.paused":
      return oneOf(OPEN_STATUSES, entry.data["status"]) ?? "waiting_human_input";
    default:
      return endOf(entry);
  }
}

const oneOf = <T extends string>(known: readonly T[], value: unknown): T | null =>
  known.find((one) => one === value) ?? null;

/** A time as Postgres takes it; null for none, and for a year it does not know. */
function parseTime(time: unknown): string | null {
  const at = new Date(typeof time === "string" ? time : NaN);
  return at.getUTCFullYear() >= 1 && at.getUTCFullYear() <= 9999 ? at.toISOString() : null;
}

function foldWorker(workers: Map<string, WorkerFold>, signal: SignalOf<"REGISTER" | "DEREGISTER">, at: string): void {
  const neuron_id = signal.directed.id;
  const instance_id = signal.meta.instance ?? neuron_id; // a peer of another make may not say which process it is
  const key = `${instance_id} ${neuron_id}`;
  let worker = workers.get(key);
  if (!worker) {
    worker = {
      instance_id,
      neuron_id,
      capabilities: null,
      version: null,
      concurrency: null,
      registered_at: null,
      left_at: null,
      last_seen_at: at,
    };
    workers.set(key, worker);
  }
  worker.last_seen_at = at;
  if (signal.type === "DEREGISTER") {
    worker.left_at = at;
  } else {
    worker.registered_at = at;
    worker.left_at = null;
    worker.capabilities = signal.payload.capabilities;
    worker.version = signal.payload.version ?? null;
    worker.concurrency = signal.payload.concurrency ?? null;
  }
}

/**
 * What a dispatch can end in besides an answer. Errors cross the bus as `{ code, message, recoverable }`; both directions
 * are here: `toErrorPayload` for the worker, `fromErrorSignal` for the dispatcher.
 */
import { BusError, type PauseType, type PayloadOf, type SignalOf } from "@myelin/bus";
import type { OpenStatus, RunStatus, TerminalStatus, WaitingStatus } from "@myelin/bus/run-events";
import { NeuronFailure } from "@myelin/neuron";

/**
 * - `NEURON_ERROR`: the neuron failed; `NeuronError.code` is the neuron's own · `NEURON_PAUSED`: it waits for a person
 * - `DISPATCH_TIMEOUT`: no reply in time · `NO_WORKER`: nobody hosts that neuron or those capabilities
 * - `INPUT_INVALID`: the input does not fit the contract · `ALREADY_ANSWERED`: the question has an answer
 * - `TASK_NOT_FOUND`: the task behind a question is not in the log · `STREAM_OVERFLOW`: the reader of a stream is too slow
 * - `IDEMPOTENCY_CONFLICT`: the key stands for another request · `RUN_NOT_FOUND`: no such run · `DEAD_LETTER_NOT_FOUND`: no
 *   such dead letter · `RECORDS_UNAVAILABLE`: the log does not hold it any more, and nobody who reads the tables answers
 * - `RUN_NOT_PAUSED`, `PAUSE_STATUS_MISMATCH`, `RUN_ALREADY_CLAIMED`, `RUN_ALREADY_TERMINAL`, `PAUSE_EXPIRED`,
 *   `INVALID_TOOL_RESULT`: a submission that a run does not take; nothing was changed · `RUN_NOT_TERMINAL`: it cannot be retried yet
 * - `NOT_AN_AGENT`: a neuron is there, and is no agent
 * - `UNKNOWN_NAME`: the agent has no such tool, source or vendor · `GUARDRAIL_BLOCKED`: the message may not be sent
 * - `INVALID_OPTION`: an option has a wrong value · `STOPPED`: the Dendrite was stopped
 */
export type DendriteErrorCode =
  | "NEURON_ERROR"
  | "NEURON_PAUSED"
  | "DISPATCH_TIMEOUT"
  | "NO_WORKER"
  | "INPUT_INVALID"
  | "ALREADY_ANSWERED"
  | "TASK_NOT_FOUND"
  | "STREAM_OVERFLOW"
  | "IDEMPOTENCY_CONFLICT"
  | "RUN_NOT_FOUND"
  | "DEAD_LETTER_NOT_FOUND"
  | "RECORDS_UNAVAILABLE"
  | "RUN_NOT_PAUSED"
  | "PAUSE_STATUS_MISMATCH"
  | "RUN_ALREADY_CLAIMED"
  | "RUN_ALREADY_TERMINAL"
  | "RUN_NOT_TERMINAL"
  | "PAUSE_EXPIRED"
  | "INVALID_TOOL_RESULT"
  | "NOT_AN_AGENT"
  | "UNKNOWN_NAME"
  | "GUARDRAIL_BLOCKED"
  | "INVALID_OPTION"
  | "STOPPED";

/** The base of every error a Dendrite raises. `kind` says which; a `NeuronError` has the neuron's own `code` besides. */
export class DendriteError extends Error {
  override readonly name: string = "DendriteError";
  readonly kind: DendriteErrorCode;

  constructor(kind: DendriteErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.kind = kind;
  }
}

/** The neuron failed, or was stopped (`code` STOPPED). `recoverable` says whether the same again may work. */
export class NeuronError extends DendriteError {
  override readonly name = "NeuronError";
  readonly code: string;
  readonly recoverable: boolean;
  readonly signal: SignalOf<"ERROR" | "STOPPED" | "AGENT_OUTPUT">;

  constructor(failure: { code: string; message: string; recoverable: boolean }, signal: NeuronError["signal"]) {
    super("NEURON_ERROR", `${signal.directed.id}: ${failure.code}: ${failure.message}`);
    this.code = failure.code;
    this.recoverable = failure.recoverable;
    this.signal = signal;
  }
}

/** The run waits for a person. Answer with `dendrite.respondTo…(error.signal, …)`, from any process. */
export class NeuronPausedError extends DendriteError {
  override readonly name = "NeuronPausedError";
  readonly runId: string;
  readonly signal: SignalOf<PauseType>;

  constructor(signal: SignalOf<PauseType>) {
    super("NEURON_PAUSED", `${signal.directed.id} paused with ${signal.type}: ${questionOf(signal)}`);
    this.runId = signal.meta.run_id ?? "";
    this.signal = signal;
  }
}

/** No reply came in time. The task may still be running; its reply is in the log under `runId`. */
export class DispatchTimeoutError extends DendriteError {
  override readonly name = "DispatchTimeoutError";
  readonly runId: string;
  readonly traceId: string;
  readonly timeoutMs: number;

  constructor(neuron: string, timeoutMs: number, runId: string, traceId: string) {
    super("DISPATCH_TIMEOUT", `${neuron} did not reply within ${timeoutMs} ms (run ${runId}); it may still be running`);
    this.runId = runId;
    this.traceId = traceId;
    this.timeoutMs = timeoutMs;
  }
}

/** Nobody there to do it. Start a worker, or dispatch with `whenAbsent: "wait"` to queue the task. */
export class NoWorkerError extends DendriteError {
  override readonly name = "NoWorkerError";
  readonly neuron: string | null;
  readonly capabilities: readonly string[];

  constructor(wanted: { neuron: string | null; capabilities: readonly string[] }, namespace: string) {
    const what =
      wanted.neuron === null ? `capabilities ${JSON.stringify(wanted.capabilities)}` : `neuron "${wanted.neuron}"`;
    super(
      "NO_WORKER",
      `no worker for ${what} in namespace "${namespace}"; start one, or pass whenAbsent: "wait" to queue`,
    );
    this.neuron = wanted.neuron;
    this.capabilities = wanted.capabilities;
  }
}

/** Where an input does not fit its contract: `path` as in `list.0.name`, and what should be there. */
export interface InputIssue {
  readonly path: string;
  readonly message: string;
}

/** The input does not fit the neuron's contract. Raised by the caller's side when it knows the contract, else by the worker's. */
export class InputValidationError extends DendriteError {
  override readonly name = "InputValidationError";
  readonly neuron: string;
  readonly issues: readonly InputIssue[];

  constructor(neuron: string, issues: readonly InputIssue[]) {
    super("INPUT_INVALID", `input of "${neuron}" is invalid: ${describeIssues(issues)}`);
    this.neuron = neuron;
    this.issues = issues;
  }
}

/** Somebody else answered this question before. Nothing was sent. */
export class AlreadyAnsweredError extends DendriteError {
  override readonly name = "AlreadyAnsweredError";
  readonly signal: SignalOf<PauseType>;

  constructor(signal: SignalOf<PauseType>) {
    super("ALREADY_ANSWERED", `${signal.type} ${signal.id} of run ${signal.meta.run_id} was already answered`);
    this.signal = signal;
  }
}

/** The idempotency key stands for another request: other input. Nothing was sent. */
export class IdempotencyConflictError extends DendriteError {
  override readonly name = "IdempotencyConflictError";
  readonly idempotencyKey: string;
  /** The run it stands for. */
  readonly runId: string;

  constructor(idempotencyKey: string, runId: string) {
    const key = JSON.stringify(idempotencyKey);
    super(
      "IDEMPOTENCY_CONFLICT",
      `idempotency key ${key} stands for run ${runId}, whose input is another; use another key`,
    );
    this.idempotencyKey = idempotencyKey;
    this.runId = runId;
  }
}

/** Neither the log nor the records know the run. A transient run is in neither. */
export class RunNotFoundError extends DendriteError {
  override readonly name = "RunNotFoundError";

  constructor(what: string, namespace: string) {
    super("RUN_NOT_FOUND", `there is no ${what} in namespace "${namespace}"; a transient run leaves nothing to find`);
  }
}

/** No ERROR of that id ended a run. */
export class DeadLetterNotFoundError extends DendriteError {
  override readonly name = "DeadLetterNotFoundError";
  readonly id: string;

  constructor(id: string, why: string) {
    super("DEAD_LETTER_NOT_FOUND", `there is no dead letter ${id}: ${why}`);
    this.id = id;
  }
}

/** The log does not hold it any more, and nobody answered for the tables. Start a recorder, or try again. */
export class RecordsUnavailableError extends DendriteError {
  override readonly name = "RecordsUnavailableError";

  constructor(about: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      "RECORDS_UNAVAILABLE",
      `the log does not hold ${about} (any more), and no recorder answers for the tables; start one, or try again (${reason})`,
      { cause },
    );
  }
}

/** The run waits for nothing: it is at work. Nothing was changed. */
export class RunNotPausedError extends DendriteError {
  override readonly name = "RunNotPausedError";
  readonly runId: string;
  readonly currentStatus: OpenStatus;

  constructor(runId: string, currentStatus: OpenStatus = "running") {
    super("RUN_NOT_PAUSED", `run ${runId} is ${currentStatus}: it waits for nobody; nothing was changed`);
    this.runId = runId;
    this.currentStatus = currentStatus;
  }
}

/** The run waits for something else. Nothing was changed. */
export class PauseStatusMismatchError extends DendriteError {
  override readonly name = "PauseStatusMismatchError";
  readonly runId: string;
  readonly currentStatus: WaitingStatus;
  /** What this submission would answer. */
  readonly expectedStatus: WaitingStatus;
  /** When it waits for what it delegated: the runs to answer instead. Else empty. */
  readonly childRunIds: readonly string[];

  constructor(
    runId: string,
    currentStatus: WaitingStatus,
    expectedStatus: WaitingStatus,
    hint: string,
    childRunIds: readonly string[] = [],
  ) {
    super("PAUSE_STATUS_MISMATCH", `run ${runId} is ${currentStatus}, not ${expectedStatus}: ${hint}`);
    this.runId = runId;
    this.currentStatus = currentStatus;
    this.expectedStatus = expectedStatus;
    this.childRunIds = childRunIds;
  }
}

/** Another submission was first. Nothing was changed by this one. */
export class RunAlreadyClaimedError extends DendriteError {
  override readonly name = "RunAlreadyClaimedError";
  readonly runId: string;

  constructor(runId: string, what = "its pause") {
    super("RUN_ALREADY_CLAIMED", `another submission has answered ${what} of run ${runId}; nothing was changed`);
    this.runId = runId;
  }
}

/** The run is over. Nothing was changed. */
export class RunAlreadyTerminalError extends DendriteError {
  override readonly name = "RunAlreadyTerminalError";
  readonly runId: string;
  readonly currentStatus: TerminalStatus;

  constructor(runId: string, currentStatus: TerminalStatus) {
    super("RUN_ALREADY_TERMINAL", `run ${runId} is over (${currentStatus}); retry(runId) runs it again`);
    this.runId = runId;
    this.currentStatus = currentStatus;
  }
}

/** The run still lives: only what is over can be retried. */
export class RunNotTerminalError extends DendriteError {
  override readonly name = "RunNotTerminalError";
  readonly runId: string;
  readonly currentStatus: RunStatus;

  constructor(runId: string, currentStatus: RunStatus) {
    super("RUN_NOT_TERMINAL", `run ${runId} is ${currentStatus}; cancel it, or wait for its end, before a retry`);
    this.runId = runId;
    this.currentStatus = currentStatus;
  }
}

/** The pause could be answered until `expiresAt`. The run ends in ERROR. */
export class PauseExpiredError extends DendriteError {
  override readonly name = "PauseExpiredError";
  readonly runId: string;
  readonly expiresAt: Date;

  constructor(runId: string, expiresAt: Date) {
    super(
      "PAUSE_EXPIRED",
      `the pause of run ${runId} expired at ${expiresAt.toISOString()}; retry(runId) runs it again`,
    );
    this.runId = runId;
    this.expiresAt = expiresAt;
  }
}

/** What was submitted does not fit what the run waits for. Nothing was changed. */
export class InvalidToolResultError extends DendriteError {
  override readonly name = "InvalidToolResultError";
  readonly runId: string;

  constructor(runId: string, detail: string) {
    super("INVALID_TOOL_RESULT", `run ${runId}: ${detail}`);
    this.runId = runId;
  }
}

/** The agent has no tool, tool source or vendor of that name. Nothing was sent. */
export class UnknownNameError extends DendriteError {
  override readonly name = "UnknownNameError";
  readonly agent: string;
  readonly what: "tool" | "source" | "vendor";
  readonly unknownName: string;
  /** What there is. */
  readonly known: readonly string[];

  constructor(agent: string, what: UnknownNameError["what"], unknownName: string, known: readonly string[]) {
    const there = known.length === 0 ? `no ${what}s` : `the ${what}s ${known.join(", ")}`;
    super("UNKNOWN_NAME", `agent "${agent}" has no ${what} ${JSON.stringify(unknownName)}; it has ${there}`);
    this.agent = agent;
    this.what = what;
    this.unknownName = unknownName;
    this.known = known;
  }
}

/** A run was asked of what is no agent: dispatch to it, or call it. Nothing was sent. */
export class NotAnAgentError extends DendriteError {
  override readonly name = "NotAnAgentError";
  readonly neuron: string;
  /** The run that was to be retried; null when one was to be started. */
  readonly runId: string | null;

  constructor(neuron: string, runId: string | null = null) {
    const what =
      runId === null
        ? `neuron "${neuron}" is no agent; dispatch to it, or call it`
        : `run ${runId} of neuron "${neuron}" has no agent's journal; dispatch its input again`;
    super("NOT_AN_AGENT", what);
    this.neuron = neuron;
    this.runId = runId;
  }
}

/** A guardrail of the agent refuses the message. Nothing was sent, and what was found is not repeated here. */
export class GuardrailBlockedError extends DendriteError {
  override readonly name = "GuardrailBlockedError";
  readonly agent: string;
  readonly guardrail: string;
  /** The kinds of what was found. */
  readonly entities: readonly string[];

  constructor(agent: string, guardrail: string, entities: readonly string[]) {
    super(
      "GUARDRAIL_BLOCKED",
      `guardrail "${guardrail}" of agent "${agent}" refuses the message: it holds ${entities.join(", ")}`,
    );
    this.agent = agent;
    this.guardrail = guardrail;
    this.entities = entities;
  }
}

/** Codes that the Axon itself chooses for an ERROR, beside those of `NeuronFailure` and of the neuron's own. */
export type AxonErrorCode =
  | "INPUT_INVALID"
  | "OUTPUT_INVALID"
  | "OUTPUT_NOT_JSON"
  | "PAYLOAD_TOO_LARGE"
  | "DEADLINE_EXCEEDED"
  | "ATTEMPTS_EXHAUSTED"
  | "KEY_INVALID"
  | "OVERLOADED"
  | "WORKER_STOPPED";

const MAX_MESSAGE_LENGTH = 4_000;
/** The same again may work. */
const RECOVERABLE: ReadonlySet<DendriteErrorCode> = new Set(["DISPATCH_TIMEOUT", "NO_WORKER", "RECORDS_UNAVAILABLE"]);

/** Anything thrown while a task ran, as the payload of its ERROR. Stack and cause stay here. */
export function toErrorPayload(thrown: unknown): PayloadOf<"ERROR"> {
  if (thrown instanceof InputValidationError) {
    return { code: "INPUT_INVALID", message: thrown.message, recoverable: false, issues: [...thrown.issues] };
  }
  if (thrown instanceof BusError) {
    const code = thrown.code === "NOT_JSON" ? "OUTPUT_NOT_JSON" : thrown.code;
    return { code, message: thrown.message, recoverable: thrown.code === "LOG_UNAVAILABLE" };
  }
  if (thrown instanceof NeuronError) {
    return { code: thrown.code, message: thrown.message, recoverable: thrown.recoverable };
  }
  if (thrown instanceof DendriteError) {
    const recoverable = RECOVERABLE.has(thrown.kind);
    return { code: thrown.kind, message: thrown.message, recoverable };
  }
  const { code, message, recoverable } = NeuronFailure.from(thrown);
  return { code, message: message.slice(0, MAX_MESSAGE_LENGTH), recoverable };
}

/** An ERROR or STOPPED as the error its dispatcher gets. */
export function fromErrorSignal(signal: SignalOf<"ERROR" | "STOPPED">): DendriteError {
  if (signal.type === "STOPPED") {
    const message = signal.payload.reason ?? "the run was stopped";
    return new NeuronError({ code: "STOPPED", message, recoverable: false }, signal);
  }
  const { code, issues } = signal.payload;
  if (code === "INPUT_INVALID" && Array.isArray(issues)) {
    return new InputValidationError(signal.directed.id, issues as InputIssue[]);
  }
  return new NeuronError(signal.payload, signal);
}

/** What a pause asks, in one line. */
export function questionOf(signal: SignalOf<PauseType>): string {
  switch (signal.type) {
    case "CLARIFICATION":
      return signal.payload.question;
    case "PERMISSION":
      return signal.payload.action;
    case "ESCALATION":
      return signal.payload.reason;
  }
}

/** Issues in one line: `text: expected string; list.0: too small`. */
export const describeIssues = (issues: readonly InputIssue[]): string =>
  issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");

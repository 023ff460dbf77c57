/** toProblem: what a request ended in, as the client may see it. The one table from errors to status codes. */
import { BusError, type PauseType, type SignalOf } from "@myelin/bus";
import {
  DendriteError,
  DispatchTimeoutError,
  GuardrailBlockedError,
  IdempotencyConflictError,
  InputValidationError,
  InvalidToolResultError,
  NeuronError,
  NeuronPausedError,
  NotAnAgentError,
  PauseExpiredError,
  PauseStatusMismatchError,
  RunAlreadyClaimedError,
  RunAlreadyTerminalError,
  RunNotPausedError,
  RunNotTerminalError,
  UnknownNameError,
} from "@myelin/dendrite";
import { RunsError } from "@myelin/runs";
import { HttpProblem } from "./problem.ts";

/** Seconds after which trying again may help: a worker takes about this long to start, a log server to come back. */
const RETRY_AFTER = { "retry-after": "2" };

/**
 * Anything thrown while a request was served, as a problem. Rules, in order:
 * - an `HttpProblem` is returned as it is;
 * - 400: the input is not what the neuron takes · 413: larger than the bus takes
 * - 404: no such run or dead letter · 409: the idempotency key stands for another input
 * - 409: the run is in no state for a submission, or another one was first · 410: its pause has expired
 * - 422: what was asked names what is not there (a tool, a call, a filter's value) or is no agent, or a guardrail refuses it
 * - 409: the run paused with a question. Not 202: a client that knows only `response` must not take a question for one
 * - 503 with Retry-After: no worker, no log, overloaded, stopping · 504: no answer in time
 * - 502: the neuron failed. Its message is shown when it chose the code itself, and not when it merely crashed
 * - 500 for the rest, without a word about it
 */
export function toProblem(thrown: unknown): HttpProblem {
  if (thrown instanceof HttpProblem) return thrown;
  if (thrown instanceof DendriteError) return fromDendrite(thrown) ?? internal(thrown);
  if (thrown instanceof BusError) return fromBus(thrown) ?? internal(thrown);
  if (thrown instanceof RunsError) return fromRuns(thrown) ?? internal(thrown);
  return internal(thrown);
}

function fromDendrite(error: DendriteError): HttpProblem | null {
  const problem = (status: number, code: string, detail: string, members: Record<string, unknown> = {}) =>
    new HttpProblem({ status, code, detail, members, cause: error, headers: status === 503 ? RETRY_AFTER : {} });

  if (error instanceof InputValidationError) {
    return problem(400, "INPUT_INVALID", error.message, { errors: error.issues });
  }
  if (error instanceof NeuronPausedError) {
    const { signal, runId } = error;
    return problem(409, "NEURON_PAUSED", error.message, {
      pause: signal.type,
      question: questionOf(signal),
      runId,
      traceId: signal.trace_id,
      signalId: signal.id,
    });
  }
  if (error instanceof DispatchTimeoutError) {
    const { runId, traceId, timeoutMs } = error;
    return problem(504, "DISPATCH_TIMEOUT", error.message, { runId, traceId, timeoutMs });
  }
  if (error instanceof NeuronError) return fromNeuron(error, problem);
  const submission = fromSubmission(error);
  if (submission) return problem(submission.status, error.kind, error.message, submission.members);
  if (error.kind === "NO_WORKER") return problem(503, "NO_WORKER", error.message);
  if (error.kind === "RUN_NOT_FOUND" || error.kind === "DEAD_LETTER_NOT_FOUND")
    return problem(404, error.kind, error.message);
  if (error instanceof IdempotencyConflictError) return problem(409, error.kind, error.message, { runId: error.runId });
  if (error.kind === "RECORDS_UNAVAILABLE") {
    return problem(503, error.kind, "the run is past the log, and its record cannot be read at the moment; try again");
  }
  if (error.kind === "STREAM_OVERFLOW") return problem(503, error.kind, error.message);
  if (error.kind === "STOPPED") return problem(503, "STOPPING", "this process is stopping; ask another, or try again");
  return null;
}

/** What a run, or an agent, does not take. Nothing was changed by it. */
function fromSubmission(error: DendriteError): { status: number; members: Record<string, unknown> } | null {
  if (error instanceof PauseStatusMismatchError) {
    const { runId, currentStatus, expectedStatus, childRunIds } = error;
    const children = childRunIds.length > 0 && { childRunIds };
    return { status: 409, members: { runId, currentStatus, expectedStatus, ...children } };
  }
  if (
    error instanceof RunNotPausedError ||
    error instanceof RunAlreadyTerminalError ||
    error instanceof RunNotTerminalError
  ) {
    return { status: 409, members: { runId: error.runId, currentStatus: error.currentStatus } };
  }
  if (error instanceof RunAlreadyClaimedError) return { status: 409, members: { runId: error.runId } };
  if (error instanceof PauseExpiredError) {
    return { status: 410, members: { runId: error.runId, expiresAt: error.expiresAt.toISOString() } };
  }
  if (error instanceof InvalidToolResultError) return { status: 422, members: { runId: error.runId } };
  if (error instanceof UnknownNameError) {
    const { agent, what, unknownName, known } = error;
    return { status: 422, members: { agent, what, unknownName, known } };
  }
  if (error instanceof NotAnAgentError) {
    const { neuron, runId } = error;
    return { status: 422, members: { neuron, ...(runId !== null && { runId }) } };
  }
  if (error instanceof GuardrailBlockedError) {
    const { agent, guardrail, entities } = error;
    return { status: 422, members: { agent, guardrail, entities } };
  }
  return null;
}

function fromRuns(error: RunsError): HttpProblem | null {
  const problem = (status: number, code: string, detail: string) =>
    new HttpProblem({ status, code, detail, cause: error, headers: status === 503 ? RETRY_AFTER : {} });
  switch (error.code) {
    case "INVALID_FILTER":
      return problem(422, "INVALID_QUERY", error.message);
    case "RUN_NOT_FOUND":
      return problem(404, error.code, error.message);
    case "DATABASE_UNAVAILABLE":
      return problem(503, error.code, "the records cannot be read at the moment; try again");
    case "NOT_MIGRATED":
      return problem(503, error.code, "the tables are missing; whoever runs this must migrate the database");
    case "CLOSED":
      return problem(503, "STOPPING", "this process is stopping; ask another, or try again");
    default:
      return null;
  }
}

function fromNeuron(
  { code, message, recoverable, signal }: NeuronError,
  problem: (status: number, code: string, detail: string, members: Record<string, unknown>) => HttpProblem,
): HttpProblem {
  const runId = signal.meta.run_id;
  const members = { recoverable, runId, traceId: signal.trace_id };
  if (code === "INPUT_INVALID") return problem(400, code, message, members);
  if (code === "PAYLOAD_TOO_LARGE") return problem(502, code, message, members);
  if (code === "OVERLOADED") return problem(503, code, message, members);
  if (code === "DEADLINE_EXCEEDED") return problem(504, code, message, members);
  // What an exception says was written for its own programmer: paths, addresses, whatever a library puts there.
  const detail = code === "NEURON_EXCEPTION" ? `${signal.directed.id} failed; run ${runId} says with what` : message;
  return problem(502, code, detail, members);
}

function fromBus(error: BusError): HttpProblem | null {
  const problem = (status: number, detail: string, headers = {}) =>
    new HttpProblem({ status, code: error.code, detail, headers, cause: error });
  switch (error.code) {
    case "PAYLOAD_TOO_LARGE":
      return problem(413, error.message);
    case "NOT_JSON":
      return problem(400, "the body holds what the bus cannot carry as JSON: nested too deeply?");
    case "LOG_UNAVAILABLE":
      return problem(503, "the log does not take tasks at the moment; try again", RETRY_AFTER);
    case "CLOSED":
      return problem(503, "this process is stopping; ask another, or try again", RETRY_AFTER);
    default:
      return null;
  }
}

/** What the pause asks, in its own words. */
function questionOf(signal: SignalOf<PauseType>): string {
  switch (signal.type) {
    case "CLARIFICATION":
      return signal.payload.question;
    case "PERMISSION":
      return signal.payload.action;
    case "ESCALATION":
      return signal.payload.reason;
  }
}

const internal = (cause: unknown): HttpProblem =>
  new HttpProblem({ status: 500, code: "INTERNAL", detail: "something failed on our side; the log says what", cause });

import { BusError, createSignal, LogUnavailableError, newTraceId, PayloadTooLargeError } from "@myelin/bus";
import type { Producer, SignalOf } from "@myelin/bus";
import {
  DeadLetterNotFoundError,
  DendriteError,
  DispatchTimeoutError,
  IdempotencyConflictError,
  InputValidationError,
  NeuronError,
  NeuronPausedError,
  NotAnAgentError,
  NoWorkerError,
  PauseExpiredError,
  RecordsUnavailableError,
  RunAlreadyClaimedError,
  RunNotFoundError,
  RunNotPausedError,
  UnknownNameError,
} from "@myelin/dendrite";
import { RunStoreError } from "@myelin/runs";
import { describe, expect, test } from "@jest/globals";
import { HttpProblem } from "./problem.ts";
import { toProblem } from "./to-problem.ts";

const base = {
  trace_id: newTraceId(),
  directed: { id: "worker", type: null, capabilities: [] } satisfies Producer,
  meta: { run_id: "run_1" },
};

function neuronError(code: string, message = "it said no"): NeuronError {
  const payload = { code, message, recoverable: true };
  return new NeuronError(payload, createSignal({ ...base, type: "ERROR", payload }));
}
const clarification: SignalOf<"CLARIFICATION"> = createSignal({
  ...base,
  type: "CLARIFICATION",
  payload: { question: "Which one?" },
});
const permission = createSignal({ ...base, type: "PERMISSION", payload: { action: "delete it" } });
const escalation = createSignal({ ...base, type: "ESCALATION", payload: { reason: "too hard" } });

const noWorker = new NoWorkerError({ neuron: "worker", capabilities: [] }, "default");

describe("toProblem", () => {
  test.each([
    [new InputValidationError("worker", [{ path: "text", message: "missing" }]), 400, "INPUT_INVALID"],
    [neuronError("INPUT_INVALID"), 400, "INPUT_INVALID"],
    [new BusError("NOT_JSON", "x"), 400, "NOT_JSON"],
    [new NeuronPausedError(clarification), 409, "NEURON_PAUSED"],
    [new PayloadTooLargeError("TASK", 9, 8), 413, "PAYLOAD_TOO_LARGE"],
    [neuronError("MODEL_OVERLOADED"), 502, "MODEL_OVERLOADED"],
    [neuronError("PAYLOAD_TOO_LARGE"), 502, "PAYLOAD_TOO_LARGE"],
    [new RunNotFoundError("run run_1", "default"), 404, "RUN_NOT_FOUND"],
    [new DeadLetterNotFoundError("evt_1", "there is none"), 404, "DEAD_LETTER_NOT_FOUND"],
    [new IdempotencyConflictError("k", "run_1"), 409, "IDEMPOTENCY_CONFLICT"],
    [new RecordsUnavailableError("run run_1", new Error("postgres://10.0.0.7")), 503, "RECORDS_UNAVAILABLE"],
    [noWorker, 503, "NO_WORKER"],
    [new LogUnavailableError("nats://10.0.0.7 did not answer"), 503, "LOG_UNAVAILABLE"],
    [neuronError("OVERLOADED"), 503, "OVERLOADED"],
    [new DendriteError("STOPPED", "x"), 503, "STOPPING"],
    [new DendriteError("STREAM_OVERFLOW", "x"), 503, "STREAM_OVERFLOW"],
    [new RunNotPausedError("run_1"), 409, "RUN_NOT_PAUSED"],
    [new RunAlreadyClaimedError("run_1"), 409, "RUN_ALREADY_CLAIMED"],
    [new PauseExpiredError("run_1", new Date(0)), 410, "PAUSE_EXPIRED"],
    [new UnknownNameError("support", "tool", "x", []), 422, "UNKNOWN_NAME"],
    [new NotAnAgentError("worker"), 422, "NOT_AN_AGENT"],
    [new NotAnAgentError("worker", "run_1"), 422, "NOT_AN_AGENT"],
    [new RunStoreError("RUN_NOT_FOUND", "x"), 404, "RUN_NOT_FOUND"],
    [new RunStoreError("INVALID_FILTER", "x"), 422, "INVALID_QUERY"],
    [new RunStoreError("DATABASE_UNAVAILABLE", "10.0.0.7"), 503, "DATABASE_UNAVAILABLE"],
    [new RunStoreError("QUERY_FAILED", "10.0.0.7"), 500, "INTERNAL"],
    [new BusError("CLOSED", "x"), 503, "CLOSED"],
    [new DispatchTimeoutError("worker", 100, "run_1", "trc_1"), 504, "DISPATCH_TIMEOUT"],
    [neuronError("DEADLINE_EXCEEDED"), 504, "DEADLINE_EXCEEDED"],
    [new DendriteError("INVALID_OPTION", "x"), 500, "INTERNAL"],
    [new BusError("LOG_CONFIG", "x"), 500, "INTERNAL"],
    [new TypeError("secret at /srv/app.ts"), 500, "INTERNAL"],
    ["a thrown text", 500, "INTERNAL"],
    [undefined, 500, "INTERNAL"],
  ])("%p is %d %s", (error, status, code) => {
    expect(toProblem(error)).toMatchObject({ status, code });
  });

  test("every 503 says when to try again, and nothing else does", async () => {
    for (const error of [
      noWorker,
      new LogUnavailableError("x"),
      neuronError("OVERLOADED"),
      new BusError("CLOSED", "x"),
    ]) {
      expect(toProblem(error).toResponse().headers.get("retry-after")).toBe("2");
    }
    expect(toProblem(neuronError("X")).toResponse().headers.has("retry-after")).toBe(false);
  });

  test.each([
    [clarification, "CLARIFICATION", "Which one?"],
    [permission, "PERMISSION", "delete it"],
    [escalation, "ESCALATION", "too hard"],
  ])("a paused run gives its question and where to answer it: %#", (signal, pause, question) => {
    const { trace_id: traceId, id: signalId } = signal;
    const { members } = toProblem(new NeuronPausedError(signal));
    expect(members).toEqual({ pause, question, runId: "run_1", traceId, signalId });
  });

  test("shows what a neuron chose to say, and not what it crashed with", () => {
    expect(toProblem(neuronError("MODEL_REFUSED_REQUEST", "401 bad key")).message).toContain("401 bad key");
    const crashed = toProblem(neuronError("NEURON_EXCEPTION", "ENOENT /srv/secret"));
    expect(crashed.message).toBe("worker failed; run run_1 says with what");
  });

  test("says nothing of what failed inside, in a body that is RFC 9457", async () => {
    const response = toProblem(new TypeError("secret at /srv/app.ts")).toResponse();
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toEqual({
      type: "about:blank",
      title: "Internal Server Error",
      status: 500,
      detail: "something failed on our side; the log says what",
      code: "INTERNAL",
    });
  });

  test("leaves an HttpProblem as it is", () => {
    const problem = new HttpProblem({ status: 403, code: "FORBIDDEN", detail: "no" });
    expect(toProblem(problem)).toBe(problem);
  });
});

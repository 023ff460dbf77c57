/**
 * Runs: starts an agent's runs, waits for them, submits what they wait for, cancels and retries them: from any process, with
 * nothing but the run's id. `dendrite.runs`.
 *
 * J2: a run goes on from its journal alone, so none of this needs the process that began it.
 */
import { newTraceId, type SignalOf } from "@myelin/bus";
import { agentInput, dataOf, fromBudgetData, type AgentInput } from "@myelin/bus/run-events";
import type { Dispatched } from "../dispatcher.ts";
import { DendriteError, NotAnAgentError, RunNotTerminalError, RunNotFoundError } from "../errors.ts";
import type { DispatchRequest } from "../requests.ts";
import { requireTenant, toKnownRun, type KnownRun } from "../run-history.ts";
import type { Runtime } from "../runtime.ts";
import { isJsonObject, parseTimeoutMs } from "../validate.ts";
import { isPause } from "../waiters.ts";
import type { GivenResult, Submission } from "./judge.ts";
import { prepare, type RetryInput } from "./prepare.ts";
import { END_EVENTS, type RunStreamEvent } from "./run-event.ts";
import type {
  AgentRef,
  Approval,
  CancelRun,
  FollowRun,
  HumanInput,
  RetryRequest,
  RunAndWait,
  RunRequest,
  TenantScope,
  ToolResults,
  WaitForRun,
} from "./run-request.ts";
import type { CancelledRun, RunResult, Submitted } from "./run-result.ts";
import { RunWatch } from "./run-watch.ts";
import { toSeed } from "./seed.ts";
import { parseRunId } from "../reattach.ts";

const WAIT_TIMEOUT_MS = 30_000;
const CANCEL_TIMEOUT_MS = 5_000;

export class Runs {
  readonly #open: () => Promise<Runtime>;

  /** `open` starts what runs need, when it was not started. */
  constructor(open: () => Promise<Runtime>) {
    this.#open = open;
  }

  /**
   * Start a run and go on. Resolves once its task is in the log. Rejects, before anything is sent, with `InputValidationError`,
   * `UnknownNameError`, `GuardrailBlockedError`, `NoWorkerError`, `NotAnAgentError`, `IdempotencyConflictError`.
   */
  async start(agent: AgentRef, request: RunRequest): Promise<Dispatched> {
    const runtime = await this.#open();
    return runtime.dispatcher.dispatch(await prepare(runtime, agent, request));
  }

  /**
   * Run an agent, to its end or (unless `onPause: "wait"`) to its first pause. Rejects as `start`, with `NeuronError` when it
   * failed or was cancelled (`code` STOPPED), `DispatchTimeoutError`, or the reason of `signal` (the run is stopped then).
   */
  async run(agent: AgentRef, request: RunAndWait): Promise<RunResult> {
    const runtime = await this.#open();
    return this.#runPrepared(runtime, await prepare(runtime, agent, request), request);
  }

  /**
   * What a run came to, or waits for; it is waited for while it runs. Sees to it, now and every few seconds, that a run goes on
   * whose pause was answered by somebody who died before it was woken. Rejects with `RunNotFoundError`, and as `run`. Giving up
   * leaves the run alone.
   */
  async wait(runId: string, options: WaitForRun = {}): Promise<RunResult> {
    const runtime = await this.#open();
    const run = await find(runtime, runId, options);
    return runtime.outcomes.wait(run, toPatience(options));
  }

  /**
   * Run an agent and watch it: its entries as they are stored, its text as it comes. Ends behind the end of the run, or
   * (unless `onPause: "wait"`) behind a pause. A failed run does not throw: `run_error` says it. Throws as `start`, and
   * `STREAM_OVERFLOW` for a reader that is 10,000 events behind. Leaving the loop early stops the run.
   */
  async *stream(agent: AgentRef, request: RunAndWait): AsyncGenerator<RunStreamEvent, void, void> {
    const runtime = await this.#open();
    const { signal } = request;
    const traceId = request.traceId ?? newTraceId();
    const prepared = await prepare(runtime, agent, { ...request, traceId });
    await using watch = new RunWatch(runtime);
    await watch.listen(traceId);
    signal?.throwIfAborted();
    const { runId, traceId: ofRun } = await runtime.dispatcher.dispatch(prepared);
    // The run of an idempotency key is whoever's was first.
    if (ofRun !== traceId) await watch.listen(ofRun, runId);
    const isShared = request.idempotencyKey !== undefined;
    const run = isShared ? await runtime.history.find(runId) : ownRun(runtime, prepared, { runId, traceId });
    const leave = () => watch.leave();
    signal?.addEventListener("abort", leave);
    const untilPause = request.onPause !== "wait";
    let isOver = false;
    try {
      if (signal?.aborted) leave();
      for await (const event of watch.events(run, { after: -1, untilPause })) {
        isOver = END_EVENTS.some((type) => type === event.type) || (untilPause && event.type === "run_paused");
        yield event;
      }
    } finally {
      signal?.removeEventListener("abort", leave);
      if (!isOver && !isShared) await stopLeft(runtime, run);
    }
    signal?.throwIfAborted();
  }

  /**
   * Watch a run that is there already: what it did, then what it does, to its end. `afterSequenceIndex` goes on where an
   * earlier one broke off, without loss or repetition. Throws `RunNotFoundError`. Leaving leaves the run alone.
   */
  async *follow(runId: string, options: FollowRun = {}): AsyncGenerator<RunStreamEvent, void, void> {
    const { afterSequenceIndex: after = -1, untilPause = false, signal } = options;
    if (!Number.isSafeInteger(after) || after < -1) {
      throw wrong(`afterSequenceIndex must be a whole number >= -1, got ${after}`);
    }
    const runtime = await this.#open();
    const run = await find(runtime, runId, options);
    await using watch = new RunWatch(runtime);
    const leave = () => watch.leave();
    signal?.addEventListener("abort", leave);
    try {
      if (signal?.aborted) return;
      await watch.listen(run.traceId, run.runId);
      yield* watch.events(run, { after, untilPause });
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  /**
   * Allow or refuse the calls a run waits with. Of any number that race one wins; a refused submission changes nothing.
   * Rejects with `RunNotFoundError`, `RunNotPausedError`, `PauseStatusMismatchError`, `RunAlreadyClaimedError`,
   * `RunAlreadyTerminalError`, `PauseExpiredError`, `InvalidToolResultError` (a call id that does not wait).
   */
  async submitApproval(runId: string, approval: Approval): Promise<Submitted> {
    const { approved, reason, by, calls = {} } = approval;
    const decisions = new Map(Object.entries(calls).map(([id, one]) => [id, toDecision(one, reason)]));
    if (approved === undefined && decisions.size === 0) throw wrong("say approved, or calls");
    const rest = approved === undefined ? null : toDecision({ approved }, reason);
    return this.#submit(runId, { kind: "approval", by: toText("by", by), rest, calls: decisions }, approval);
  }

  /** Answer what a run asked a person. As `submitApproval`. */
  async submitInput(runId: string, input: HumanInput): Promise<Submitted> {
    const { text, callId, by } = input;
    if (typeof text !== "string" || text === "") throw wrong(`text must be 1 character at least, got ${show(text)}`);
    return this.#submit(runId, { kind: "input", by: toText("by", by), text, callId: toText("callId", callId) }, input);
  }

  /** Give the results of calls that run outside; some or all. As `submitApproval`. */
  async submitToolResults(runId: string, submitted: ToolResults): Promise<Submitted> {
    const { results, by } = submitted;
    if (!Array.isArray(results) || results.length === 0) throw wrong("results must be a list of at least one");
    return this.#submit(
      runId,
      { kind: "results", by: toText("by", by), results: results.map(toCallResult) },
      submitted,
    );
  }

  /**
   * Cancel a run, running or paused, and what it delegated. Never refused for a run that is over: it resolves with what that
   * came to. Rejects with `RunNotFoundError`.
   */
  async cancelRun(runId: string, options: CancelRun = {}): Promise<CancelledRun> {
    const { by, reason, tenantId, timeoutMs = CANCEL_TIMEOUT_MS } = options;
    const runtime = await this.#open();
    return runtime.cancels.cancel(parseRunId(runId), {
      by: toText("by", by),
      reason: toText("reason", reason),
      tenantId,
      timeoutMs: parseTimeoutMs(timeoutMs),
    });
  }

  /**
   * Run again what is over: a new run on the same trace, with the conversation, configuration, metadata and tenant of the
   * old one, and what is given here instead. Without a new `text` the model sees what it saw when that ended, less a final
   * answer; with one that comes behind all of it. Rejects as `run`, with `RunNotFoundError`, `RunNotTerminalError` and `NotAnAgentError`.
   */
  async retry(runId: string, request: RetryRequest = {}): Promise<RunResult> {
    const { runtime, prepared, merged } = await this.#prepareRetry(runId, request);
    return this.#runPrepared(runtime, prepared, merged);
  }

  /** Retry a run and go on, as `start` does. Rejects as `retry` before its new run. */
  async startRetry(runId: string, request: Omit<RetryRequest, "signal" | "onPause"> = {}): Promise<Dispatched> {
    const { runtime, prepared } = await this.#prepareRetry(runId, request);
    return runtime.dispatcher.dispatch(prepared);
  }

  async #prepareRetry(runId: string, request: RetryRequest) {
    const runtime = await this.#open();
    const { agent, source, retry, parentId } = await this.#source(runtime, runId, request);
    const given = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
    const merged = { ...source, ...given } as RunAndWait;
    return { runtime, merged, prepared: { ...(await prepare(runtime, agent, merged, retry)), parentId } };
  }

  async #runPrepared(
    runtime: Runtime,
    prepared: DispatchRequest & { readonly timeoutMs: number },
    { signal, onPause = "return" }: Pick<RunAndWait, "signal" | "onPause">,
  ): Promise<RunResult> {
    const { dispatcher, outcomes } = runtime;
    const startedAt = performance.now();
    let task: SignalOf<"TASK"> | undefined;
    try {
      const reply = await dispatcher.dispatchAndWait(
        { ...prepared, signal, onPause: "return" },
        null,
        (one) => void (task = one),
      );
      const result = await outcomes.of(reply);
      if (result && (result.pause === null || onPause === "return")) return result;
      const timeoutMs = Math.max(1, prepared.timeoutMs - (performance.now() - startedAt));
      const run = toKnownRun(reply.meta.run_id!, reply, true);
      return await outcomes.wait(run, { timeoutMs, signal, onPause });
    } catch (error) {
      // The run of a key may be others', too. The dispatch has said STOP; a run that waits is to be ended besides.
      if (signal?.aborted && task && prepared.idempotencyKey === undefined) runtime.giveUp(task);
      throw error;
    }
  }

  async #submit(
    runId: string,
    submission: Exclude<Submission, { kind: "cancel" }>,
    { tenantId, timeoutMs }: TenantScope & { readonly timeoutMs?: number | undefined },
  ): Promise<Submitted> {
    const runtime = await this.#open();
    const { run, ...taken } = await runtime.submissions.submit(parseRunId(runId), submission, { tenantId, timeoutMs });
    return {
      runId,
      traceId: run.traceId,
      ...taken,
      result: (options = {}) => runtime.outcomes.wait(run, toPatience(options)),
    };
  }

  /** The run that is retried, as a request; it must be over. */
  async #source(runtime: Runtime, runId: string, options: RetryRequest) {
    const run = await find(runtime, runId, options);
    const [found, journal] = await Promise.all([
      runtime.history.replyOf(run),
      runtime.journals.read(run.runId, run.traceId),
    ]);
    if (!journal?.state.isOwned) throw new NotAnAgentError(run.neuron, runId);
    const { end, status } = journal.state;
    if (!found || isPause(found.reply)) {
      if (!end) throw new RunNotTerminalError(runId, status);
    }
    const task = await runtime.wakes.firstTask(journal);
    const parsed = agentInput.safeParse(task.payload.input);
    if (!parsed.success) throw new RunNotFoundError(`agent's input of run ${runId}`, runtime.bus.namespace);
    const started = journal.entries.map((entry) => dataOf(entry, "run.started")).find((one) => one !== null);
    const source: RunRequest = {
      ...fromAgentInput(parsed.data),
      ...(started && { model: started.model, maxIterations: started.max_iterations }),
      metadata: task.payload.metadata,
      tenantId: task.meta.tenant_id,
      traceId: task.trace_id,
      priority: task.payload.priority,
    };
    const isNewMessage = options.text !== undefined;
    const retry: RetryInput = { retry_of: runId, ...toSeed(journal.entries, { isNewMessage }) };
    return { agent: run.neuron, source, retry, parentId: found?.reply.id };
  }
}

/** A request as the input says it, so that it can be said again. */
function fromAgentInput(input: AgentInput): RunRequest {
  const { text, history, context, model, params, prompt, tools, sources, budget } = input;
  return {
    ...{ text, history, context, model, params, prompt, tools, sources },
    maxIterations: input.max_iterations,
    maxDelegationDepth: input.max_delegation_depth,
    timeoutMs: input.timeout_ms,
    budget: budget && fromBudgetData(budget),
  };
}

async function find({ history, bus }: Runtime, runId: string, { tenantId }: TenantScope): Promise<KnownRun> {
  const run = await history.find(parseRunId(runId));
  requireTenant(run, tenantId, bus.namespace);
  return run;
}

/** A run that this process has just sent: the log has all of it. */
const ownRun = (
  { instance }: Runtime,
  { neuron, tenantId }: DispatchRequest,
  { runId, traceId }: { runId: string; traceId: string },
): KnownRun => ({ runId, traceId, replyTo: instance, neuron: neuron ?? "", tenantId, isWhole: true });

/** The reader of a stream left before the run's end, or its pause. The order is given; how the run takes it is not waited for. */
async function stopLeft({ cancels }: Runtime, { runId, tenantId }: KnownRun): Promise<void> {
  await cancels.cancel(runId, { by: null, reason: "the reader of the stream left", tenantId, timeoutMs: 1 });
}

const toPatience = ({ timeoutMs = WAIT_TIMEOUT_MS, signal, onPause = "return" }: Omit<WaitForRun, "tenantId">) => {
  signal?.throwIfAborted();
  return { timeoutMs: parseTimeoutMs(timeoutMs), signal, onPause };
};

function toDecision(
  { approved, reason }: { readonly approved: boolean; readonly reason?: string | undefined },
  otherwise?: string,
) {
  if (typeof approved !== "boolean") throw wrong(`approved must be true or false, got ${show(approved)}`);
  return { approved, reason: toText("reason", reason ?? otherwise) };
}

function toCallResult(given: ToolResults["results"][number]): GivenResult {
  if (!isJsonObject(given) || typeof given.callId !== "string") {
    throw wrong(`a result is { callId, result } or { callId, error }, got ${show(given)}`);
  }
  const { callId, error } = given;
  if (error !== undefined) {
    return { callId, success: false, result: null, error: toText("error", error) };
  }
  try {
    // As every process will read it: what JSON leaves out is not there.
    return { callId, success: true, result: JSON.parse(JSON.stringify(given.result ?? null)), error: null };
  } catch (cause) {
    throw new DendriteError("INVALID_TOOL_RESULT", `the result of call ${callId} cannot be written as JSON`, { cause });
  }
}

function toText(name: string, value: string | undefined): string | null {
  if (value === undefined) return null;
  if (typeof value === "string") return value;
  throw wrong(`${name} must be text, got ${show(value)}`);
}

const wrong = (message: string) => new DendriteError("INVALID_OPTION", message);
const show = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 80);

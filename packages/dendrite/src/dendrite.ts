/**
 * Dendrite: the bus client. It hosts workers (Axons), dispatches tasks and waits for their replies, and runs handlers
 * for the Signals that pass. One per process; it drains only itself, never the Synapse it was given.
 *
 * Life: new → `start()` → running → `stop()` → stopped. Axons are attached and handlers may be registered before the
 * start; a dispatch starts a Dendrite that was not started. A stopped one stays stopped.
 */
import {
  newInstanceId,
  newTraceId,
  parseTraceId,
  type Bus,
  type BusProblem,
  type InstanceId,
  type PauseType,
  type Signal,
  type SignalOf,
  type SignalType,
} from "@myelin/bus";
import type { NeuronContract } from "@myelin/neuron";
import type { z } from "zod";
import type { ClarificationAnswer, EscalationAnswer, PermissionAnswer } from "./answers.ts";
import { Axon } from "./axon/axon.ts";
import { decoratedHandlers } from "./decorators.ts";
import { callNeuron } from "./call.ts";
import type { Dispatched, OnPrepared } from "./dispatcher.ts";
import { DendriteError } from "./errors.ts";
import { Handlers, type HandlerFilter, type HandlerMethod, type HandlerRegistration } from "./handlers.ts";
import type { DendriteStats } from "./observer.ts";
import { resolveOptions, type DendriteOptions, type ResolvedOptions } from "./options.ts";
import { reattach } from "./reattach.ts";
import type { ReplayOptions } from "./replay.ts";
import type { CallOptions, DispatchRequest, ReattachOptions, RunKey, WaitRequest } from "./requests.ts";
import { ProblemLog } from "./problem-log.ts";
import type { RosterEntry } from "./roster.ts";
import { Runtime } from "./runtime.ts";
import type { RunStreamEvent } from "./runs/run-event.ts";
import type {
  AgentRef,
  Approval,
  CancelRun,
  HumanInput,
  RetryRequest,
  RunAndWait,
  TenantScope,
  ToolResults,
} from "./runs/run-request.ts";
import type { CancelledRun, RunResult, Submitted } from "./runs/run-result.ts";
import { Runs } from "./runs/runs.ts";
import { streamDispatch } from "./stream.ts";
import { untilSignalled } from "./until-signalled.ts";
import { checkTenant } from "./validate.ts";

export class Dendrite implements AsyncDisposable {
  /** The address of replies to this process: new with every `new Dendrite`. */
  readonly instance: InstanceId = newInstanceId();
  readonly namespace: string;
  readonly dendriteId: string;
  /** Everything about runs of agents; the handful that is used most is on the Dendrite itself. */
  readonly runs: Runs = new Runs(() => this.#open());
  readonly #options: ResolvedOptions;
  readonly #axons = new Map<string, Axon>();
  readonly #handlers: Handlers;
  /** Gives the handlers their bus, once there is one. */
  #openHandlers: (bus: Bus) => void = () => {};
  #starting: Promise<Runtime> | undefined;
  #stopping: Promise<void> | undefined;
  #running: Runtime | undefined;

  /** Throws `INVALID_OPTION` or `INVALID_ID`. Connects to nothing yet. */
  constructor(options: DendriteOptions) {
    this.#options = resolveOptions(options);
    this.namespace = this.#options.namespace;
    this.dendriteId = this.#options.dendriteId;
    const bus = new Promise<Bus>((resolve) => (this.#openHandlers = resolve));
    this.#handlers = new Handlers(
      bus,
      () => this.start(),
      (error) => this.#options.logger.error({ err: error }, "handler.failed"),
    );
  }

  /** Host a neuron. Before the start only; one Axon per neuron id. */
  attachAxon<I extends z.ZodType, O extends z.ZodType>(axon: Axon<I, O>): this {
    if (this.#starting) throw new DendriteError("INVALID_OPTION", "attach Axons before start()");
    if (!(axon instanceof Axon)) throw new DendriteError("INVALID_OPTION", "attachAxon takes a new Axon({ … })");
    if (this.#axons.has(axon.neuronId)) {
      throw new DendriteError(
        "INVALID_OPTION",
        `an Axon "${axon.neuronId}" is attached already; raise its concurrency`,
      );
    }
    this.#axons.set(axon.neuronId, axon);
    return this;
  }

  /** Open the namespace, subscribe, take tasks, register. May be called again; rejects with the bus' error, or `STOPPED`. */
  async start(): Promise<void> {
    await this.#open();
  }

  /**
   * Stop: take no more tasks, finish those that run (`drainMs`, then they are handed back), DEREGISTER, reject what still
   * waits with `STOPPED`, unsubscribe, `close` the Axons. The Synapse stays open. Safe to call twice, and before the start.
   */
  stop(reason = "stopped"): Promise<void> {
    return (this.#stopping ??= this.#stop(reason));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Resolves when this was stopped: by `stop()`, or by SIGTERM or SIGINT (Ctrl-C), which stop it. */
  async untilStopped(): Promise<void> {
    using signalled = untilSignalled(["SIGTERM", "SIGINT"]);
    const name = await Promise.race([signalled.name, this.#stopped.then(() => null)]);
    await this.stop(name === null ? "stopped" : `received ${name}`);
  }
  #resolveStopped: () => void = () => {};
  readonly #stopped = new Promise<void>((resolve) => (this.#resolveStopped = resolve));

  /** Send a task and go on. Resolves once a durable one is in the log. Rejects as `dispatchAndWait` does before its reply. */
  async dispatch(request: DispatchRequest): Promise<Dispatched> {
    return (await this.#open()).dispatcher.dispatch(request);
  }

  /**
   * Send a task and wait for its output. Settles once, and leaves nothing behind (D1). Safe to call concurrently, from a
   * handler, and for a neuron of this process (D2).
   *
   * Rejects with `NeuronError` (it failed or was stopped), `NeuronPausedError` (unless `onPause`), `DispatchTimeoutError`
   * (the task keeps running), `NoWorkerError`, `InputValidationError`, `PayloadTooLargeError`, `LogUnavailableError`, the
   * reason of `signal` when that aborts (the run is stopped), or `STOPPED` when this Dendrite stops.
   */
  dispatchAndWait(request: WaitRequest & { readonly onPause: "return" }): Promise<SignalOf<"AGENT_OUTPUT" | PauseType>>;
  dispatchAndWait(request: WaitRequest): Promise<SignalOf<"AGENT_OUTPUT">>;
  dispatchAndWait(request: WaitRequest): Promise<SignalOf<"AGENT_OUTPUT" | PauseType>> {
    // Not through an async function when it is running: that costs three more turns and two promises per dispatch.
    if (this.#running && !this.#stopping) return this.#running.dispatcher.dispatchAndWait(request);
    return this.#open().then(({ dispatcher }) => dispatcher.dispatchAndWait(request));
  }

  /**
   * Run a neuron by its contract. The input is checked here, before anything is sent (`InputValidationError`), and again
   * by the worker; the output on both sides too. Otherwise as `dispatchAndWait`.
   */
  async call<I extends z.ZodType, O extends z.ZodType>(
    contract: NeuronContract<I, O>,
    input: z.input<I>,
    options: CallOptions = {},
  ): Promise<z.output<O>> {
    return callNeuron((await this.#open()).dispatcher, contract, input, options, null);
  }

  /**
   * Every Signal of a dispatch's trace (of one with a `tenantId`, of that tenant), tokens included, to the one that ends it: AGENT_OUTPUT, ERROR, STOPPED, or a pause
   * (`onPause: "wait"` goes on to the end). Throws only what has no Signal: no worker, timeout, a reader 10,000 Signals
   * behind. Leaving the loop early stops the run.
   */
  stream(request: WaitRequest): AsyncGenerator<Signal, void, void>;
  /** As `runs.stream`: an agent's run, as events. */
  stream(agent: AgentRef, request: RunAndWait): AsyncGenerator<RunStreamEvent, void, void>;
  stream(
    first: WaitRequest | AgentRef,
    second?: RunAndWait,
  ): AsyncGenerator<Signal, void, void> | AsyncGenerator<RunStreamEvent, void, void> {
    return second === undefined ? this.#streamTrace(first as WaitRequest) : this.runs.stream(first as AgentRef, second);
  }

  #streamTrace(request: WaitRequest): AsyncGenerator<Signal, void, void> {
    const traceId = request.traceId ?? newTraceId();
    const source = {
      onTrace: (id: string, handler: (signal: Signal) => void) =>
        this.#handlers.add(null, { traceId: id, tenantId: request.tenantId }, handler),
      dispatchAndWait: async (wait: WaitRequest, onPrepared: OnPrepared) =>
        (await this.#open()).dispatcher.dispatchAndWait(wait, null, onPrepared),
    };
    return streamDispatch(source, { ...request, traceId });
  }

  /**
   * The reply of a run that was dispatched before, here or elsewhere, whether it ended already or not: by its id, or by its
   * idempotency key. Settles as `dispatchAndWait` does; giving up leaves the run alone. Two searches cost more than the rest:
   * a run that is only known by its id, and one that is past the log (the recorder is asked).
   *
   * Rejects besides with `RunNotFoundError`, or `RecordsUnavailableError` when it is past the log and no recorder answers.
   */
  reattach(
    run: string | RunKey,
    options: ReattachOptions & { readonly onPause: "return" },
  ): Promise<SignalOf<"AGENT_OUTPUT" | PauseType>>;
  reattach(run: string | RunKey, options?: ReattachOptions): Promise<SignalOf<"AGENT_OUTPUT">>;
  async reattach(run: string | RunKey, options: ReattachOptions = {}): Promise<SignalOf<"AGENT_OUTPUT" | PauseType>> {
    return reattach(await this.#open(), run, options);
  }

  /**
   * Send the task of a dead letter again, as a new run on the same trace: same neuron, input, metadata, tenant and lane, a fresh
   * deadline. `id` is the dead letter's: that of the ERROR Signal that ended the run (`NeuronError.signal.id`). Called twice it
   * sends twice. Rejects with `DeadLetterNotFoundError`, `RecordsUnavailableError`, and as `dispatch` does.
   */
  async replayDeadLetter(id: string, options: ReplayOptions = {}): Promise<Dispatched> {
    return (await this.#open()).replay.replay(id, options);
  }

  /**
   * Cancel everything that runs on a trace, in every process, and agents' runs on it that wait; with `tenantId` only what is that
   * tenant's. Resolves once the STOP is in the log and those that wait have ended, also when there are none.
   */
  async stopTrace(
    traceId: string,
    { reason, tenantId }: { readonly reason?: string | undefined } & TenantScope = {},
  ): Promise<void> {
    const { dispatcher, cancels } = await this.#open();
    checkTenant(tenantId);
    const trace = parseTraceId(traceId);
    await dispatcher.stop(trace, { isStored: true, reason, tenantId });
    await cancels.endWaiting(trace, { by: null, reason: reason ?? null, tenantId, timeoutMs: STOP_TIMEOUT_MS });
  }

  /**
   * Answer a question: the paused run starts again with its original input and the answer. Resolves with the TASK that
   * wakes it, once that is in the log. Rejects with `AlreadyAnsweredError`; of any number that race, one answer counts.
   */
  async respondToClarification(
    question: SignalOf<"CLARIFICATION">,
    answer: ClarificationAnswer,
  ): Promise<SignalOf<"TASK">> {
    return (await this.#open()).answers.clarification(question, answer);
  }

  /** Allow or refuse what a run asks for. As `respondToClarification`. */
  async respondToPermission(question: SignalOf<"PERMISSION">, answer: PermissionAnswer): Promise<SignalOf<"TASK">> {
    return (await this.#open()).answers.permission(question, answer);
  }

  /** Hand an escalated run to its target, or to `neuron`. As `respondToClarification`. */
  async respondToEscalation(question: SignalOf<"ESCALATION">, answer?: EscalationAnswer): Promise<SignalOf<"TASK">> {
    return (await this.#open()).answers.escalation(question, answer);
  }

  /** As `runs.run`. */
  run(agent: AgentRef, request: RunAndWait): Promise<RunResult> {
    return this.runs.run(agent, request);
  }

  /** As `runs.submitApproval`. */
  submitApproval(runId: string, approval: Approval): Promise<Submitted> {
    return this.runs.submitApproval(runId, approval);
  }

  /** As `runs.submitInput`. */
  submitInput(runId: string, input: HumanInput): Promise<Submitted> {
    return this.runs.submitInput(runId, input);
  }

  /** As `runs.submitToolResults`. */
  submitToolResults(runId: string, results: ToolResults): Promise<Submitted> {
    return this.runs.submitToolResults(runId, results);
  }

  /** As `runs.cancelRun`. */
  cancelRun(runId: string, options: CancelRun = {}): Promise<CancelledRun> {
    return this.runs.cancelRun(runId, options);
  }

  /** As `runs.retry`. */
  retry(runId: string, request: RetryRequest = {}): Promise<RunResult> {
    return this.runs.retry(runId, request);
  }

  /** Who is there, per process and Axon: asks everybody and listens for `discoverMs`. */
  async roster(): Promise<RosterEntry[]> {
    return (await this.#open()).roster.list();
  }

  /** This process' own work, now. */
  stats(): DendriteStats {
    return this.#running?.stats() ?? { waiting: 0, running: 0, pulls: 0 };
  }

  /** Whether this is started, not stopping, and so ready to dispatch and to work. */
  get isRunning(): boolean {
    return this.#running !== undefined && this.#stopping === undefined;
  }

  readonly onTaskSignal = this.#on("TASK");
  readonly onAgentOutput = this.#on("AGENT_OUTPUT");
  readonly onClarification = this.#on("CLARIFICATION");
  readonly onPermission = this.#on("PERMISSION");
  readonly onEscalation = this.#on("ESCALATION");
  readonly onErrorSignal = this.#on("ERROR");
  readonly onFinal = this.#on("FINAL");
  readonly onStop = this.#on("STOP");
  readonly onStopped = this.#on("STOPPED");
  readonly onThoughtDelta = this.#on("THOUGHT_DELTA");
  readonly onToolCall = this.#on("TOOL_CALL");
  readonly onToolResult = this.#on("TOOL_RESULT");
  readonly onPlan = this.#on("PLAN");
  readonly onCritique = this.#on("CRITIQUE");
  readonly onConsensus = this.#on("CONSENSUS");
  readonly onContextSync = this.#on("CONTEXT_SYNC");
  readonly onMemoryAppend = this.#on("MEMORY_APPEND");
  readonly onAudit = this.#on("AUDIT");
  readonly onRunEvent = this.#on("RUN_EVENT");
  readonly onRegisterSignal = this.#on("REGISTER");
  readonly onDeregisterSignal = this.#on("DEREGISTER");
  readonly onHeartbeatSignal = this.#on("HEARTBEAT");

  /** Hear Signals of any one type. */
  onSignal<T extends SignalType>(
    type: T,
    filter: HandlerFilter,
    handler: (signal: SignalOf<T>) => unknown,
  ): HandlerRegistration {
    return this.#handlers.add(type, filter, handler as (signal: Signal) => unknown);
  }

  /** Hear every Signal of a trace, of any type; with a filter those that pass it. */
  onTrace(traceId: string, handler: (signal: Signal) => unknown): HandlerRegistration;
  onTrace(
    traceId: string,
    filter: Omit<HandlerFilter, "traceId">,
    handler: (signal: Signal) => unknown,
  ): HandlerRegistration;
  onTrace(
    traceId: string,
    first: Omit<HandlerFilter, "traceId"> | ((signal: Signal) => unknown),
    second?: (signal: Signal) => unknown,
  ): HandlerRegistration {
    if (typeof first === "function") return this.#handlers.add(null, { traceId }, first);
    return this.#handlers.add(null, { ...first, traceId }, second!);
  }

  /** Register the decorated methods of an object. Dispose to stop them all. */
  attachHandlers(instance: object): HandlerRegistration {
    const decorated = decoratedHandlers(instance);
    if (decorated.length === 0) {
      throw new DendriteError("INVALID_OPTION", `${instance.constructor.name} has no method with a handler decorator`);
    }
    const registrations = decorated.map(({ type, filter, handler }) => this.onSignal(type, filter, handler));
    return {
      get ready() {
        return Promise.all(registrations.map((one) => one.ready)).then(() => {});
      },
      [Symbol.dispose]: () => registrations.forEach((one) => one[Symbol.dispose]()),
    };
  }

  #on<T extends SignalType>(type: T): HandlerMethod<T> {
    return (first: HandlerFilter | ((signal: SignalOf<T>) => unknown), second?: (signal: SignalOf<T>) => unknown) =>
      typeof first === "function" ? this.onSignal(type, {}, first) : this.onSignal(type, first, second!);
  }

  /** The runtime; starts it when it was not started. */
  #open(): Promise<Runtime> {
    if (this.#stopping) return Promise.reject(stoppedError(this.dendriteId));
    this.#starting ??= this.#run().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async #run(): Promise<Runtime> {
    const { synapse, logger, observer } = this.#options;
    const problems = new ProblemLog(logger, observer);
    const onProblem = (problem: BusProblem) => {
      problems.note(problem);
      if (problem.type === "not-permitted") this.#running?.refused(problem.subject, problem.error);
    };
    const bus = await synapse.open(this.namespace, { onProblem });
    const { instance } = this;
    const runtime = new Runtime({ bus, instance, axons: [...this.#axons.values()], options: this.#options });
    await runtime.open(instance, async () => {
      this.#openHandlers(bus);
      await this.#handlers.ready();
    });
    this.#running = runtime;
    return runtime;
  }

  async #stop(reason: string): Promise<void> {
    const runtime = await this.#starting?.catch(() => undefined);
    await runtime?.close(reason, stoppedError(this.dendriteId));
    if (runtime) await this.#handlers.drain();
    for (const closed of await Promise.allSettled([...this.#axons.values()].map(async (axon) => axon.close?.()))) {
      if (closed.status === "rejected")
        this.#options.logger.warn({ err: closed.reason as unknown }, "axon.close.failed");
    }
    this.#resolveStopped();
  }
}

/** How long a run that waited, and goes on as it is ended, is waited for. */
const STOP_TIMEOUT_MS = 5_000;

const stoppedError = (dendriteId: string) =>
  new DendriteError("STOPPED", `Dendrite "${dendriteId}" was stopped; make a new one`);

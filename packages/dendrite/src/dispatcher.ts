/**
 * Dispatcher: turns a request into a TASK, sends it, and waits for the reply.
 *
 * D1: a wait settles exactly once (result, error, timeout, abort) and leaves nothing behind. The waiter is registered
 * before the TASK is sent, because a reply can be here before the append has resolved.
 */
import {
  createSignal,
  isSignalId,
  LANES,
  newRunId,
  newTraceId,
  parseCapability,
  parseNeuronId,
  parseTraceId,
  type Bus,
  type InstanceId,
  type Logger,
  type PauseType,
  type RunId,
  type SignalId,
  type SignalOf,
  type TraceId,
} from "@myelin/bus";
import { DendriteError, DispatchTimeoutError, fromErrorSignal, NeuronPausedError, NoWorkerError } from "./errors.ts";
import type { DendriteObserver } from "./observer.ts";
import type { DispatchRequest, Parent, WaitRequest } from "./requests.ts";
import type { RosterWatch } from "./roster-watch.ts";
import { isJsonObject, parseMs } from "./validate.ts";
import { isPause, type Reply, type Waiters } from "./waiters.ts";

export interface DispatcherOptions {
  readonly bus: Bus;
  readonly instance: InstanceId;
  readonly roster: RosterWatch;
  readonly waiters: Waiters;
  readonly logger: Logger;
  readonly observer: DendriteObserver;
}

/** What a dispatch was given: names for asking about it later. */
export interface Dispatched {
  readonly runId: RunId;
  readonly traceId: SignalOf<"TASK">["trace_id"];
  readonly taskId: SignalId;
}

const WAIT_TIMEOUT_MS = 30_000;
const DISPATCH_TIMEOUT_MS = 3_600_000;
const MAX_TIMEOUT_MS = 604_800_000;

export class Dispatcher {
  readonly #options: DispatcherOptions;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Send a TASK and do not wait for its reply. Resolves once a durable one is in the log. */
  async dispatch(request: DispatchRequest): Promise<Dispatched> {
    const deadline = deadlineOf(request.timeoutMs ?? DISPATCH_TIMEOUT_MS, null);
    checkRequest(request);
    const task = this.#toTask(request, await this.#neuronOf(request, deadline), deadline, null);
    await this.#send(task, request.delivery ?? "durable");
    return { runId: task.meta.run_id as RunId, traceId: task.trace_id, taskId: task.id };
  }

  /** Send a TASK and wait for what ends it. `onPrepared` hears of it before anything of its trace can arrive. */
  dispatchAndWait(
    request: WaitRequest,
    parent: Parent | null = null,
    onPrepared?: (task: SignalOf<"TASK">) => void,
  ): Promise<SignalOf<"AGENT_OUTPUT" | PauseType>> {
    try {
      const timeoutMs = request.timeoutMs ?? (parent?.deadline ? MAX_TIMEOUT_MS : WAIT_TIMEOUT_MS);
      const deadline = deadlineOf(timeoutMs, parent?.deadline ?? null);
      checkRequest(request);
      const sendAndWait = (neuron: string) => {
        request.signal?.throwIfAborted();
        const task = this.#toTask(request, neuron, deadline, parent);
        onPrepared?.(task);
        const wait = toWait(task, request, deadline);
        return this.#outcome(this.#reply(task, wait), wait);
      };
      const neuron = this.#neuronOf(request, deadline);
      // Usually known, and then nothing is awaited: each turn of the loop that a dispatch takes is paid by all the others.
      return typeof neuron === "string" ? sendAndWait(neuron) : orAborted(neuron, request.signal).then(sendAndWait);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** From the reply to what the caller gets. Async, so that an error's stack shows who waits. */
  async #outcome(replied: Promise<Reply>, wait: Wait): Promise<SignalOf<"AGENT_OUTPUT" | PauseType>> {
    const startedAt = performance.now();
    const { neuron, delivery, onPause, signal } = wait;
    let outcome = "output";
    try {
      const reply = await replied;
      // The worker's clock was a little faster than the timer here. The deadline is the same, and so is the error.
      if (reply.type === "ERROR" && reply.payload.code === "DEADLINE_EXCEEDED") throw timeoutOf(wait);
      if (reply.type === "ERROR" || reply.type === "STOPPED") throw fromErrorSignal(reply);
      if (reply.type === "FINAL") return outputOf(reply);
      if (isPause(reply)) {
        outcome = "paused";
        if (onPause === "reject") throw new NeuronPausedError(reply);
      }
      return reply;
    } catch (error) {
      outcome = outcomeOf(error, signal);
      throw error;
    } finally {
      this.#options.observer.settled?.({ neuron, delivery, outcome, ms: performance.now() - startedAt });
    }
  }

  /** Cancel a run, or everything on a trace when no run is given. Live, so that it is fast; in the log, so that it is sure. */
  async stop(
    traceId: SignalOf<"TASK">["trace_id"],
    options: { runId?: string; reason?: string; isStored: boolean },
  ): Promise<void> {
    const { runId, reason, isStored } = options;
    const stop = createSignal({
      type: "STOP",
      trace_id: traceId,
      payload: { ...(reason !== undefined && { reason }), ...(runId !== undefined && { run_id: runId }) },
      meta: { instance: this.#options.instance },
    });
    this.#options.bus.publish(stop);
    if (isStored) await this.#options.bus.append(stop);
  }

  #toTask(request: DispatchRequest, neuron: string, deadline: Date, parent: Parent | null): SignalOf<"TASK"> {
    const { capabilities, priority, metadata, tenantId, parentId } = request;
    const trace_id = (request.traceId as TraceId | undefined) ?? newTraceId();
    const payload: SignalOf<"TASK">["payload"] = { input: request.input, deadline: deadline.toISOString() };
    if (capabilities !== undefined) payload.capabilities = [...capabilities];
    if (priority !== undefined) payload.priority = priority;
    if (metadata !== undefined) payload.metadata = metadata;
    const meta: SignalOf<"TASK">["meta"] = {
      run_id: newRunId(),
      reply_to: this.#options.instance,
      instance: this.#options.instance,
    };
    if (tenantId !== undefined) meta.tenant_id = tenantId;
    if (parent) meta.parent_run_id = parent.runId;
    return createSignal({
      type: "TASK",
      trace_id,
      parent_id: (parentId as SignalId | undefined) ?? null,
      directed: { id: neuron, type: null, capabilities: [] },
      payload,
      meta,
    });
  }

  /** The neuron a request is for. Known from the roster in the usual case, and then nothing is awaited. */
  #neuronOf(request: DispatchRequest, deadline: Date): string | Promise<string> {
    const { neuron, capabilities, whenAbsent = "fail" } = request;
    if (neuron !== undefined) {
      parseNeuronId(neuron);
      if (whenAbsent === "wait" || this.#options.roster.knows(neuron)) return neuron;
      return this.#options.roster.discover({ neuron }).then((found) => this.#found(found, request));
    }
    const wanted = capabilities ?? [];
    const chosen = this.#options.roster.choose(wanted);
    if (chosen !== null) return chosen;
    const waitMs = whenAbsent === "wait" ? deadline.getTime() - Date.now() : undefined;
    return this.#options.roster.discover({ capabilities: wanted, waitMs }).then((found) => this.#found(found, request));
  }

  #found(neuron: string | null, wanted: DispatchRequest): string {
    if (neuron !== null) return neuron;
    const { capabilities = [] } = wanted;
    throw new NoWorkerError({ neuron: wanted.neuron ?? null, capabilities }, this.#options.bus.namespace);
  }

  async #send(task: SignalOf<"TASK">, delivery: "durable" | "transient"): Promise<void> {
    this.#options.observer.dispatched?.({ neuron: task.directed.id ?? "", delivery });
    if (delivery === "transient") this.#options.bus.publish(task);
    else await this.#options.bus.append(task, { dedupId: task.id });
  }

  /** Register the waiter, send the TASK, and wait. What waits does not hold the TASK: 10,000 of them may wait for hours. */
  #reply(task: SignalOf<"TASK">, wait: Wait): Promise<Reply> {
    const reply = this.#wait(wait);
    this.#send(task, wait.delivery).catch((error: unknown) => this.#options.waiters.fail(wait.runId, error));
    return reply;
  }

  #wait(wait: Wait): Promise<Reply> {
    const { waiters, logger } = this.#options;
    const { runId, traceId, timeoutMs, signal } = wait;
    const isStored = wait.delivery === "durable";
    return new Promise<Reply>((resolve, reject) => {
      const timer = setTimeout(() => waiters.fail(runId, timeoutOf(wait)), timeoutMs);
      const onAbort =
        signal &&
        (() => {
          if (!waiters.fail(runId, signal.reason)) return;
          this.stop(traceId, { runId, reason: "the caller gave up", isStored }).catch((error: unknown) =>
            logger.warn({ err: error, traceId, runId }, "stop.failed"),
          );
        });
      if (onAbort) signal.addEventListener("abort", onAbort);
      const settled = () => {
        clearTimeout(timer);
        if (onAbort) signal.removeEventListener("abort", onAbort);
      };
      waiters.add({
        runId,
        traceId,
        isStored,
        untilEnd: wait.onPause === "wait",
        settle: (reply) => {
          settled();
          resolve(reply);
        },
        fail: (error) => {
          settled();
          reject(error);
        },
      });
    });
  }
}

/** What is kept of a dispatch while it waits. */
interface Wait {
  readonly runId: string;
  readonly traceId: TraceId;
  readonly neuron: string;
  readonly timeoutMs: number;
  readonly delivery: "durable" | "transient";
  readonly onPause: "reject" | "return" | "wait";
  readonly signal: AbortSignal | undefined;
}

function toWait(task: SignalOf<"TASK">, request: WaitRequest, deadline: Date): Wait {
  const { delivery = "durable", onPause = "reject", signal } = request;
  return {
    runId: task.meta.run_id!,
    traceId: task.trace_id,
    neuron: task.directed.id ?? "",
    timeoutMs: Math.max(1, deadline.getTime() - Date.now()),
    delivery,
    onPause,
    signal,
  };
}

const timeoutOf = ({ neuron, timeoutMs, runId, traceId }: Wait): DispatchTimeoutError =>
  new DispatchTimeoutError(neuron, timeoutMs, runId, traceId);

function checkRequest({
  neuron,
  capabilities,
  input,
  traceId,
  delivery,
  priority,
  whenAbsent,
  metadata,
  tenantId,
  parentId,
}: DispatchRequest): void {
  const wrong = (message: string): never => {
    throw new DendriteError("INVALID_OPTION", message);
  };
  if ((neuron === undefined) === (capabilities === undefined))
    wrong("a dispatch names either a neuron or capabilities");
  if (capabilities !== undefined) {
    if (!Array.isArray(capabilities) || capabilities.length === 0) wrong("capabilities must be a list of at least one");
    capabilities.forEach(parseCapability);
  }
  if (!isJsonObject(input)) wrong(`input must be a JSON object, got ${Array.isArray(input) ? "a list" : typeof input}`);
  if (metadata !== undefined && !isJsonObject(metadata))
    wrong(`metadata must be a JSON object, got ${typeof metadata}`);
  if (delivery !== undefined && delivery !== "durable" && delivery !== "transient") {
    wrong(`delivery must be "durable" or "transient", got ${JSON.stringify(delivery)}`);
  }
  if (priority !== undefined && !LANES.includes(priority)) {
    wrong(`priority must be "high", "normal" or "low", got ${JSON.stringify(priority)}`);
  }
  if (whenAbsent !== undefined && whenAbsent !== "fail" && whenAbsent !== "wait") {
    wrong(`whenAbsent must be "fail" or "wait", got ${JSON.stringify(whenAbsent)}`);
  }
  if (tenantId !== undefined && (typeof tenantId !== "string" || tenantId === "" || tenantId.length > 255)) {
    wrong(`tenantId must be 1 to 255 characters, got ${JSON.stringify(tenantId)}`);
  }
  if (traceId !== undefined) parseTraceId(traceId);
  if (parentId !== undefined && !isSignalId(parentId))
    wrong(`parentId must be a Signal id, got ${JSON.stringify(parentId)}`);
}

/** A promise, or the reason of the signal if that aborts first. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  let onAbort = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Now plus `timeoutMs`, never later than the parent's. */
function deadlineOf(timeoutMs: number, parents: Date | null): Date {
  const at = Date.now() + parseMs("timeoutMs", timeoutMs, { max: MAX_TIMEOUT_MS });
  return new Date(parents ? Math.min(at, parents.getTime()) : at);
}

/** A Cosmonapse peer may end a run with FINAL alone; its result is the output. */
function outputOf(final: SignalOf<"FINAL">): SignalOf<"AGENT_OUTPUT"> {
  return { ...final, type: "AGENT_OUTPUT", payload: { output: final.payload.result } };
}

function outcomeOf(error: unknown, signal: AbortSignal | undefined): string {
  if (signal?.aborted && error === signal.reason) return "aborted";
  if (error instanceof DispatchTimeoutError) return "timeout";
  if (error instanceof NeuronPausedError) return "paused";
  return (error as { code?: string }).code ?? (error as { kind?: string }).kind ?? "error";
}

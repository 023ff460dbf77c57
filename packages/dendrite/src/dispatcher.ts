/**
 * Dispatcher: turns a request into a TASK, sends it, and waits for the reply.
 *
 * D1: a wait settles exactly once (result, error, timeout, abort) and leaves nothing behind. The waiter is registered
 * before the TASK is sent, because a reply can be here before the append has resolved.
 */
import {
  createSignal,
  isSignalId,
  keptTimeText,
  LANES,
  newRunId,
  newTraceId,
  parseCapability,
  parseNeuronId,
  parseTraceId,
  type Bus,
  type InstanceId,
  type Logger,
  type RunId,
  type SignalId,
  type SignalOf,
  type TraceId,
} from "@myelin/bus";
import { parseIdempotencyKey, type Claimed, type Claims } from "./claims.ts";
import { DendriteError, NoWorkerError } from "./errors.ts";
import type { DendriteObserver } from "./observer.ts";
import type { DispatchRequest, Parent, WaitRequest } from "./requests.ts";
import type { RosterWatch } from "./roster-watch.ts";
import type { RunFollower } from "./run-follower.ts";
import { checkTenant, isJsonObject, MAX_TIMEOUT_MS, parseTimeoutMs } from "./validate.ts";
import { orAborted, StartedWait, toOutcome, type Outcome, type Wait } from "./wait.ts";
import type { Waiters } from "./waiters.ts";

export interface DispatcherOptions {
  readonly bus: Bus;
  readonly instance: InstanceId;
  readonly roster: RosterWatch;
  readonly waiters: Waiters;
  readonly claims: Claims;
  readonly follower: RunFollower;
  readonly logger: Logger;
  readonly observer: DendriteObserver;
}

/** What a dispatch was given: names for asking about it later. */
export interface Dispatched {
  readonly runId: RunId;
  readonly traceId: SignalOf<"TASK">["trace_id"];
  readonly taskId: SignalId;
}

export interface StopOptions {
  /** This run and its children only. */
  readonly runId?: string | undefined;
  /** Only what is of this tenant. */
  readonly tenantId?: string | undefined;
  readonly reason?: string | undefined;
  readonly by?: string | undefined;
  readonly isStored: boolean;
}

/** Hears of the TASK before anything of its trace can arrive. Of a key's run it is waited for. */
export type OnPrepared = (task: SignalOf<"TASK">) => void | Promise<void>;

type Keyed<R extends DispatchRequest> = R & { readonly idempotencyKey: string };
const isKeyed = <R extends DispatchRequest>(request: R): request is Keyed<R> => request.idempotencyKey !== undefined;

const textOfDeadline = keptTimeText();

const WAIT_TIMEOUT_MS = 30_000;
const DISPATCH_TIMEOUT_MS = 3_600_000;

export class Dispatcher {
  readonly #options: DispatcherOptions;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Send a TASK and do not wait for its reply. Resolves once a durable one is in the log. */
  async dispatch(request: DispatchRequest): Promise<Dispatched> {
    const deadline = deadlineOf(request.timeoutMs ?? DISPATCH_TIMEOUT_MS, null);
    checkRequest(request);
    const task = isKeyed(request)
      ? await this.#claimAndSend(request, deadline)
      : await this.#makeAndSend(request, deadline);
    return { runId: task.meta.run_id as RunId, traceId: task.trace_id, taskId: task.id };
  }

  /** Send a TASK and wait for what ends it. `onPrepared` hears of it before anything of its trace can arrive. */
  dispatchAndWait(request: WaitRequest, parent: Parent | null = null, onPrepared?: OnPrepared): Promise<Outcome> {
    try {
      const timeoutMs = request.timeoutMs ?? (parent?.deadline ? MAX_TIMEOUT_MS : WAIT_TIMEOUT_MS);
      const deadline = deadlineOf(timeoutMs, parent?.deadline ?? null);
      checkRequest(request);
      if (isKeyed(request)) return this.#claimAndWait(request, deadline, parent, onPrepared);
      const sendAndWait = (neuron: string) => {
        request.signal?.throwIfAborted();
        const task = this.#toTask(request, neuron, deadline, parent);
        void onPrepared?.(task);
        return this.#sendAndWait(task, toWait(task, request, deadline));
      };
      const neuron = this.#neuronOf(request, deadline);
      // Usually known, and then nothing is awaited: each turn of the loop that a dispatch takes is paid by all the others.
      return typeof neuron === "string" ? sendAndWait(neuron) : orAborted(neuron, request.signal).then(sendAndWait);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #makeAndSend(request: DispatchRequest, deadline: Date): Promise<SignalOf<"TASK">> {
    const task = this.#toTask(request, await this.#neuronOf(request, deadline), deadline, null);
    await this.#send(task, request.delivery ?? "durable");
    return task;
  }

  async #claimAndSend(request: Keyed<DispatchRequest>, deadline: Date): Promise<SignalOf<"TASK">> {
    const { task, isMine } = await this.#claim(request, deadline, null);
    if (isMine) await this.#sendClaimed(task);
    return task;
  }

  /** Everybody with the key follows its run; who claimed it sends its TASK besides. */
  async #claimAndWait(
    request: Keyed<WaitRequest>,
    deadline: Date,
    parent: Parent | null,
    onPrepared?: OnPrepared,
  ): Promise<Outcome> {
    const { signal } = request;
    signal?.throwIfAborted();
    const { task, run, isMine } = await orAborted(this.#claim(request, deadline, parent), signal);
    await onPrepared?.(task);
    const send = isMine ? () => this.#sendClaimed(task) : undefined;
    return this.#options.follower.follow(run, toWait(task, request, deadline), send);
  }

  #claim(request: Keyed<DispatchRequest>, deadline: Date, parent: Parent | null): Promise<Claimed> {
    return this.#options.claims.claim(request, async () =>
      this.#toTask(request, await this.#neuronOf(request, deadline), deadline, parent),
    );
  }

  #sendClaimed(task: SignalOf<"TASK">): Promise<void> {
    this.#options.observer.dispatched?.({ neuron: task.directed.id ?? "", delivery: "durable" });
    return this.#options.claims.send(task);
  }

  /**
   * Cancel a run, or everything on a trace when no run is given; of a tenant, nothing of others'. Live, so that it is fast; in the
   * log, so that it is sure.
   */
  async stop(traceId: SignalOf<"TASK">["trace_id"], options: StopOptions): Promise<void> {
    const { runId, tenantId, reason, by, isStored } = options;
    const stop = createSignal({
      type: "STOP",
      trace_id: traceId,
      payload: {
        ...(reason !== undefined && { reason }),
        ...(by !== undefined && { by }),
        ...(runId !== undefined && { run_id: runId }),
      },
      meta: { instance: this.#options.instance, ...(tenantId !== undefined && { tenant_id: tenantId }) },
    });
    this.#options.bus.publish(stop);
    if (isStored) await this.#options.bus.append(stop);
  }

  #toTask(request: DispatchRequest, neuron: string, deadline: Date, parent: Parent | null): SignalOf<"TASK"> {
    const { capabilities, priority, metadata, tenantId, parentId, idempotencyKey } = request;
    const trace_id = (request.traceId as TraceId | undefined) ?? newTraceId();
    const payload: SignalOf<"TASK">["payload"] = { input: request.input, deadline: textOfDeadline(deadline.getTime()) };
    if (capabilities !== undefined) payload.capabilities = [...capabilities];
    if (priority !== undefined) payload.priority = priority;
    if (metadata !== undefined) payload.metadata = metadata;
    const meta: SignalOf<"TASK">["meta"] = {
      run_id: newRunId(),
      reply_to: this.#options.instance,
    };
    if (tenantId !== undefined) meta.tenant_id = tenantId;
    if (parent) meta.parent_run_id = parent.runId;
    if (idempotencyKey !== undefined) meta.idempotency_key = idempotencyKey;
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
    if (delivery === "transient") return this.#publish(task);
    this.#options.observer.dispatched?.({ neuron: task.directed.id ?? "", delivery });
    await this.#options.bus.append(task, { dedupId: task.id });
  }

  #publish(task: SignalOf<"TASK">): void {
    this.#options.observer.dispatched?.({ neuron: task.directed.id ?? "", delivery: "transient" });
    this.#options.bus.publish(task);
  }

  /** Register the waiter, send the TASK, and wait. What waits does not hold the TASK: 10,000 of them may wait for hours. */
  #sendAndWait(task: SignalOf<"TASK">, wait: Wait): Promise<Outcome> {
    const { waiters, observer } = this.#options;
    const started = new StartedWait(waiters, wait, this.#giveUp);
    if (wait.delivery === "durable") this.#send(task, "durable").catch((error: unknown) => started.end(error));
    else {
      try {
        this.#publish(task);
      } catch (error) {
        started.end(error);
      }
    }
    return toOutcome(started.replied, wait, observer);
  }

  /** The caller's signal aborted: stop the run, and with it what it dispatched. */
  readonly #giveUp = ({ traceId, runId, tenantId, delivery }: Wait): void => {
    const options = { runId, tenantId, reason: "the caller gave up", isStored: delivery === "durable" };
    this.stop(traceId as TraceId, options).catch((error: unknown) =>
      this.#options.logger.warn({ err: error, traceId, runId }, "stop.failed"),
    );
  };
}

function toWait(task: SignalOf<"TASK">, request: WaitRequest, deadline: Date): Wait {
  const { delivery = "durable", onPause = "reject", signal, tenantId } = request;
  return {
    runId: task.meta.run_id!,
    traceId: task.trace_id,
    neuron: task.directed.id ?? "",
    tenantId,
    timeoutMs: Math.max(1, deadline.getTime() - Date.now()),
    delivery,
    onPause,
    signal,
  };
}

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
  idempotencyKey,
  onPause,
}: DispatchRequest & Pick<WaitRequest, "onPause">): void {
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
  if (onPause !== undefined && onPause !== "reject" && onPause !== "return" && onPause !== "wait") {
    wrong(`onPause must be "reject", "return" or "wait", got ${JSON.stringify(onPause)}`);
  }
  checkTenant(tenantId);
  if (idempotencyKey !== undefined) {
    parseIdempotencyKey(idempotencyKey);
    if (delivery === "transient") {
      wrong(
        'idempotencyKey needs delivery "durable": nothing of a transient run is kept that a second caller could get',
      );
    }
  }
  if (traceId !== undefined) parseTraceId(traceId);
  if (parentId !== undefined && !isSignalId(parentId))
    wrong(`parentId must be a Signal id, got ${JSON.stringify(parentId)}`);
}

/** Now plus `timeoutMs`, never later than the parent's. */
function deadlineOf(timeoutMs: number, parents: Date | null): Date {
  const at = Date.now() + parseTimeoutMs(timeoutMs);
  return new Date(parents ? Math.min(at, parents.getTime()) : at);
}

/**
 * TaskRun: one start of a neuron for one TASK. It makes the `ctx`, runs the function, and says what the reply is; it
 * neither takes the task nor sends the reply.
 */
import {
  createSignal,
  msOfTime,
  runIdOf,
  type Bus,
  type Logger,
  type Meta,
  type NewSignal,
  type PayloadOf,
  type RunId,
  type SignalOf,
  type TaskDelivery,
} from "@myelin/bus";
import { journalState, type NewRunEvent, type RunEventEntry } from "@myelin/bus/run-events";
import type { ChildRequest, Delegated, Delegation, RunJournal } from "@myelin/neuron";
import type { z } from "zod";
import { DispatchTimeoutError } from "../errors.ts";
import type { CallOptions } from "../requests.ts";
import type { Axon } from "./axon.ts";
import { attemptFailed, attemptReleased, attemptsOf, attemptStarted, failuresOf, type Failure } from "./attempts.ts";
import { Deltas } from "./deltas.ts";
import { error, toErrorReply, toReply, type ReplyBody } from "./output-to-reply.ts";
import { Journal } from "./journal.ts";
import { MemoryJournal } from "./memory-journal.ts";
import { RunContext } from "./run-context.ts";
import { Steps } from "./steps.ts";
import { inputOf } from "./task-input.ts";

/** What a run needs of the Dendrite that hosts it. */
export interface TaskRunHost {
  readonly bus: Bus;
  readonly instance: string;
  readonly logger: Logger;
  /** Dispatch a child of the task; the slot of the run is free meanwhile. */
  dispatchChild(run: TaskRun, request: ChildRequest): Promise<SignalOf<"AGENT_OUTPUT">>;
  /** The same, for one that may wait for somebody. */
  delegateChild(run: TaskRun, request: Delegation): Promise<Delegated>;
  callChild<I extends z.ZodType, O extends z.ZodType>(
    run: TaskRun,
    contract: { neuronId: string; input: I; output: O },
    input: z.input<I>,
    options: CallOptions,
  ): Promise<z.output<O>>;
}

export interface TaskRunOptions {
  readonly axon: Axon;
  readonly task: SignalOf<"TASK">;
  /** How the log delivered the TASK; null when it is transient. */
  readonly delivery: TaskDelivery | null;
  /** Nobody can have started it before: its journal is empty. */
  readonly isFresh: boolean;
  readonly host: TaskRunHost;
}

const RELEASE_RECORD_MS = 500;

/** Why a run's signal aborts: `ctx.signal.reason`. */
export class RunAbortedError extends Error {
  /** `TimeoutError` at the deadline, as of `AbortSignal.timeout`. */
  override readonly name: "AbortError" | "TimeoutError";
  override readonly cause: SignalOf<"STOP"> | "drain" | "lost" | "deadline";
  /**
   * `stopped`: somebody cancelled it · `drained`: the worker is stopping, the task starts again elsewhere · `lost`: another
   * worker has the task · `deadline`: it has passed
   */
  readonly kind: "stopped" | "drained" | "lost" | "deadline";

  constructor(cause: RunAbortedError["cause"]) {
    const [kind, message] = describeAbort(cause);
    super(message);
    this.name = kind === "deadline" ? "TimeoutError" : "AbortError";
    this.cause = cause;
    this.kind = kind;
  }
}

function describeAbort(cause: RunAbortedError["cause"]): [RunAbortedError["kind"], string] {
  if (cause === "drain") return ["drained", "the worker is stopping"];
  if (cause === "lost") return ["lost", "the lease was lost"];
  if (cause === "deadline") return ["deadline", "the deadline of the task has passed"];
  return ["stopped", "the run was stopped"];
}

/** How much earlier than its parent a child may find that their common deadline has passed. */
const CHILD_LEAD_MS = 50;

export class TaskRun {
  readonly task: SignalOf<"TASK">;
  readonly runId: RunId;
  readonly deadline: Date | null;
  /** Which start of the task this is, from 1; known once `begin()` has resolved. */
  attempt = 1;
  #released = 0;
  readonly host: TaskRunHost;
  /** Where the host's list has it. */
  place = 0;
  readonly #axon: Axon;
  readonly #delivery: TaskDelivery | null;
  readonly #isFresh: boolean;
  #journal: Journal | undefined;
  #memoryJournal: MemoryJournal | undefined;
  #steps: Steps | undefined;
  #end: RunEventEntry | null = null;
  #isSettled = false;
  #hasLostJournal = false;
  #abort: AbortController | undefined;
  #abortedBy: RunAbortedError | undefined;
  #deltas: Deltas | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The deadline passed while it ran: whatever the neuron threw then, that is why. */
  #hasExpired = false;
  #resolve: ((body: ReplyBody | null) => void) | undefined;

  constructor({ axon, task, delivery, isFresh, host }: TaskRunOptions) {
    this.task = task;
    this.runId = runIdOf(task);
    const { deadline } = task.payload;
    this.deadline = deadline === undefined ? null : new Date(msOfTime(deadline));
    this.#axon = axon;
    this.host = host;
    this.#delivery = delivery;
    this.#isFresh = isFresh;
  }

  /** Why this run was aborted, if it was. */
  get abortedBy(): RunAbortedError | undefined {
    return this.#abortedBy;
  }

  get neuronId(): string {
    return this.#axon.neuronId;
  }

  get isDurable(): boolean {
    return this.#delivery !== null;
  }

  /** Another worker has the task, or may have: nothing more is said of it here. */
  get isLost(): boolean {
    return this.#hasLostJournal || this.#delivery?.isLost === true;
  }

  /**
   * Learn which start of the task this is. One that may have been started before is announced in the journal, so that a
   * task that kills its workers is counted, and older attempts are refused. Rejects with `JournalLostError`.
   */
  async begin({ isAgain }: { isAgain: boolean }): Promise<void> {
    const areAnnounced = this.#axon.retry.maxAttempts === 1;
    if (!isAgain && !areAnnounced) return;
    const journal = this.#openJournal();
    const entries = await journal.read();
    const { attempt, released } = attemptsOf(this.task, entries, { isAgain, areAnnounced });
    this.attempt = attempt;
    this.#released = released;
    const { pause, end, resumed } = journalState(entries);
    this.#end = end;
    this.#isSettled = pause !== null || end !== null || (resumed !== null && resumed.task.id !== this.task.id);
    // A start that only says again what an earlier one said leaves no trace.
    if (!this.#isSettled) await journal.append([]);
  }

  /**
   * Its journal says already what becomes of this task: the run is over, or waits, or goes on under another one. What is left
   * is to say so, however late it is and however often it was tried.
   */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Its journal has its answer. */
  get hasCompleted(): boolean {
    return this.#end?.event_type === "run.completed";
  }

  /** What its journal says of the end of this run, if an earlier start ended it and its reply was lost. */
  get recordedEnd(): ReplyBody | null {
    const { event_type, data } = this.#end ?? {};
    if (event_type === "run.error") return error({ code: String(data!["code"]), message: String(data!["message"]) });
    if (event_type !== "run.cancelled") return null;
    const reason = data!["reason"];
    const node = this.host.instance;
    return { type: "STOPPED", payload: { cancelled: 1, node, ...(typeof reason === "string" && { reason }) } };
  }

  /**
   * Let the journal say that the run ended so, before its reply does, if it is more than attempts and steps. Rejects with
   * `JournalLostError`.
   */
  async recordEnd(body: ReplyBody): Promise<void> {
    if (!this.isDurable || (!this.#journal && this.#isFresh)) return;
    const journal = this.#openJournal();
    const { isOwned, end, iteration } = journalState(await journal.read());
    if (!isOwned || end) return;
    await journal.append([{ ...toEndEntry(body, this.#abortedBy), iteration_index: iteration }]);
  }

  /** The same, for the retry policy: without those that were handed back unharmed. */
  get countedAttempt(): number {
    return this.attempt - this.#released;
  }

  /** Put a failure that is followed by another start on record. */
  async recordFailure(failure: Failure): Promise<void> {
    await this.#openJournal().append([attemptFailed(this.task, failure)]);
  }

  /** Put on record that this start was handed back unharmed. Waits a moment for it, no more: it is a courtesy. */
  async recordRelease(): Promise<void> {
    const { task, attempt, host } = this;
    const recorded = this.#openJournal().append([attemptReleased(task, attempt, host.instance)]);
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => (timer = setTimeout(resolve, RELEASE_RECORD_MS)));
    await Promise.race([recorded, enough]).catch(() => {});
    clearTimeout(timer);
  }

  /** The failures of earlier starts, oldest first. */
  async failures(): Promise<Failure[]> {
    return this.attempt === 1 ? [] : failuresOf(this.task, await this.#openJournal().read());
  }

  /** Ask the neuron to stop. The first reason counts. */
  abort(cause: Exclude<RunAbortedError["cause"], "deadline">): void {
    if (this.#abortedBy) return;
    this.#abortedBy = new RunAbortedError(cause);
    this.#abort?.abort(this.#abortedBy);
  }

  /** `ctx.signal`. Made when somebody asks for it: most neurons are short and never do. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#delivery?.isLost) this.abort("lost");
      else this.#delivery?.lost.addEventListener("abort", () => this.abort("lost"));
      if (this.#abortedBy) this.#abort.abort(this.#abortedBy);
      if (this.deadline) {
        const expire = () => {
          this.#hasExpired = true;
          this.#abort?.abort(new RunAbortedError("deadline"));
        };
        this.#timer = setTimeout(expire, Math.max(0, this.deadline.getTime() - Date.now())).unref();
      }
    }
    return this.#abort.signal;
  }

  /** Run the neuron to its reply, or to `leaveBehind()` if that is first. Null: a later task has the run. Never rejects. */
  reply(): Promise<ReplyBody | null> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      void this.#run(resolve);
    });
  }

  /** Go on without the neuron: it ignores its signal, and what it still returns is dropped. */
  leaveBehind(): void {
    this.#resolve?.(workerStopped());
  }

  async #run(resolve: (body: ReplyBody | null) => void): Promise<void> {
    if (!this.#isSettled && this.deadline && this.deadline.getTime() <= Date.now()) {
      return resolve(deadlineExceeded("before the task started"));
    }
    let body: ReplyBody | null;
    try {
      const returned = await this.#axon.neuron(inputOf(this.#axon, this.task), new RunContext(this));
      body = toReply(returned, this.#axon.output);
    } catch (thrown) {
      body = this.#isTooLate(thrown) ? deadlineExceeded("while the task ran") : toErrorReply(thrown);
    }
    clearTimeout(this.#timer);
    if (this.#deltas) await this.#deltas.flush();
    resolve(body);
  }

  /** A child has its parent's deadline at the latest, and its timer, or its worker's clock, may be a little faster. */
  #isTooLate(thrown: unknown): boolean {
    if (this.#hasExpired || !this.deadline) return this.#hasExpired;
    return thrown instanceof DispatchTimeoutError && this.deadline.getTime() - Date.now() < CHILD_LEAD_MS;
  }

  /** What every Signal of this run carries. */
  meta(): Meta {
    const { tenant_id, reply_to, parent_run_id } = this.task.meta;
    const meta: Meta = { run_id: this.runId, attempt: this.attempt, instance: this.host.instance };
    if (reply_to !== undefined) meta.reply_to = reply_to;
    if (tenant_id !== undefined) meta.tenant_id = tenant_id;
    if (parent_run_id !== undefined) meta.parent_run_id = parent_run_id;
    if (this.#delivery) meta.task_seq = this.#delivery.seq;
    return meta;
  }

  /** The producer: this neuron, with what it can do. */
  get directed(): { id: string; type: null; capabilities: string[] } {
    return { id: this.#axon.neuronId, type: null, capabilities: [...this.#axon.capabilities] };
  }

  /** `ctx.step`. */
  get steps(): Steps {
    return (this.#steps ??= new Steps({
      runId: this.runId,
      journal: this.isDurable ? this.#openJournal() : null,
      signal: this.signal,
      isLost: () => this.isLost,
      isFinal: (failure) => this.#axon.retry.delayMs(this.countedAttempt, failure, this.deadline) === null,
    }));
  }

  /** `ctx.journal`. */
  get journal(): RunJournal {
    return this.isDurable ? this.#openJournal() : (this.#memoryJournal ??= new MemoryJournal());
  }

  #openJournal(): Journal {
    return (this.#journal ??= new Journal({
      bus: this.host.bus,
      runId: this.runId,
      opening: () => attemptStarted(this.task, this.#delivery?.seq ?? 0, this.attempt, this.host.instance),
      envelope: () => this.#envelope(),
      isFresh: this.#isFresh,
      mayGoOn: () => this.#delivery?.isLost !== true,
      onLost: () => {
        this.#hasLostJournal = true;
        this.abort("lost");
      },
    }));
  }

  /** `ctx.thought`. */
  thought(delta: string, kind?: "text" | "reasoning"): void {
    if (typeof delta !== "string" || delta === "") return;
    this.#deltas ??= new Deltas({
      bus: this.host.bus,
      envelope: this.#envelope(),
      isStored: this.isDurable && this.#axon.recordDeltas === "joined",
      onStoreFailed: (cause) => this.host.logger.warn({ err: cause, runId: this.runId }, "deltas.store.failed"),
    });
    this.#deltas.say(delta, kind);
  }

  /** `ctx.toolCall` and `ctx.toolResult`. */
  show<T extends "TOOL_CALL" | "TOOL_RESULT">(type: T, payload: SignalOf<T>["payload"]): void {
    const init = { ...this.#envelope(), type, payload } as NewSignal<T>;
    this.host.bus.publish(createSignal(init) as SignalOf<"TOOL_CALL" | "TOOL_RESULT">);
  }

  #envelope(): {
    trace_id: SignalOf<"TASK">["trace_id"];
    parent_id: SignalOf<"TASK">["id"];
    directed: TaskRun["directed"];
    meta: Meta;
  } {
    return { trace_id: this.task.trace_id, parent_id: this.task.id, directed: this.directed, meta: this.meta() };
  }
}

/** How the journal says what a reply says. */
function toEndEntry(body: ReplyBody, abortedBy: RunAbortedError | undefined): NewRunEvent {
  if (typeof abortedBy?.cause === "object") {
    const { reason = null, by = null } = abortedBy.cause.payload;
    return { event_type: "run.cancelled", data: { reason, by } };
  }
  const { code, message } = body.payload as PayloadOf<"ERROR">;
  return { event_type: "run.error", data: { code, message } };
}

export const workerStopped = (): ReplyBody =>
  error({ code: "WORKER_STOPPED", message: "the worker stopped before the task ended", recoverable: true });

const deadlineExceeded = (when: string): ReplyBody =>
  error({ code: "DEADLINE_EXCEEDED", message: `the deadline of the task passed ${when}`, recoverable: true });

/**
 * AxonHost: takes the tasks of one Axon, durable and transient, runs as many as it has slots for, and sends the replies.
 *
 * A1: a durable task is acknowledged to the log only when its reply is stored there, so whoever dies, it is answered.
 * A2: N replicas of a neuron execute a TASK once, unless its lease lapses or a log server dies. A task that may have been
 * done before is looked up in the log first. After a lost lease nothing is sent for the task: the server would accept it.
 *
 * What is asked for is decided by Lanes, and when a task may run by the Gate.
 *
 * A run that waits for a child gives its slot back meanwhile (D2): else parents and children of one neuron would wait for
 * each other.
 */
import { isEndType, isPauseType } from "@myelin/bus";
import type { Bus, Consumption, Lane, Signal, SignalOf, Subscription, TaskDelivery, TaskOutcome } from "@myelin/bus";
import type { DendriteObserver } from "../observer.ts";
import { isForTenantOf } from "../stopped-traces.ts";
import type { Axon } from "./axon.ts";
import { JournalLostError } from "./journal.ts";
import { DoneTasks } from "./done-tasks.ts";
import { error, type ReplyBody } from "./output-to-reply.ts";
import { Replies } from "./replies.ts";
import { Gate } from "./gate.ts";
import { Lanes } from "./lanes.ts";
import { RunList } from "./run-list.ts";
import { TaskRun, workerStopped, type TaskRunHost } from "./task-run.ts";

export interface AxonHostOptions extends TaskRunHost {
  readonly axon: Axon;
  readonly ackWaitMs: number;
  readonly observer: DendriteObserver;
  /** When the bus last came back, in ms of the epoch; 0 when it never left. */
  readonly reconnectedAt: () => number;
  /** Let a run that waits for its children know which of them have ended, and wake it when all have. */
  readonly settleChildren: (runId: string, traceId: string) => Promise<void>;
  /** The STOP that a task falls under, if there was one. `seq` is the task's own; null when it is transient. */
  readonly stopOf: (task: SignalOf<"TASK">, seq: number | null) => SignalOf<"STOP"> | undefined;
}

/** Transient tasks that wait for a slot, per slot. Beyond it a task is answered ERROR OVERLOADED at once. */
const TRANSIENT_QUEUE_PER_SLOT = 100;
/** How long an aborted neuron has to end before it is reported, and in a drain left behind. */
const ABORT_GRACE_MS = 1_000;

export class AxonHost {
  readonly axon: Axon;
  readonly #options: AxonHostOptions;
  readonly #gate: Gate;
  readonly #runs = new RunList();
  readonly #done: DoneTasks;
  readonly #replies: Replies;
  readonly #consumptions: Consumption[] = [];
  readonly #subscriptions: Subscription[] = [];
  #lanes: Lanes | undefined;
  #processed = 0;
  /** In ms of the epoch. */
  #lastProcessedAt: number | null = null;

  constructor(options: AxonHostOptions) {
    this.axon = options.axon;
    this.#options = options;
    this.#done = new DoneTasks(options);
    this.#replies = new Replies(options);
    this.#gate = new Gate({
      axon: options.axon,
      onParked: () => this.#lanes?.freed(),
      onUnparked: () => this.#lanes?.held(),
      onRoom: () => this.#lanes?.askAgain(),
    });
  }

  get inFlight(): number {
    return this.#runs.size;
  }
  get processed(): number {
    return this.#processed;
  }
  get lastProcessedAt(): Date | null {
    return this.#lastProcessedAt === null ? null : new Date(this.#lastProcessedAt);
  }
  get pulls(): number {
    return this.#consumptions.reduce((sum, one) => sum + one.pulls, 0);
  }

  async start(): Promise<void> {
    const { neuronId, concurrency } = this.axon;
    const transient = { type: "TASK", to: neuronId } as const;
    const opening = [
      this.#consume("high"),
      this.#consume("normal"),
      this.#consume("low"),
      this.#subscribe("live", transient, (signal) => this.#onTransient(signal), { queue: `worker:${neuronId}` }),
      this.#subscribe("log", { ...transient, lane: "high" }, () => this.#lanes?.hinted("high")),
      this.#subscribe("log", { ...transient, lane: "low" }, () => this.#lanes?.hinted("low")),
    ] as const;
    // All of them, so that a drain after a failure finds what there is.
    await Promise.allSettled(opening);
    const [high, normal, low] = await Promise.all(opening);
    const { roomBeside } = this.#gate;
    this.#lanes = new Lanes({ consumptions: { high, normal, low }, slots: concurrency, roomBeside });
  }

  /** The bus was away: what came meanwhile gave no hint. */
  reconnected(): void {
    this.#lanes?.lookAgain();
  }

  /**
   * Take no more, wait `drainMs` for what runs, then abort it and hand it back (S1). A neuron that ignores its signal for a
   * second more is reported and left behind: its task is handed back, and what it still returns is dropped.
   */
  async drain(drainMs: number): Promise<void> {
    this.#replies.drain();
    this.#lanes?.stop();
    this.#gate.drain();
    const timers = [
      setTimeout(() => this.#abortAll("drain"), drainMs).unref(),
      setTimeout(() => this.#leaveBehind(), drainMs + ABORT_GRACE_MS).unref(),
    ];
    await Promise.all([...this.#consumptions, ...this.#subscriptions].map((one) => one.drain()));
    timers.forEach(clearTimeout);
  }

  /**
   * Abort the runs that a STOP names: one run and its children, or all of its trace; those of its tenant, if it has one. Whoever still runs a second later is reported, and
   * left to run: nothing in a process can end a function that does not listen.
   */
  stop(stop: SignalOf<"STOP">): void {
    const { run_id } = stop.payload;
    for (const run of this.#runs) {
      if (run.task.trace_id !== stop.trace_id || !isForTenantOf(run.task, stop)) continue;
      if (run_id !== undefined && run_id !== run.runId && run_id !== run.task.meta.parent_run_id) continue;
      if (run.abortedBy === undefined) setTimeout(() => this.#reportIfRunning(run), ABORT_GRACE_MS).unref();
      run.abort(stop);
    }
  }

  /** Run `work` while the slot of the caller's run is free for others. */
  async withoutSlot<T>(isDurable: boolean, work: () => Promise<T>): Promise<T> {
    this.#gate.leave();
    if (isDurable) this.#lanes?.freed();
    try {
      return await work();
    } finally {
      await this.#gate.takeBack();
      if (isDurable) this.#lanes?.held();
    }
  }

  async #consume(lane: Lane): Promise<Consumption> {
    const { bus, ackWaitMs } = this.#options;
    const source = { neuronId: this.axon.neuronId, lane };
    const consumption = await bus.consume(source, (delivery) => this.#onDurable(delivery, lane), { ackWaitMs });
    this.#consumptions.push(consumption);
    return consumption;
  }

  async #subscribe(...args: Parameters<Bus["subscribe"]>): Promise<void> {
    this.#subscriptions.push(await this.#options.bus.subscribe(...args));
  }

  async #onDurable(delivery: TaskDelivery, lane: Lane): Promise<TaskOutcome> {
    this.#lanes?.delivered(lane);
    try {
      const { signal: task } = delivery;
      if (task.type !== "TASK") return { type: "done" };
      const entry = this.#gate.tryEnter() ? "in" : await this.#gate.enter(task, delivery);
      if (entry === "left") return delivery.isLost ? { type: "abandon" } : { type: "retry", delayMs: 0 };
      if (entry !== "in") return await this.#runDurable(task, delivery, entry);
      try {
        return await this.#runDurable(task, delivery);
      } finally {
        this.#gate.leave();
      }
    } finally {
      this.#lanes?.freed();
    }
  }

  /** `refusal` is the reply of a task that may not run. */
  async #runDurable(task: SignalOf<"TASK">, delivery: TaskDelivery, refusal?: ReplyBody): Promise<TaskOutcome> {
    const { seq } = delivery;
    if (this.#done.has(task.id)) return { type: "done" };
    const mayBeDone = this.#done.mayHave(delivery);
    if (mayBeDone && (await this.#done.isAnswered(task, seq))) {
      this.#done.add(task.id);
      this.#ended("skipped", 0);
      await this.#settleParent(task);
      return { type: "done" };
    }
    const isFresh = !mayBeDone && task.payload.answers === undefined;
    const run = new TaskRun({ axon: this.axon, task, delivery, isFresh, host: this.#options });
    try {
      await run.begin({ isAgain: this.#done.isAgain(delivery) });
      const refused = run.isSettled ? undefined : refusal;
      return await this.#outcome(run, refused ?? (await this.#replyTo(run, seq)), delivery);
    } catch (thrown) {
      if (thrown instanceof JournalLostError) return { type: "abandon" };
      throw thrown;
    }
  }

  /** What the neuron makes of the task, or why it is not started. */
  #replyTo(run: TaskRun, seq: number | null): ReplyBody | Promise<ReplyBody | null> {
    if (run.recordedEnd) return run.recordedEnd;
    const stop = run.hasCompleted ? undefined : this.#options.stopOf(run.task, seq);
    if (stop) {
      run.abort(stop);
      return error({ code: "CANCELLED", message: "the trace was stopped before the task started" });
    }
    const { maxAttempts } = this.axon.retry;
    if (!run.isSettled && run.countedAttempt > maxAttempts) {
      const message = `the task was started ${maxAttempts} times and none ended; the Axon's maxAttempts is ${maxAttempts}`;
      return error({ code: "ATTEMPTS_EXHAUSTED", message });
    }
    return this.#execute(run);
  }

  /** What becomes of the task: its reply is stored, or it is started again, later or elsewhere. */
  async #outcome(run: TaskRun, body: ReplyBody | null, delivery: TaskDelivery): Promise<TaskOutcome> {
    if (run.isLost) return { type: "abandon" };
    if (body === null) {
      this.#done.add(run.task.id);
      return { type: "done" };
    }
    if (body.type !== "ERROR" || typeof run.abortedBy?.cause === "object") return this.#reply(run, body, delivery);
    if (run.abortedBy?.cause === "drain") {
      await run.recordRelease();
      return { type: "retry", delayMs: 0 };
    }
    const { code, message } = body.payload;
    const failure = { attempt: run.attempt, code, message, at: new Date().toISOString(), instance: run.host.instance };
    const delayMs = this.axon.retry.delayMs(run.countedAttempt, body.payload, run.deadline);
    if (delayMs !== null) {
      await run.recordFailure(failure);
      return { type: "retry", delayMs };
    }
    const attempts = [...(await run.failures()), failure];
    return this.#reply(run, { ...body, payload: { ...body.payload, attempts } }, delivery);
  }

  async #reply(run: TaskRun, body: ReplyBody, delivery: TaskDelivery): Promise<TaskOutcome> {
    if (body.type === "ERROR") await this.#recordEnd(run, body);
    // A child may have ended before its parent's pause was on record. Before the reply: a task that is answered is not looked at again.
    if (body.type === "CLARIFICATION" && body.payload.status === "waiting_child") {
      await this.#settle(run.runId, run.task.trace_id);
    }
    const outcome = await this.#replies.append(run, body, delivery);
    if (outcome.type !== "done") return outcome;
    this.#done.add(run.task.id);
    if (isEndType(body.type)) await this.#settleParent(run.task);
    return outcome;
  }

  /** A run that was woken, and has ended: who asked for it may wait in its journal. */
  async #settleParent({ payload, meta, trace_id }: SignalOf<"TASK">): Promise<void> {
    if (payload.answers === undefined || meta.parent_run_id === undefined) return;
    await this.#settle(meta.parent_run_id, trace_id);
  }

  /** What this fails to do, whoever asks for the run does, and the sweeper. */
  async #settle(runId: string, traceId: string): Promise<void> {
    try {
      await this.#options.settleChildren(runId, traceId);
    } catch (error) {
      this.#options.logger.warn({ err: error, runId, traceId }, "children.settle.failed");
    }
  }

  /** Whatever becomes of its journal, the caller gets its reply; unless another start has the run. */
  async #recordEnd(run: TaskRun, body: ReplyBody): Promise<void> {
    try {
      await run.recordEnd(body);
    } catch (thrown) {
      if (thrown instanceof JournalLostError) throw thrown;
      this.#options.logger.warn({ err: thrown, runId: run.runId }, "run.end.record.failed");
    }
  }

  async #onTransient(task: Signal): Promise<void> {
    if (task.type !== "TASK") return;
    const run = new TaskRun({ axon: this.axon, task, delivery: null, isFresh: true, host: this.#options });
    if (!this.#gate.tryEnter()) {
      const { queued } = this.#gate;
      if (queued >= this.axon.concurrency * TRANSIENT_QUEUE_PER_SLOT) {
        const message = `${queued} tasks wait for ${this.axon.concurrency} slots; try again later`;
        this.#replies.publish(run, error({ code: "OVERLOADED", message, recoverable: true }));
        return;
      }
      const entry = await this.#gate.enter(task, null);
      if (entry !== "in") {
        this.#replies.publish(run, entry === "left" ? workerStopped() : entry);
        return;
      }
    }
    try {
      const body = await this.#replyTo(run, null);
      if (body) this.#replies.publish(run, body);
    } finally {
      this.#gate.leave();
    }
  }

  async #execute(run: TaskRun): Promise<ReplyBody | null> {
    const delivery = run.isDurable ? "durable" : "transient";
    const neuron = this.axon.neuronId;
    const startedAt = performance.now();
    this.#options.observer.taskStarted?.({ neuron, delivery });
    this.#runs.add(run);
    try {
      const body = unlessStopped(run, await run.reply());
      this.#ended(body?.type ?? "superseded", performance.now() - startedAt);
      return body;
    } finally {
      this.#runs.delete(run);
      this.#processed++;
      this.#lastProcessedAt = Date.now();
    }
  }

  #leaveBehind(): void {
    for (const run of this.#runs) {
      this.#reportIfRunning(run);
      run.leaveBehind();
    }
  }

  #reportIfRunning(run: TaskRun): void {
    if (!this.#runs.has(run)) return;
    this.#options.logger.warn({ runId: run.runId, neuronId: this.axon.neuronId }, "run.ignores.abort");
  }

  #abortAll(cause: "drain"): void {
    this.#gate.close();
    for (const run of this.#runs) run.abort(cause);
  }

  #ended(outcome: string, ms: number): void {
    this.#options.observer.taskEnded?.({ neuron: this.axon.neuronId, outcome, ms });
  }
}

/** A run that was stopped does not begin to wait: nobody is to go on with it. */
function unlessStopped(run: TaskRun, body: ReplyBody | null): ReplyBody | null {
  if (body === null || typeof run.abortedBy?.cause !== "object" || !isPauseType(body.type)) return body;
  return error({ code: "CANCELLED", message: "the run was stopped as it began to wait" });
}

/**
 * Runtime: what exists while a Dendrite runs: its subscriptions, its dispatcher, and the Axons it hosts. Opened by the
 * start, closed by the stop; a start that fails on the way closes what it had opened.
 */
import {
  parseSubject,
  type Bus,
  type InstanceId,
  type Lane,
  type Received,
  type Signal,
  type SignalOf,
  type Subscription,
} from "@myelin/bus";
import { endWithFailure } from "@myelin/bus/run-events";
import type { ChildRequest, Delegated, Delegation } from "@myelin/neuron";
import { Announcer } from "./announcer.ts";
import { Answers } from "./answers.ts";
import { AxonHost } from "./axon/axon-host.ts";
import type { Axon } from "./axon/axon.ts";
import type { TaskRun, TaskRunHost } from "./axon/task-run.ts";
import { callNeuron } from "./call.ts";
import { Claims } from "./claims.ts";
import { Dispatcher } from "./dispatcher.ts";
import { DispatchTimeoutError, NeuronError, RunNotFoundError, type DendriteError } from "./errors.ts";
import type { DendriteStats } from "./observer.ts";
import type { ResolvedOptions } from "./options.ts";
import { Records, runRecords } from "./records.ts";
import { Replay } from "./replay.ts";
import { RosterWatch } from "./roster-watch.ts";
import { RunFollower } from "./run-follower.ts";
import { RunHistory } from "./run-history.ts";
import { RunLog } from "./run-log.ts";
import { Cancels } from "./runs/cancel.ts";
import { Children } from "./runs/children.ts";
import { RunJournals } from "./runs/run-journals.ts";
import { RunOutcomes } from "./runs/run-outcomes.ts";
import { Submissions } from "./runs/submissions.ts";
import { Wakes } from "./runs/wakes.ts";
import { StoppedTraces } from "./stopped-traces.ts";
import type { WaitRequest } from "./requests.ts";
import type { Outcome } from "./wait.ts";
import { isPause, Waiters } from "./waiters.ts";

/** How long a question to the records may take. */
const RECORDS_TIMEOUT_MS = 5_000;

export interface RuntimeOptions {
  readonly bus: Bus;
  readonly instance: InstanceId;
  readonly axons: readonly Axon[];
  readonly options: ResolvedOptions;
}

export class Runtime {
  readonly dispatcher: Dispatcher;
  readonly answers: Answers;
  readonly roster: RosterWatch;
  readonly history: RunHistory;
  readonly claims: Claims;
  readonly follower: RunFollower;
  readonly replay: Replay;
  readonly journals: RunJournals;
  readonly wakes: Wakes;
  readonly children: Children;
  readonly outcomes: RunOutcomes;
  readonly submissions: Submissions;
  readonly cancels: Cancels;
  readonly bus: Bus;
  readonly instance: InstanceId;
  readonly #options: ResolvedOptions;
  readonly #waiters: Waiters;
  readonly #stopped: StoppedTraces;
  readonly #hosts: readonly AxonHost[];
  /** Null in a process that hosts nothing: it has nothing to announce. */
  readonly #announcer: Announcer | null;
  readonly #subscriptions: Subscription[] = [];
  #statusListener: Disposable | undefined;
  #reconnectedAt = 0;

  constructor({ bus, instance, axons, options }: RuntimeOptions) {
    const { heartbeatMs, discoverMs, dendriteId, logger, observer } = options;
    this.bus = bus;
    this.instance = instance;
    this.#options = options;
    this.roster = new RosterWatch({ bus, instance, heartbeatMs, discoverMs });
    const log = new RunLog(bus);
    const waiters = new Waiters({
      instance,
      replyOf: async (run) => (await log.replyOf(run))?.reply ?? null,
      onAskFailed: (error) => logger.warn({ err: error }, "reply.lookup.failed"),
    });
    this.#waiters = waiters;
    const records = new Records((question) =>
      callNeuron(this.dispatcher, runRecords, question, { delivery: "transient", timeoutMs: RECORDS_TIMEOUT_MS }, null),
    );
    this.history = new RunHistory(log, records);
    this.claims = new Claims({ bus, log, records, history: this.history, keepMs: options.idempotencyKeepMs });
    this.follower = new RunFollower({ bus, instance, waiters, history: this.history, observer });
    const { roster, history, claims, follower } = this;
    this.dispatcher = new Dispatcher({ bus, instance, roster, waiters, claims, follower, logger, observer });
    this.replay = new Replay({ log, records, history, dispatcher: this.dispatcher });
    this.answers = new Answers(bus, instance, records);
    this.journals = new RunJournals({ bus, instance, log, records });
    this.wakes = new Wakes({ bus, instance, log, records });
    const { journals, wakes, answers, dispatcher } = this;
    const children = (this.children = new Children({ journals, history, wakes }));
    this.outcomes = new RunOutcomes({ follower, history, journals, children });
    this.submissions = new Submissions({ journals, history, wakes, children, answers, namespace: bus.namespace });
    this.cancels = new Cancels({ bus, instance, journals, history, follower, dispatcher, children });
    this.#stopped = new StoppedTraces(bus);
    this.#hosts = axons.map((axon) => this.#host(axon, instance));
    const hosts = this.#hosts;
    this.#announcer =
      hosts.length === 0 ? null : new Announcer({ bus, instance, label: dendriteId, heartbeatMs, hosts, logger });
  }

  /** Hear what is for this process, then take tasks, then say so. `onHeard` comes between the first two. */
  async open(instance: InstanceId, onHeard: () => Promise<void>): Promise<void> {
    try {
      await this.#subscribe("log", { to: instance }, (signal) => this.#waiters.receive(signal));
      await this.#subscribe("live", { to: instance }, (signal) => this.#waiters.receive(signal));
      if (this.#announcer) await this.#hearOrders(this.#announcer);
      await onHeard();
      await Promise.all(this.#hosts.map((host) => host.start()));
      await this.#announcer?.start();
      this.#statusListener = this.#options.synapse.onStatus(({ type }) => {
        if (type === "reconnected") this.#onReconnected();
      });
    } catch (error) {
      await Promise.allSettled([...this.#hosts.map((host) => host.drain(0)), this.#unsubscribe()]);
      throw error;
    }
  }

  /** Finish or hand back what runs, say goodbye, fail what waits with `error`, and unsubscribe (S1). */
  async close(reason: string, error: DendriteError): Promise<void> {
    // Runs that are finishing may still wait for children: replies are heard until the last run has ended.
    await Promise.all(this.#hosts.map((host) => host.drain(this.#options.drainMs)));
    await this.#announcer?.stop(reason);
    this.#waiters.failAll(error);
    this.#statusListener?.[Symbol.dispose]();
    await this.#unsubscribe();
  }

  /** A live Signal was refused by the server's permissions: whoever waits for what comes of it need not. */
  refused(subject: string, error: Error): void {
    const sent = parseSubject(subject);
    if (sent?.type === "TASK") this.#waiters.failTransient(sent.bucket, error);
    if (sent?.type === "DISCOVER") this.roster.refused(error);
  }

  /** End a run whose caller has gone, also one that waits. How it takes it is not waited for. */
  giveUp({ meta: { run_id: runId, tenant_id: tenantId } }: SignalOf<"TASK">): void {
    const told = { by: null, reason: "the caller gave up", tenantId, timeoutMs: 1 };
    this.cancels.cancel(runId!, told).catch((error: unknown) => {
      // Aborted before it was sent: there is nothing to end.
      if (error instanceof RunNotFoundError) return;
      this.#options.logger.warn({ err: error, runId }, "run.give.up.failed");
    });
  }

  stats(): DendriteStats {
    return {
      waiting: this.#waiters.size,
      running: this.#hosts.reduce((sum, host) => sum + host.inFlight, 0),
      pulls: this.#hosts.reduce((sum, host) => sum + host.pulls, 0),
    };
  }

  async #subscribe(
    channel: "log" | "live",
    filter: Parameters<Bus["subscribe"]>[1],
    handler: (signal: Signal, received: Received) => void,
  ) {
    this.#subscriptions.push(await this.bus.subscribe(channel, filter, handler));
  }

  async #hearOrders(announcer: Announcer): Promise<void> {
    const stop = (signal: Signal, { seq }: Received) => {
      if (signal.type !== "STOP") return;
      this.#stopped.add(signal, seq);
      for (const host of this.#hosts) host.stop(signal);
    };
    await this.#subscribe("live", { type: "STOP" }, stop);
    await this.#subscribe("log", { type: "STOP" }, stop);
    await this.#stopped.catchUp();
    await this.#subscribe("live", { type: "DISCOVER" }, (signal) => {
      if (signal.type === "DISCOVER") announcer.answer(signal);
    });
  }

  async #unsubscribe(): Promise<void> {
    await Promise.all([...this.#subscriptions.map((one) => one.drain()), this.roster.drain()]);
  }

  #onReconnected(): void {
    this.#reconnectedAt = Date.now();
    this.#waiters.askAll();
    this.roster.reconnected();
    this.#announcer?.beat();
    for (const host of this.#hosts) host.reconnected();
    if (this.#announcer) this.#hearMissedStops();
  }

  /** STOPs that passed while the connection was down: they stop what runs, too. */
  #hearMissedStops(): void {
    const heard = (stop: SignalOf<"STOP">) => this.#hosts.forEach((host) => host.stop(stop));
    this.#stopped
      .catchUp(heard)
      .catch((error: unknown) => this.#options.logger.warn({ err: error }, "stops.lookup.failed"));
  }

  /** A child with a key outlives this start of its parent, and is found by the next; the parent's cancel takes it along. */
  async #dispatchChild(
    run: TaskRun,
    request: Omit<ChildRequest, "onPause"> & Pick<WaitRequest, "onPause">,
  ): Promise<Outcome> {
    let child: SignalOf<"TASK"> | undefined;
    const onPrepared = (task: SignalOf<"TASK">) => void (child = task);
    try {
      return await this.dispatcher.dispatchAndWait({ ...request, ...inherited(run, request) }, run, onPrepared);
    } catch (error) {
      if (child && request.idempotencyKey !== undefined && run.abortedBy?.kind === "stopped") {
        const runId = child.meta.run_id!;
        const tenantId = child.meta.tenant_id;
        await this.dispatcher.stop(child.trace_id, {
          runId,
          tenantId,
          reason: "its parent was cancelled",
          isStored: true,
        });
      }
      throw error;
    }
  }

  /** A child that failed has used something up all the same. */
  async #delegateChild(run: TaskRun, request: Delegation): Promise<Delegated> {
    try {
      const reply = await this.#dispatchChild(run, { ...request, onPause: run.isDurable ? "return" : "wait" });
      if (isPause(reply)) return { kind: "paused", runId: reply.meta.run_id!, agent: reply.directed.id };
      return { kind: "ended", ...(await this.children.endOf(reply)) };
    } catch (error) {
      if (run.signal.aborted) throw error;
      if (error instanceof NeuronError) return { kind: "ended", ...(await this.children.endOf(error.signal)) };
      if (!(error instanceof DispatchTimeoutError)) throw error;
      const { runId, traceId, message } = error;
      return { kind: "ended", ...endWithFailure(message, await this.children.entriesOf(runId, traceId)) };
    }
  }

  #host(axon: Axon, instance: InstanceId): AxonHost {
    const { ackWaitMs, logger, observer } = this.#options;
    const dispatchChild: TaskRunHost["dispatchChild"] = (run, request) =>
      host.withoutSlot(
        run.isDurable,
        async () => (await this.#dispatchChild(run, request)) as SignalOf<"AGENT_OUTPUT">,
      );
    const delegateChild: TaskRunHost["delegateChild"] = (run, request) =>
      host.withoutSlot(run.isDurable, () => this.#delegateChild(run, request));
    const callChild: TaskRunHost["callChild"] = (run, contract, input, options) =>
      host.withoutSlot(run.isDurable, () =>
        callNeuron(this.dispatcher, contract, input, { ...options, ...inherited(run, options) }, run),
      );
    const host: AxonHost = new AxonHost({
      axon,
      bus: this.bus,
      instance,
      ackWaitMs,
      logger,
      observer,
      reconnectedAt: () => this.#reconnectedAt,
      stopOf: (task, seq) => this.#stopped.of(task, seq),
      settleChildren: (runId, traceId) => this.children.settle(runId, traceId),
      dispatchChild,
      delegateChild,
      callChild,
    });
    return host;
  }
}

/** What a child gets from the run that dispatches it, beside its deadline. */
const inherited = ({ task, signal }: TaskRun, request: { readonly priority?: Lane | undefined }) => ({
  traceId: task.trace_id,
  parentId: task.id,
  tenantId: task.meta.tenant_id,
  priority: request.priority ?? task.payload.priority,
  signal,
});

/**
 * Consumption of TASKs: the durable consumer that all replicas of a neuron and lane share, and this process's part of it.
 *
 * The server decides who gets a task. Its memory of what was delivered and answered is written behind: when it is killed,
 * what was answered in its last 100 ms and everything that runs is delivered again, as if for the first time. Hence, per
 * task of this process, delivered -> running -> done:
 *  - delivered again while it runs: the new delivery is adopted, no second handler starts
 *  - delivered again after it was done: answered at once
 *  - its pull is older than half the lease (the process was frozen): dropped without a word, another has it
 *  - there is no room for it: handed back at once
 *  - it is a ticket: held, and fetched, before it runs
 */
import { BusError } from "../../protocol/errors.ts";
import { parseSignal, type Signal } from "../../protocol/signal.ts";
import { consumerName, streamName, subjectFilter } from "../../protocol/subjects.ts";
import type { Lane } from "../../protocol/signals/task.ts";
import { Recent } from "../recent.ts";
import { RunningHandlers } from "../running-handlers.ts";
import type { BusProblem, Consumption, TaskDelivery, TaskHandler, TaskOutcome } from "../synapse.ts";
import { API_CODE, askApi, describeError } from "./nats-api.ts";
import { parseDelivery, type DeliveryInfo } from "./nats-entry.ts";
import type { NatsLargeSignals, Whole } from "./nats-large.ts";
import { NatsLeases, type Lease } from "./nats-leases.ts";
import type { NatsLink } from "./nats-link.ts";
import { NatsPulls, type PullDelivery } from "./nats-pulls.ts";
import type { NatsSession } from "./nats-session.ts";

export interface ConsumeRequest {
  readonly namespace: string;
  readonly neuronId: string;
  readonly lane: Lane;
  readonly ackWaitMs: number;
  readonly large: NatsLargeSignals;
  readonly onProblem: (problem: BusProblem) => void;
}

const MS_NS = 1_000_000;
const RETRY_AFTER_ERROR_MS = 1_000;
/** How many ended tasks are remembered at least, for a server that forgot our answer. */
const DONE_REMEMBERED = 10_000;

export async function consumeNats(
  session: NatsSession,
  request: ConsumeRequest,
  handler: TaskHandler,
): Promise<Consumption> {
  await ensureConsumer(session.link, request);
  return new NatsConsumption(session, request, handler);
}

class Delivery implements TaskDelivery {
  readonly signal: Signal;
  readonly seq: number;
  readonly storedAt: Date;
  readonly deliveryCount: number;
  readonly #lease: Lease;

  constructor(signal: Signal, info: DeliveryInfo, lease: Lease) {
    this.signal = signal;
    this.seq = info.seq;
    this.storedAt = new Date(info.storedAtMs);
    this.deliveryCount = info.deliveryCount;
    this.#lease = lease;
  }

  get isLost(): boolean {
    return this.#lease.isLost;
  }
  get lost(): AbortSignal {
    return this.#lease.lost;
  }
}

class NatsConsumption implements Consumption {
  readonly drain: () => Promise<void>;
  readonly #link: NatsLink;
  readonly #request: ConsumeRequest;
  readonly #handler: TaskHandler;
  readonly #pulls: NatsPulls;
  readonly #leases: NatsLeases;
  readonly #handlers = new RunningHandlers();
  readonly #running = new Map<string, Lease>();
  /** What was done here, and for how long the server may be told so. */
  readonly #done = new Recent<{ ackSubject: string; isOursUntil: number }>(DONE_REMEMBERED);
  /** Hand-backs that wait for the connection. */
  #unsaid: { lease: Lease; answer: string }[] = [];
  readonly #onUp = () => this.#sayAgain();
  #isReported = false;
  #isDraining = false;

  constructor(session: NatsSession, request: ConsumeRequest, handler: TaskHandler) {
    this.#link = session.link;
    this.#request = request;
    this.#handler = handler;
    this.#leases = new NatsLeases(session.link, request.ackWaitMs);
    this.#pulls = new NatsPulls(session.link, {
      consumer: `${streamName(request.namespace)}.${consumerName(request.neuronId, request.lane)}`,
      ackWaitMs: request.ackWaitMs,
      onDelivery: (delivery) => this.#onDelivery(delivery),
      onTrouble: (reason) => this.#onTrouble(reason),
    });
    session.link.onUp.add(this.#onUp);
    this.drain = session.own(() => this.#drain());
  }

  get pulls(): number {
    return this.#pulls.sent;
  }

  request(n: number): void {
    this.#pulls.request(n);
  }

  poll(n: number): Promise<number> {
    return this.#pulls.poll(n);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    await this.#pulls.stop();
    await this.#handlers.settled();
    this.#leases.stop();
    this.#link.onUp.delete(this.#onUp);
    // So that what was said is heard before the caller goes on to close things.
    if (this.#link.isUp) await this.#link.flushOnce().catch(() => {});
  }

  #onDelivery({ message, pulledAt, hasRoom }: PullDelivery): boolean | Promise<boolean> {
    this.#isReported = false;
    const ackSubject = message.reply ?? "";
    const info = parseDelivery(ackSubject);
    if (!info) return false;
    if (performance.now() - pulledAt > this.#request.ackWaitMs / 2) return false;
    const running = this.#running.get(info.key);
    if (running) {
      // A lost one stays lost: its handler was told to stop.
      if (!running.isLost) this.#leases.adopt(running, ackSubject);
      return false;
    }
    if (this.#done.has(info.key)) {
      this.#link.outbox.send(ackSubject, "+ACK");
      return false;
    }
    if (!hasRoom) {
      this.#link.outbox.send(ackSubject, "-NAK");
      return false;
    }
    const bytes = message.data;
    const parsed = parseSignal(bytes);
    const { subject } = message;
    if (parsed.ok) {
      void this.#handlers.track(() => this.#run(subject, parsed.signal, info, this.#hold(info, ackSubject)));
      return true;
    }
    const coming = this.#request.large.fetch(bytes, parsed);
    if (coming) return this.#handlers.track(() => this.#runWhole(subject, coming, info, this.#hold(info, ackSubject)));
    // Never to be delivered again; its bytes stay in the log.
    this.#link.outbox.send(ackSubject, "+TERM");
    this.#request.onProblem({ type: "bad-message", subject, bytes, problem: parsed.problem });
    return false;
  }

  #hold(info: DeliveryInfo, ackSubject: string): Lease {
    const lease = this.#leases.hold(ackSubject);
    this.#running.set(info.key, lease);
    return lease;
  }

  #release(info: DeliveryInfo, lease: Lease): void {
    this.#running.delete(info.key);
    this.#leases.release(lease);
  }

  /** Run a TASK once it is fetched; false when it cannot be run. What cannot be had at the moment is delivered again. */
  async #runWhole(subject: string, coming: Promise<Whole>, info: DeliveryInfo, lease: Lease): Promise<boolean> {
    const { onProblem, neuronId } = this.#request;
    let answer = `-NAK {"delay":${RETRY_AFTER_ERROR_MS * MS_NS}}`;
    try {
      const { bytes, parsed } = await coming;
      if (parsed.ok && !lease.isLost && !this.#isDraining) {
        void this.#handlers.track(() => this.#run(subject, parsed.signal, info, lease));
        return true;
      }
      if (parsed.ok) answer = "-NAK";
      else {
        answer = "+TERM";
        onProblem({ type: "bad-message", subject, bytes, problem: parsed.problem });
      }
    } catch (error) {
      onProblem({ type: "consumer-error", neuronId, error });
    }
    this.#release(info, lease);
    if (this.#leases.isOurs(lease)) this.#answer(lease, answer);
    return false;
  }

  async #run(subject: string, signal: Signal, info: DeliveryInfo, lease: Lease): Promise<void> {
    let outcome: TaskOutcome;
    try {
      outcome = await this.#handler(new Delivery(signal, info, lease));
    } catch (error) {
      this.#request.onProblem({ type: "handler-error", subject, error });
      outcome = { type: "retry", delayMs: RETRY_AFTER_ERROR_MS };
    }
    this.#release(info, lease);
    // Lost: another may have it by now, and would be spoken for.
    if (outcome.type === "abandon" || !this.#leases.isOurs(lease)) return;
    if (outcome.type === "done") {
      const { ackSubject } = lease;
      this.#done.set(info.key, { ackSubject, isOursUntil: lease.confirmedAt + this.#request.ackWaitMs });
      if (this.#link.isUp) this.#link.outbox.send(ackSubject, "+ACK");
      return;
    }
    this.#answer(lease, outcome.delayMs > 0 ? `-NAK {"delay":${Math.ceil(outcome.delayMs * MS_NS)}}` : "-NAK");
  }

  #answer(lease: Lease, answer: string): void {
    if (this.#link.isUp) this.#link.outbox.send(lease.ackSubject, answer);
    else this.#unsaid.push({ lease, answer });
  }

  /**
   * The connection is back. Whether the last answers before it was lost arrived nobody knows, so what was done is said
   * again: twice does no harm. A hand-back said twice would take the task from whoever has it now, so only those are said
   * that certainly were not.
   */
  #sayAgain(): void {
    const now = performance.now();
    for (const { ackSubject, isOursUntil } of this.#done.values()) {
      if (now < isOursUntil) this.#link.outbox.send(ackSubject, "+ACK");
    }
    for (const { lease, answer } of this.#unsaid) {
      if (this.#leases.isOurs(lease)) this.#link.outbox.send(lease.ackSubject, answer);
    }
    this.#unsaid = [];
  }

  /** The consumer does not answer: make sure that it is there. Reported once until it delivers again. */
  async #onTrouble(reason: string): Promise<void> {
    const report = (error: unknown) => {
      if (this.#isReported) return;
      this.#isReported = true;
      this.#request.onProblem({ type: "consumer-error", neuronId: this.#request.neuronId, error });
    };
    try {
      const made = await ensureConsumer(this.#link, this.#request);
      if (made === "made") {
        const name = consumerName(this.#request.neuronId, this.#request.lane);
        report(
          new BusError(
            "LOG_CONFIG",
            `the consumer ${name} was gone (${reason}) and was made again: every task in the log is offered once more`,
          ),
        );
      }
    } catch (error) {
      if (!this.#link.isClosed) report(error);
    }
  }
}

/**
 * Make the durable consumer, or check the one that is there. Never updated: two versions of a worker side by side would
 * fight. Never deleted: one that is made again offers every task in the log again.
 */
async function ensureConsumer(link: NatsLink, request: ConsumeRequest): Promise<"made" | "there"> {
  const { namespace, neuronId, lane, ackWaitMs } = request;
  const stream = streamName(namespace);
  const name = consumerName(neuronId, lane);
  const filter = subjectFilter(namespace, "put", { type: "TASK", to: neuronId, lane });
  const config = {
    durable_name: name,
    deliver_policy: "all",
    ack_policy: "explicit",
    ack_wait: ackWaitMs * MS_NS,
    // The count is wrong after a restart, and a task that exhausts it is never heard of again: attempts are counted by us.
    max_deliver: -1,
    // It would count delayed retries: 1,000 of them, the default, block every fresh task.
    max_ack_pending: -1,
    // Counts pulls; the default of 512 refused 288 of 800 idle replicas.
    max_waiting: 20_000,
    filter_subject: filter,
  };
  const there = await askApi<{ config: typeof config }>(link, `$JS.API.CONSUMER.INFO.${stream}.${name}`, undefined);
  if (there.ok) {
    assertSameConfig(name, there.value.config, config);
    return "there";
  }
  const create = { stream_name: stream, config, action: "create" };
  const made = await askApi(link, `$JS.API.CONSUMER.CREATE.${stream}.${name}.${filter}`, create);
  if (made.ok) return "made";
  if (made.error.err_code === API_CODE.consumerExists) {
    const theirs = await askApi<{ config: typeof config }>(link, `$JS.API.CONSUMER.INFO.${stream}.${name}`, undefined);
    if (theirs.ok) {
      assertSameConfig(name, theirs.value.config, config);
      return "there";
    }
  }
  throw new BusError("LOG_CONFIG", `the consumer ${name} cannot be made: ${describeError(made.error)}`);
}

function assertSameConfig<T extends object>(name: string, theirs: T, ours: T): void {
  for (const key of Object.keys(ours) as (keyof T & string)[]) {
    if (theirs[key] === ours[key]) continue;
    const [has, wants] = key === "ack_wait" ? [toMs(theirs[key]), toMs(ours[key])] : [theirs[key], ours[key]];
    throw new BusError(
      "LOG_CONFIG",
      `the consumer ${name} has ${key} ${String(has)}, this process wants ${String(wants)}: use one ackWaitMs everywhere`,
    );
  }
}

const toMs = (ns: unknown): string => `${Number(ns) / MS_NS} ms`;

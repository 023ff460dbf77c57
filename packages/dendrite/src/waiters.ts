/**
 * Waiters: those of this process who wait for a run's reply, by run id. Usually one; callers of one idempotency key, and of
 * `reattach`, share a run.
 *
 * D1: a wait settles exactly once (reply, timeout, abort, stop) and leaves nothing behind. Live delivery is at most once,
 * so a reply that was stored while nobody listened is fetched: after each reconnect, and from 2 s of waiting on, with
 * backoff, the log is asked for the reply of each run (an exact read, 0.4 ms).
 */
import type { PauseType, ReplyType, Signal, SignalOf } from "@myelin/bus";
import { bucketOf, isPauseType, isReplyType } from "@myelin/bus";

export type Reply = SignalOf<ReplyType>;

/** Where the replies of a run are found. */
export interface RunAddress {
  readonly runId: string;
  readonly traceId: string;
  /** The instance they are addressed to; `_` for nobody. */
  readonly replyTo: string;
}

export interface Waiter extends Omit<RunAddress, "replyTo"> {
  /** Only where it is not this process. */
  readonly replyTo?: string | undefined;
  /** False for a transient dispatch: its reply was never stored. */
  readonly isStored: boolean;
  /** Pauses are passed over while the run's end is awaited. */
  readonly untilEnd: boolean;
  /** Settles the wait with a reply. Called at most once, after the waiter was removed. */
  settle(reply: Reply): void;
  fail(error: unknown): void;
}

/** A run that is waited for, and when to ask the log about it. */
interface Waiting {
  /** Undefined once taken: see `#remove`. */
  waiter: Waiter | undefined;
  others: Waiter[] | undefined;
  nextAskAt: number;
  askAfterMs: number;
}

export interface WaitersOptions {
  /** The instance replies are addressed to. */
  readonly instance: string;
  /** Ask the log. Null while the run goes on. */
  readonly replyOf: (run: RunAddress) => Promise<Reply | null>;
  readonly onAskFailed: (error: unknown) => void;
}

const FIRST_ASK_MS = 2_000;
const LAST_ASK_MS = 30_000;
const TICK_MS = 500;
/** Questions to the log at a time: a reconnect with 10,000 waiters must not flood a server that just came back. */
const ASKS_AT_ONCE = 64;

export class Waiters {
  readonly #waiting = new Map<string, Waiting>();
  readonly #options: WaitersOptions;
  #size = 0;
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;

  constructor(options: WaitersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  /** Register before the TASK is sent: the reply can be here before the append has resolved. */
  add(waiter: Waiter): void {
    this.#size++;
    const waiting = this.#waiting.get(waiter.runId);
    if (waiting) {
      (waiting.others ??= []).push(waiter);
      return;
    }
    this.#waiting.set(waiter.runId, {
      waiter,
      others: undefined,
      nextAskAt: waiter.isStored ? Date.now() + FIRST_ASK_MS : Infinity,
      askAfterMs: FIRST_ASK_MS,
    });
    this.#timer ??= setInterval(() => this.#askDue(), TICK_MS).unref();
  }

  /** Settle a wait with an error, unless something settled it before: then false. */
  fail(waiter: Waiter, error: unknown): boolean {
    const isTaken = this.#remove(waiter);
    if (isTaken) waiter.fail(error);
    return isTaken;
  }

  /** Take a Signal of a run. One that nobody waits for (any more) is passed over. */
  receive(signal: Signal): void {
    if (!isReplyType(signal.type)) return;
    const reply = signal as Reply;
    const runId = reply.meta.run_id;
    const waiting = runId === undefined ? undefined : this.#waiting.get(runId);
    if (!waiting?.waiter) return;
    const others = waiting.others && [...waiting.others];
    this.#offer(waiting.waiter, reply);
    if (others) for (const waiter of others) this.#offer(waiter, reply);
  }

  /** Ask the log for everybody now: replies may have passed while the connection was down. */
  askAll(): void {
    for (const waiting of this.#waiting.values()) if (waiting.waiter?.isStored) waiting.nextAskAt = 0;
    this.#askDue();
  }

  /** Settle every wait with an error. */
  failAll(error: unknown): void {
    for (const { waiter, others = [] } of [...this.#waiting.values()]) {
      for (const one of waiter ? [waiter, ...others] : []) this.fail(one, error);
    }
  }

  /** Settle the waits for transient tasks in one bucket of traces: what carried them was not let through. */
  failTransient(bucket: string, error: unknown): void {
    for (const { waiter } of [...this.#waiting.values()]) {
      if (waiter && !waiter.isStored && bucketOf(waiter.traceId) === bucket) this.fail(waiter, error);
    }
  }

  #offer(waiter: Waiter, reply: Reply): void {
    if (waiter.untilEnd && isPauseType(reply.type)) return;
    if (this.#remove(waiter)) waiter.settle(reply);
  }

  /** Forget a waiter. Whoever gets true settles it. */
  #remove(waiter: Waiter): boolean {
    const waiting = this.#waiting.get(waiter.runId);
    if (!waiting) return false;
    const { others } = waiting;
    if (others) {
      const left = [waiting.waiter!, ...others].filter((one) => one !== waiter);
      if (left.length > others.length) return false;
      [waiting.waiter] = left;
      waiting.others = left.length > 1 ? left.slice(1) : undefined;
    } else {
      if (waiting.waiter !== waiter) return false;
      this.#waiting.delete(waiter.runId);
      // V8's Map leaves its outgrown tables to the next full collection, with all they hold. Emptied here that is 50 bytes a
      // dispatch; else it is all that the dispatch ever touched (2 kB), and half of the time goes to collecting garbage.
      waiting.waiter = undefined;
    }
    if (--this.#size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    return true;
  }

  #askDue(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    void this.#askDueInTurn().finally(() => (this.#isAsking = false));
  }

  async #askDueInTurn(): Promise<void> {
    const now = Date.now();
    const due = [...this.#waiting.values()].filter((one) => one.nextAskAt <= now);
    for (let at = 0; at < due.length; at += ASKS_AT_ONCE) {
      await Promise.all(due.slice(at, at + ASKS_AT_ONCE).map((one) => this.#ask(one)));
    }
  }

  async #ask(waiting: Waiting): Promise<void> {
    waiting.nextAskAt = Date.now() + waiting.askAfterMs;
    waiting.askAfterMs = Math.min(waiting.askAfterMs * 2, LAST_ASK_MS);
    if (!waiting.waiter) return;
    const { runId, traceId, replyTo = this.#options.instance } = waiting.waiter;
    try {
      const reply = await this.#options.replyOf({ runId, traceId, replyTo });
      if (reply) this.receive(reply);
    } catch (error) {
      this.#options.onAskFailed(error);
    }
  }
}

/** A reply that pauses its run. */
export const isPause = (reply: Reply): reply is SignalOf<PauseType> => isPauseType(reply.type);

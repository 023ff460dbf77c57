/**
 * Waiters: the dispatches of this process that wait for a reply, by run id.
 *
 * D1: a wait settles exactly once (reply, timeout, abort, stop) and leaves nothing behind. Live delivery is at most once,
 * so a reply that was stored while nobody listened is fetched: after each reconnect, and from 2 s of waiting on, with
 * backoff, each waiter asks the log for the last reply of its run (an exact read, 0.4 ms).
 */
import type { SubjectFilter, LogEntry, PauseType, ReplyType, Signal, SignalOf } from "@myelin/bus";
import { bucketOf, isPauseType, isReplyType } from "@myelin/bus";

export type Reply = SignalOf<ReplyType>;

export interface Waiter {
  readonly runId: string;
  readonly traceId: string;
  /** False for a transient dispatch: its reply was never stored. */
  readonly isStored: boolean;
  /** Pauses are passed over while the run's end is awaited. */
  readonly untilEnd: boolean;
  /** Settles the wait with a reply. Called at most once, after the waiter was removed. */
  readonly settle: (reply: Reply) => void;
  readonly fail: (error: unknown) => void;
}

/** A waiter and when to ask the log about it. */
interface Waiting {
  /** Undefined once taken: see `#take`. */
  waiter: Waiter | undefined;
  nextAskAt: number;
  askAfterMs: number;
}

export interface WaitersOptions {
  /** The instance replies are addressed to. */
  readonly instance: string;
  readonly lastOf: (filter: SubjectFilter) => Promise<LogEntry | null>;
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
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;

  constructor(options: WaitersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Register before the TASK is sent: the reply can be here before the append has resolved. */
  add(waiter: Waiter): void {
    this.#waiting.set(waiter.runId, {
      waiter,
      nextAskAt: waiter.isStored ? Date.now() + FIRST_ASK_MS : Infinity,
      askAfterMs: FIRST_ASK_MS,
    });
    this.#timer ??= setInterval(() => this.#askDue(), TICK_MS).unref();
  }

  /** Settle a wait with an error, unless something settled it before: then false. */
  fail(runId: string, error: unknown): boolean {
    const waiter = this.#take(runId);
    waiter?.fail(error);
    return waiter !== undefined;
  }

  /** Take a Signal addressed to this instance. One that nobody waits for (any more) is passed over. */
  receive(signal: Signal): void {
    if (!isReplyType(signal.type)) return;
    const reply = signal as Reply;
    const runId = reply.meta.run_id;
    const waiter = runId === undefined ? undefined : this.#waiting.get(runId)?.waiter;
    if (!waiter || (waiter.untilEnd && isPauseType(reply.type))) return;
    this.#take(waiter.runId)?.settle(reply);
  }

  /** Ask the log for everybody now: replies may have passed while the connection was down. */
  askAll(): void {
    for (const waiting of this.#waiting.values()) if (waiting.waiter?.isStored) waiting.nextAskAt = 0;
    this.#askDue();
  }

  /** Settle every wait with an error. */
  failAll(error: unknown): void {
    for (const runId of [...this.#waiting.keys()]) this.fail(runId, error);
  }

  /** Forget a waiter. Whoever gets it settles it. */
  #take(runId: string): Waiter | undefined {
    const waiting = this.#waiting.get(runId);
    if (!waiting) return undefined;
    this.#waiting.delete(runId);
    if (this.#waiting.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    const { waiter } = waiting;
    // V8's Map leaves its outgrown tables to the next full collection, with all they hold. Emptied here that is 50 bytes a
    // dispatch; else it is all that the dispatch ever touched (2 kB), and half of the time goes to collecting garbage.
    waiting.waiter = undefined;
    return waiter;
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
    const { runId, traceId } = waiting.waiter;
    try {
      const entry = await this.#options.lastOf({
        to: this.#options.instance,
        lane: "_",
        bucket: bucketOf(traceId),
        run: runId,
      });
      if (entry?.parsed.ok) this.receive(entry.parsed.signal);
    } catch (error) {
      this.#options.onAskFailed(error);
    }
  }
}

/** A reply that pauses its run. */
export const isPause = (reply: Reply): reply is SignalOf<PauseType> => isPauseType(reply.type);

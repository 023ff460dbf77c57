/**
 * Wait: one caller who waits for a run's reply, and what that reply is to the caller. For dispatches, for callers of an
 * idempotency key, and for `reattach`.
 */
import type { PauseType, SignalOf } from "@myelin/bus";
import { DispatchTimeoutError, fromErrorSignal, NeuronPausedError } from "./errors.ts";
import type { DendriteObserver } from "./observer.ts";
import { isPause, type Reply, type Waiter, type Waiters } from "./waiters.ts";

/** What is kept of a caller while it waits. */
export interface Wait {
  readonly runId: string;
  readonly traceId: string;
  /** Only where it is not this process. */
  readonly replyTo?: string | undefined;
  readonly neuron: string;
  /** Of the run, where this process dispatched it. */
  readonly tenantId?: string | undefined;
  readonly timeoutMs: number;
  readonly delivery: "durable" | "transient";
  readonly onPause: "reject" | "return" | "wait";
  readonly signal: AbortSignal | undefined;
}

/** What a caller gets: the output, or the pause it asked for. */
export type Outcome = SignalOf<"AGENT_OUTPUT" | PauseType>;

/**
 * A wait that is registered: from its start on its reply is heard. One object and no closures, because every dispatch has one.
 */
export class StartedWait implements Waiter {
  readonly runId: string;
  readonly traceId: string;
  readonly replyTo: string | undefined;
  readonly isStored: boolean;
  readonly untilEnd: boolean;
  /** Settles once: with the reply, or with what ends the wait before it. */
  readonly replied: Promise<Reply>;
  readonly #wait: Wait;
  readonly #waiters: Waiters;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort: (() => void) | undefined;
  #resolve!: (reply: Reply) => void;
  #reject!: (error: unknown) => void;

  /** `onGivenUp` is called when the caller's signal aborts it. */
  constructor(waiters: Waiters, wait: Wait, onGivenUp?: (wait: Wait) => void) {
    this.runId = wait.runId;
    this.traceId = wait.traceId;
    this.replyTo = wait.replyTo;
    this.isStored = wait.delivery === "durable";
    this.untilEnd = wait.onPause === "wait";
    this.#wait = wait;
    this.#waiters = waiters;
    this.replied = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = setTimeout(expire, wait.timeoutMs, this);
    const { signal } = wait;
    this.#onAbort = signal && (() => this.end(signal.reason) && onGivenUp?.(wait));
    if (this.#onAbort) signal!.addEventListener("abort", this.#onAbort);
    waiters.add(this);
  }

  /** End the wait with an error, unless something ended it before: then false. */
  end(error: unknown): boolean {
    return this.#waiters.fail(this, error);
  }

  expire(): void {
    this.end(timeoutOf(this.#wait));
  }

  /** For `Waiters` alone, as `fail` is: both come after the waiter was removed. */
  settle(reply: Reply): void {
    this.#forget();
    this.#resolve(reply);
  }

  fail(error: unknown): void {
    this.#forget();
    this.#reject(error);
  }

  #forget(): void {
    clearTimeout(this.#timer);
    if (this.#onAbort) this.#wait.signal!.removeEventListener("abort", this.#onAbort);
  }
}

const expire = (wait: StartedWait): void => wait.expire();

/** From the reply to what the caller gets. Async, so that an error's stack shows who waits. */
export async function toOutcome(replied: Promise<Reply>, wait: Wait, observer: DendriteObserver): Promise<Outcome> {
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
    observer.settled?.({ neuron, delivery, outcome, ms: performance.now() - startedAt });
  }
}

/** A promise, or the reason of the signal if that aborts first. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
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

const timeoutOf = ({ neuron, timeoutMs, runId, traceId }: Wait): DispatchTimeoutError =>
  new DispatchTimeoutError(neuron, timeoutMs, runId, traceId);

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

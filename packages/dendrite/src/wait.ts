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

export interface Started {
  readonly replied: Promise<Reply>;
  readonly fail: (error: unknown) => void;
}

/** What a caller gets: the output, or the pause it asked for. */
export type Outcome = SignalOf<"AGENT_OUTPUT" | PauseType>;

/** Register a wait: from here on its reply is heard. `onGivenUp` is called when the caller's signal aborts it. */
export function startWait(waiters: Waiters, wait: Wait, onGivenUp?: () => void): Started {
  const { runId, traceId, replyTo, timeoutMs, signal } = wait;
  let fail: (error: unknown) => void = () => {};
  const replied = new Promise<Reply>((resolve, reject) => {
    const timer = setTimeout(() => fail(timeoutOf(wait)), timeoutMs);
    const onAbort =
      signal &&
      (() => {
        if (waiters.fail(waiter, signal.reason)) onGivenUp?.();
      });
    if (onAbort) signal.addEventListener("abort", onAbort);
    const settled = () => {
      clearTimeout(timer);
      if (onAbort) signal.removeEventListener("abort", onAbort);
    };
    const waiter: Waiter = {
      runId,
      traceId,
      ...(replyTo !== undefined && { replyTo }),
      isStored: wait.delivery === "durable",
      untilEnd: wait.onPause === "wait",
      settle: (reply) => {
        settled();
        resolve(reply);
      },
      fail: (error) => {
        settled();
        reject(error);
      },
    };
    fail = (error) => waiters.fail(waiter, error);
    waiters.add(waiter);
  });
  return { replied, fail };
}

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

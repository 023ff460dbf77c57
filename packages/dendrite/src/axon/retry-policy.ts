/**
 * RetryPolicy: whether a failed start of a task is followed by another, and when. Pure: the log keeps the time, so that a
 * retry survives the worker.
 */
import { DendriteError } from "../errors.ts";
import { parseCount, parseMs } from "../validate.ts";

/** What a neuron's failure looks like to `retryOn`. */
export interface FailureView {
  readonly code: string;
  readonly message: string;
  readonly recoverable: boolean;
}

export interface RetryOptions {
  /** Starts of a task in all, whatever ended them: an error, a worker that died. A drain's hand-back does not count. */
  readonly maxAttempts: number;
  /** Pause before the second start; doubled for every later one. Default 1_000. */
  readonly backoffMs?: number | undefined;
  /** Longest pause. Default 60_000. */
  readonly maxBackoffMs?: number | undefined;
  /** Part of the pause that is left to chance, 0 to 1: 0.2 makes a second 0.8 to 1 s. Default 0.2. */
  readonly jitter?: number | undefined;
  /**
   * Which failures are worth another start: codes, or a function. Default: those that say `recoverable`, and ordinary
   * exceptions (NEURON_EXCEPTION). A deadline that has passed and an input that does not fit are never retried.
   */
  readonly retryOn?: readonly string[] | ((failure: FailureView) => boolean) | undefined;
}

/** Without `retry`, an error is final; only what a dead worker leaves behind is started again, up to here. */
const STARTS_WITHOUT_RETRY = 5;
const NEVER_RETRIED = new Set(["DEADLINE_EXCEEDED", "INPUT_INVALID", "ATTEMPTS_EXHAUSTED", "STEP_IN_DOUBT"]);

export class RetryPolicy {
  /** Starts in all. A task that comes a time more is not started: ERROR ATTEMPTS_EXHAUSTED. */
  readonly maxAttempts: number;
  readonly #backoffMs: number;
  readonly #maxBackoffMs: number;
  readonly #jitter: number;
  readonly #isWorthIt: (failure: FailureView) => boolean;

  /** Throws `INVALID_OPTION` with the value and the rule. */
  constructor(options: RetryOptions | undefined) {
    this.maxAttempts = options ? parseCount("retry.maxAttempts", options.maxAttempts) : STARTS_WITHOUT_RETRY;
    this.#backoffMs = parseMs("retry.backoffMs", options?.backoffMs ?? 1_000);
    this.#maxBackoffMs = parseMs("retry.maxBackoffMs", options?.maxBackoffMs ?? 60_000);
    this.#jitter = parseShare("retry.jitter", options?.jitter ?? 0.2);
    this.#isWorthIt = options ? toPredicate(options.retryOn) : () => false;
  }

  /** How long to wait before the next start, in ms; null when this failure is final. */
  delayMs(attempt: number, failure: FailureView, deadline: Date | null): number | null {
    if (attempt >= this.maxAttempts || NEVER_RETRIED.has(failure.code) || !this.#isWorthIt(failure)) return null;
    const pauseMs = Math.min(this.#backoffMs * 2 ** (attempt - 1), this.#maxBackoffMs);
    const delayMs = Math.round(pauseMs * (1 - this.#jitter * Math.random()));
    // Beyond the deadline nobody starts it: better say so now.
    return deadline !== null && Date.now() + delayMs >= deadline.getTime() ? null : delayMs;
  }
}

function toPredicate(retryOn: RetryOptions["retryOn"]): (failure: FailureView) => boolean {
  if (retryOn === undefined) return ({ recoverable, code }) => recoverable || code === "NEURON_EXCEPTION";
  if (typeof retryOn === "function") {
    return (failure) => {
      try {
        return retryOn(failure);
      } catch {
        return false; // A rule that throws decides nothing: the neuron's own failure is what the caller gets.
      }
    };
  }
  if (Array.isArray(retryOn) && retryOn.every((one) => typeof one === "string")) {
    return ({ code }) => retryOn.includes(code);
  }
  throw new DendriteError("INVALID_OPTION", "retry.retryOn must be a list of codes or a function (failure) => boolean");
}

function parseShare(name: string, value: number): number {
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  throw new DendriteError("INVALID_OPTION", `${name} must be between 0 and 1, got ${String(value)}`);
}

/** Retry pause: whether a failed try is worth another, and how long to wait before it. */

import type { NeuronFailure } from "../errors.ts";

/**
 * The longest pause between two tries, in milliseconds. A run holds its slot meanwhile; a server that asks for more gets no
 * second try, and the failure goes to the Axon's own retries, which hold none.
 */
export const LONGEST_PAUSE_MS = 10_000;

/** The vendors' own backoff: half a second, doubled, up to 8 s, less up to a quarter of it. */
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 8_000;

/** What a failed response said of the next try. */
export interface RetryHint {
  /** Null when there was no response. */
  readonly statusCode: number | null;
  /** Null when it did not say. */
  readonly retryAfterMs: number | null;
  /** `x-should-retry`, which both vendors send when they know better. */
  readonly shouldRetry: boolean | null;
}

export function hintOf(thrown: unknown, nowMs: number = Date.now()): RetryHint {
  const { status, headers } = (typeof thrown === "object" && thrown !== null ? thrown : {}) as Record<string, unknown>;
  const known = headers instanceof Headers ? headers : new Headers();
  const said = known.get("x-should-retry");
  return {
    statusCode: typeof status === "number" ? status : null,
    retryAfterMs: toPauseMs(known, nowMs),
    shouldRetry: said === "true" ? true : said === "false" ? false : null,
  };
}

/** How long to wait before try `attempt + 1`; null when there should be none. */
export function pauseBefore(attempt: number, failure: NeuronFailure, thrown: unknown): number | null {
  const { retryAfterMs, shouldRetry } = hintOf(thrown);
  if (!(shouldRetry ?? failure.recoverable) || failure.code === "CANCELLED") return null;
  if (retryAfterMs !== null) return retryAfterMs > LONGEST_PAUSE_MS ? null : retryAfterMs;
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LAST_PAUSE_MS) * (1 - Math.random() * 0.25);
}

/** How long the server asks to wait, never negative; null when it does not say. */
export function toPauseMs(headers: Headers, nowMs: number): number | null {
  const inMs = Number.parseFloat(headers.get("retry-after-ms") ?? "");
  if (!Number.isNaN(inMs)) return Math.max(0, inMs);
  const retryAfter = headers.get("retry-after") ?? "";
  if (/^\s*[\d.]+\s*$/.test(retryAfter)) return Number.parseFloat(retryAfter) * 1_000;
  const at = Date.parse(retryAfter);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}

/** Resolves after `ms`, or at the abort. Never rejects. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake, { once: true });
  });
}

/**
 * RateLimit: how many tasks of an Axon start per time, in this process: all together, or each key by itself.
 *
 * A key's bucket is forgotten when it is full again, because a full one is what a new key gets: the memory is that of the
 * keys that were used within `perMs`.
 */
import type { Lane } from "@myelin/bus";
import type { JsonObject } from "@myelin/neuron";
import type { z } from "zod";
import { DendriteError } from "../errors.ts";
import { parseCount, parseMs } from "../validate.ts";
import type { Turn } from "./lane-queue.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface RateLimitOptions<I extends z.ZodType = z.ZodType<JsonObject, JsonObject>> {
  /** How many tasks start at once when none did for a while; and, from then on, per `perMs`. */
  readonly count: number;
  /** At most 86_400_000 (a day). */
  readonly perMs: number;
  /**
   * Whose limit a task counts against: `({ tenant }) => tenant`. Each key has a limit of its own. Default: one limit for
   * all tasks. Gets the input as the neuron does. One that throws, or gives no string, is ERROR KEY_INVALID for its task.
   */
  readonly keyBy?: ((input: z.output<I>) => string) | undefined;
}

/** What an Axon keeps of it: checked, and the input not typed any more. */
export interface RateLimit {
  readonly count: number;
  readonly perMs: number;
  readonly keyBy: ((input: unknown) => unknown) | null;
}

const DAY_MS = 86_400_000;
/** Buckets are looked through when there are twice as many as after the last time, and from here on. */
const SWEEP_FROM = 1_000;

/** Throws `INVALID_OPTION` with the value and the rule. */
export function parseRateLimit<I extends z.ZodType>(options: RateLimitOptions<I> | undefined): RateLimit | null {
  if (options === undefined) return null;
  const { count, perMs, keyBy } = options;
  if (keyBy !== undefined && typeof keyBy !== "function") {
    throw new DendriteError("INVALID_OPTION", `rateLimit.keyBy must be a function (input) => key, got ${typeof keyBy}`);
  }
  return Object.freeze({
    count: parseCount("rateLimit.count", count),
    perMs: parseMs("rateLimit.perMs", perMs, { max: DAY_MS }),
    keyBy: (keyBy as ((input: unknown) => unknown) | undefined) ?? null,
  });
}

export class RateLimiter {
  readonly #limit: RateLimit;
  /** The only one, when there are no keys. */
  readonly #shared: TokenBucket | null;
  readonly #buckets = new Map<string, TokenBucket>();
  #sweepAt = SWEEP_FROM;

  /** `onToken`: there is room for more, after `room` had none. */
  constructor(limit: RateLimit, onToken: () => void) {
    this.#limit = limit;
    this.#shared = limit.keyBy ? null : new TokenBucket(limit, onToken);
  }

  /** How many keys are remembered. */
  get keys(): number {
    return this.#buckets.size;
  }

  /** How many tasks may be taken beside those asked for. With keys that is not known before they are here. */
  room(asked: number): number {
    if (!this.#shared) return Infinity;
    const room = this.#shared.available - asked;
    if (room <= 0) this.#shared.callAtNext();
    return room;
  }

  /** Take a token of this input's key, or wait for one; null when it was taken. Throws what `keyBy` throws. */
  enter(input: () => unknown, lane: Lane): Turn | null {
    const bucket = this.#shared ?? this.#bucketOf(input);
    return bucket.tryTake() ? null : bucket.wait(lane);
  }

  #bucketOf(input: () => unknown): TokenBucket {
    const key = this.#limit.keyBy!(input());
    if (typeof key !== "string") throw new TypeError(`it gave ${key === null ? "null" : typeof key}, not a string`);
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      if (this.#buckets.size >= this.#sweepAt) this.#sweep();
      this.#buckets.set(key, (bucket = new TokenBucket(this.#limit)));
    }
    return bucket;
  }

  #sweep(): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull) this.#buckets.delete(key);
    this.#sweepAt = Math.max(SWEEP_FROM, this.#buckets.size * 2);
  }
}

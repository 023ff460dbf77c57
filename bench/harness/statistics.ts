/** Statistics: what a few rounds of a noisy machine say. Medians, because one bad round must not move the result. */

/** What one contender did in one round. */
export interface Sample {
  readonly opsPerSec: number;
  /** Null where an operation has no latency of its own (batches, loops without waiting). */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /**
   * Processor time per operation, of all the processes that did the work but not of the servers. It hardly moves when other
   * programs take the processor, which makes it the number to look at while something is made cheaper.
   */
  readonly cpuUs: number | null;
}

/** A number seen several times. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The value at `fraction` (0 to 1) of the sorted values, the nearest one that was seen. Throws on an empty list. */
export function quantile(values: readonly number[], fraction: number): number {
  if (values.length === 0) throw new RangeError("quantile of no values");
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))]!;
}

/** Median, least and greatest. The median of an even number of values is the mean of the middle two. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("spread of no values");
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

/** What a dispatcher has seen in a round. */
export interface Round {
  readonly count: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function toRound(latenciesMs: readonly number[], elapsedMs: number): Round {
  const p50Ms = quantile(latenciesMs, 0.5);
  return { count: latenciesMs.length, elapsedMs, p50Ms, p99Ms: quantile(latenciesMs, 0.99) };
}

/** `cpuUs` is the processor time of the whole round. */
export function toSample({ count, elapsedMs, p50Ms, p99Ms }: Round, cpuUs: number): Sample {
  return { opsPerSec: (count / elapsedMs) * 1_000, p50Ms, p99Ms, cpuUs: cpuUs / count };
}

/**
 * How much faster ours was, round by round: 1 is equal, 2 is twice as fast. Both samples of a pair were taken within a
 * second or two of each other, so a machine that slows down for a while slows both.
 */
export function ratio(ours: readonly Sample[], theirs: readonly Sample[]): Spread {
  return spread(ours.map((sample, round) => sample.opsPerSec / theirs[round]!.opsPerSec));
}

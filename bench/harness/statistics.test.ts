import { describe, expect, test } from "@jest/globals";
import { interleave } from "./rounds.ts";
import { quantile, ratio, spread, toRound, toSample, type Sample } from "./statistics.ts";

const sample = (opsPerSec: number): Sample => ({ opsPerSec, p50Ms: null, p99Ms: null, cpuUs: null });

describe("statistics", () => {
  test("a quantile is a value that was seen", () => {
    const values = Array.from({ length: 100 }, (_, at) => 100 - at);
    expect(quantile(values, 0.5)).toBe(51);
    expect(quantile(values, 0.99)).toBe(100);
    expect(quantile([7], 0.99)).toBe(7);
  });

  test("numbers are ordered by value, not by their digits", () => {
    expect(spread([9, 10, 100])).toEqual({ median: 10, min: 9, max: 100 });
    expect(quantile([9, 10, 100], 0.99)).toBe(100);
  });

  test("the median of an even number of values is the mean of the middle two", () => {
    expect(spread([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
  });

  test("nothing measured is an error, not a number", () => {
    expect(() => spread([])).toThrow(RangeError);
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });

  test("operations per second are counted over the whole round", () => {
    expect(toSample(toRound([1, 2, 3, 4], 2_000), 800)).toEqual({ opsPerSec: 2, p50Ms: 3, p99Ms: 4, cpuUs: 200 });
  });

  test("a ratio is taken round by round, so that a machine that halves its speed between rounds changes nothing", () => {
    const ours = [100, 50, 100].map(sample);
    const theirs = [200, 100, 200].map(sample);
    expect(ratio(ours, theirs)).toEqual({ median: 0.5, min: 0.5, max: 0.5 });
  });
});

describe("rounds", () => {
  test("are interleaved, turn their order round each time, and the first does not count", async () => {
    const order: string[] = [];
    const contender = (name: string) => ({
      name,
      measure: () => {
        order.push(name);
        return Promise.resolve(sample(order.length));
      },
    });
    const samples = await interleave([contender("a"), contender("b")], 2);
    expect(order).toEqual(["b", "a", "a", "b", "b", "a"]);
    expect(samples.get("a")).toEqual([sample(3), sample(6)]);
    expect(samples.get("b")).toEqual([sample(4), sample(5)]);
  });
});

import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Axon } from "./axon.ts";
import { parseRateLimit, RateLimiter, type RateLimitOptions } from "./rate-limit.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const limiter = (options: RateLimitOptions, onToken = () => {}) => new RateLimiter(parseRateLimit(options)!, onToken);
const byTenant = (input: { tenant?: unknown }) => String(input.tenant);

describe("RateLimiter", () => {
  test("without keys there is room for as many as there are tokens, less those asked for; and it says when there is more", () => {
    let calls = 0;
    const one = limiter({ count: 2, perMs: 1_000 }, () => calls++);
    expect([one.room(0), one.room(1), one.room(2)]).toEqual([2, 1, 0]);
    expect(one.enter(() => ({}), "normal")).toBeNull();
    expect(one.room(1)).toBe(0);
    jest.advanceTimersByTime(500);
    expect(calls).toBe(1);
    expect(one.room(1)).toBe(1);
  });

  test("each key has its own tokens", () => {
    const one = limiter({ count: 1, perMs: 1_000, keyBy: byTenant });
    expect(one.room(1_000)).toBe(Infinity);
    expect(one.enter(() => ({ tenant: "a" }), "normal")).toBeNull();
    expect(one.enter(() => ({ tenant: "b" }), "normal")).toBeNull();
    expect(one.enter(() => ({ tenant: "a" }), "normal")).not.toBeNull();
  });

  test("keys whose bucket is full again are forgotten, those in use and those waited for are not", async () => {
    const one = limiter({ count: 1, perMs: 1_000, keyBy: byTenant });
    const waiting: Promise<boolean>[] = [];
    for (let round = 0; round < 20; round++) {
      for (let n = 0; n < 500; n++) one.enter(() => ({ tenant: `${round} ${n}` }), "normal");
      const turn = one.enter(() => ({ tenant: "busy" }), "normal");
      if (turn) waiting.push(turn.come);
      await jest.advanceTimersByTimeAsync(1_001);
    }
    expect(one.keys).toBeLessThanOrEqual(1_001);
    // One per second: the first at once, and all the others in their turn, though the keys were swept meanwhile.
    await jest.advanceTimersByTimeAsync(20_000);
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => true));
  });

  test("a key that is no string, and a keyBy that throws, are thrown to whoever enters", () => {
    const none = limiter({ count: 1, perMs: 1, keyBy: (() => null) as unknown as () => string });
    expect(() => none.enter(() => ({}), "normal")).toThrow("it gave null, not a string");
    const broken = limiter({
      count: 1,
      perMs: 1,
      keyBy: () => {
        throw new Error("no tenant");
      },
    });
    expect(() => broken.enter(() => ({}), "normal")).toThrow("no tenant");
  });
});

describe("the rateLimit of an Axon", () => {
  const axon = (rateLimit: unknown) =>
    new Axon({ neuronId: "limited", neuron: () => ({}), rateLimit: rateLimit as RateLimitOptions });

  test("is none by default", () => {
    expect(axon(undefined).rateLimit).toBeNull();
  });

  test.each([
    [{ count: 0, perMs: 1 }, "rateLimit.count must be a whole number >= 1, got 0"],
    [{ count: 1.5, perMs: 1 }, "rateLimit.count must be a whole number >= 1, got 1.5"],
    [{ count: 1, perMs: 0 }, "rateLimit.perMs must be > 0 and <= 86400000, got 0"],
    [{ count: 1, perMs: 86_400_001 }, "rateLimit.perMs must be > 0 and <= 86400000, got 86400001"],
    [{ count: 1, perMs: 1, keyBy: "tenant" }, "rateLimit.keyBy must be a function (input) => key, got string"],
  ])("%j is INVALID_OPTION", (rateLimit, message) => {
    expect(() => axon(rateLimit)).toThrow(expect.objectContaining({ kind: "INVALID_OPTION", message }));
  });
});

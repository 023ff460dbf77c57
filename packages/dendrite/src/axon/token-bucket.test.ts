import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { TokenBucket } from "./token-bucket.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const takeAll = (bucket: TokenBucket) => {
  let taken = 0;
  while (bucket.tryTake()) taken++;
  return taken;
};

describe("TokenBucket", () => {
  test("gives `count` at once, then one every perMs / count, and holds no more than `count`", () => {
    const bucket = new TokenBucket({ count: 4, perMs: 1_000 });
    expect(takeAll(bucket)).toBe(4);
    jest.advanceTimersByTime(249);
    expect(takeAll(bucket)).toBe(0);
    jest.advanceTimersByTime(1);
    expect(takeAll(bucket)).toBe(1);
    jest.advanceTimersByTime(100_000);
    expect(bucket.isFull).toBe(true);
    expect(takeAll(bucket)).toBe(4);
    expect(bucket.isFull).toBe(false);
  });

  test("those that wait get theirs as they come, high first, and before anybody new", async () => {
    const bucket = new TokenBucket({ count: 1, perMs: 100 });
    takeAll(bucket);
    const order: string[] = [];
    for (const [name, lane] of [
      ["normal", "normal"],
      ["second", "normal"],
      ["high", "high"],
    ] as const) {
      void bucket.wait(lane).come.then(() => order.push(name));
    }
    for (const expected of ["high", "normal", "second"]) {
      expect(bucket.tryTake()).toBe(false);
      await jest.advanceTimersByTimeAsync(100);
      expect(order.at(-1)).toBe(expected);
    }
    expect(order).toHaveLength(3);
    jest.advanceTimersByTime(100);
    expect(bucket.tryTake()).toBe(true);
  });

  test("one that gives up takes no token", async () => {
    const bucket = new TokenBucket({ count: 1, perMs: 100 });
    takeAll(bucket);
    const [first, second] = [bucket.wait("normal"), bucket.wait("normal")];
    first.cancel();
    first.cancel();
    expect(await first.come).toBe(false);
    await jest.advanceTimersByTimeAsync(100);
    expect(await second.come).toBe(true);
    second.cancel();
    jest.advanceTimersByTime(100);
    expect(takeAll(bucket)).toBe(1);
  });

  test("calls when there is one more, once, also when it was full and is taken from later", () => {
    let calls = 0;
    const bucket = new TokenBucket({ count: 2, perMs: 200 }, () => calls++);
    bucket.callAtNext();
    jest.advanceTimersByTime(10_000);
    expect(calls).toBe(0);
    expect(takeAll(bucket)).toBe(2);
    jest.advanceTimersByTime(100);
    expect(calls).toBe(1);
    jest.advanceTimersByTime(10_000);
    expect(calls).toBe(1);
  });
});

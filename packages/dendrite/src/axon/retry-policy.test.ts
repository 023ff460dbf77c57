import { expect, test } from "@jest/globals";
import { RetryPolicy } from "./retry-policy.ts";

const failure = { code: "MODEL_OVERLOADED", message: "529", recoverable: true };

test("without options an error is final, and a task that nobody ends is started five times", () => {
  const policy = new RetryPolicy(undefined);
  expect(policy.delayMs(1, failure, null)).toBeNull();
  expect(policy.maxAttempts).toBe(5);
});

test("pauses double from backoffMs up to maxBackoffMs, and end at maxAttempts", () => {
  const policy = new RetryPolicy({ maxAttempts: 5, backoffMs: 100, maxBackoffMs: 300, jitter: 0 });
  expect([1, 2, 3, 4, 5].map((attempt) => policy.delayMs(attempt, failure, null))).toEqual([100, 200, 300, 300, null]);
});

test("jitter shortens a pause by its share at most", () => {
  const policy = new RetryPolicy({ maxAttempts: 2, backoffMs: 1_000, jitter: 0.5 });
  const pauses = Array.from({ length: 200 }, () => policy.delayMs(1, failure, null)!);
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(500);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(1_000);
  expect(new Set(pauses).size).toBeGreaterThan(1);
});

test("by default what is recoverable and ordinary exceptions are retried, and nothing else", () => {
  const policy = new RetryPolicy({ maxAttempts: 2 });
  const isRetried = (code: string, recoverable: boolean) =>
    policy.delayMs(1, { code, message: "", recoverable }, null) !== null;
  expect(isRetried("MODEL_OVERLOADED", true)).toBe(true);
  expect(isRetried("NEURON_EXCEPTION", false)).toBe(true);
  expect(isRetried("CARD_DECLINED", false)).toBe(false);
  expect(isRetried("DEADLINE_EXCEEDED", true)).toBe(false);
  expect(isRetried("INPUT_INVALID", true)).toBe(false);
});

test("retryOn is a list of codes or a function, and one that throws retries nothing", () => {
  const byCode = new RetryPolicy({ maxAttempts: 2, retryOn: ["BUSY"] });
  expect(byCode.delayMs(1, { ...failure, code: "BUSY" }, null)).not.toBeNull();
  expect(byCode.delayMs(1, failure, null)).toBeNull();
  const byRule = new RetryPolicy({ maxAttempts: 2, retryOn: ({ message }) => message === "529" });
  expect(byRule.delayMs(1, failure, null)).not.toBeNull();
  const broken = new RetryPolicy({
    maxAttempts: 2,
    retryOn: () => {
      throw new Error("no");
    },
  });
  expect(broken.delayMs(1, failure, null)).toBeNull();
});

test("a pause that would end after the deadline is not made", () => {
  const policy = new RetryPolicy({ maxAttempts: 2, backoffMs: 5_000, jitter: 0 });
  expect(policy.delayMs(1, failure, new Date(Date.now() + 4_000))).toBeNull();
  expect(policy.delayMs(1, failure, new Date(Date.now() + 60_000))).toBe(5_000);
});

test.each([
  [{ maxAttempts: 0 }, "retry.maxAttempts must be a whole number >= 1, got 0"],
  [{ maxAttempts: 2, backoffMs: -1 }, "retry.backoffMs must be > 0"],
  [{ maxAttempts: 2, jitter: 2 }, "retry.jitter must be between 0 and 1, got 2"],
  [{ maxAttempts: 2, retryOn: 5 as never }, "retry.retryOn must be a list of codes"],
])("%j is refused with the value and the rule", (options, message) => {
  expect(() => new RetryPolicy(options)).toThrow(message);
});

import { describe, expect, test } from "@jest/globals";
import { ProviderOptionsError } from "../errors.ts";
import type { ModelUsage } from "./model.ts";
import { costOfCall, definePrices, LIST_PRICES, PRICES_AS_OF } from "./prices.ts";

const usage = (counts: Partial<ModelUsage>): ModelUsage => ({
  inputTokens: 0,
  outputTokens: 0,
  cacheReadInputTokens: null,
  cacheCreationInputTokens: null,
  reasoningTokens: null,
  ...counts,
});
const table = {
  m: { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75, cacheWrite1h: 6 },
  plain: { input: 2, output: 4 },
  long: { input: 1, output: 2, cacheRead: 0.1, long: { over: 100, input: 10, output: 20, cacheRead: 1 } },
};

describe("costOfCall", () => {
  test("adds up fresh, cached and written tokens, each at its rate, in whole nano-dollars", () => {
    const counts = { inputTokens: 10, outputTokens: 5, cacheReadInputTokens: 100, cacheCreationInputTokens: 7 };
    // 10 · 3_000 + 5 · 15_000 + 100 · 300 + 7 · 3_750
    expect(costOfCall(table, "m", usage(counts))).toBe(161_250);
    expect(costOfCall(table, "m", usage(counts), { isHourCache: true })).toBe(161_250 + 7 * (6_000 - 3_750));
  });

  test("a rate that is not there is that of input", () => {
    const counts = { inputTokens: 1, cacheReadInputTokens: 1, cacheCreationInputTokens: 1 };
    expect(costOfCall(table, "plain", usage(counts))).toBe(6_000);
  });

  test("a long prompt, cached tokens counted, has the long rates for the whole call", () => {
    const at = (cacheReadInputTokens: number) =>
      costOfCall(table, "long", usage({ inputTokens: 10, outputTokens: 1, cacheReadInputTokens }));
    expect(at(90)).toBe(10 * 1_000 + 2_000 + 90 * 100);
    expect(at(91)).toBe(10 * 10_000 + 20_000 + 91 * 1_000);
  });

  test("fractions of a nano-dollar are rounded once, at the end; large sums stay exact", () => {
    const tiny = { m: { input: 0.0125, output: 0.0004 } };
    expect(costOfCall(tiny, "m", usage({ inputTokens: 1 }))).toBe(13);
    expect(costOfCall(tiny, "m", usage({ inputTokens: 2, outputTokens: 1 }))).toBe(25);
    expect(costOfCall(table, "m", usage({ inputTokens: 1_000_000_007 }))).toBe(3_000_000_021_000);
  });

  test("is null for a model without a price, and when the server did not say how many tokens there were; 0 is 0", () => {
    expect(costOfCall(table, "unknown", usage({}))).toBeNull();
    expect(costOfCall(table, "toString", usage({}))).toBeNull();
    expect(costOfCall(table, "m", usage({ inputTokens: null }))).toBeNull();
    expect(costOfCall(table, "m", usage({ outputTokens: null }))).toBeNull();
    expect(costOfCall(table, "m", usage({}))).toBe(0);
  });

  test.each([
    ["gpt-5", 1],
    ["gpt-5-2025-08-07", 1],
    ["gpt-5-20250807", 1],
    ["gpt-5-latest", 1],
    ["gpt-5@20250807", 1],
    ["gpt-5-mini", 2],
    ["gpt-5-mini-2025-08-07", 2],
    ["gpt-5-pro", null],
    ["gpt-50", null],
    ["llama-3-8b", 3],
    ["llama-3.1-70b-instruct", 4],
  ])("a name stands for its dated versions, one with a star for a prefix: %s", (model, dollars) => {
    const prices = { "gpt-5": 1, "gpt-5-mini": 2, "llama*": 3, "llama-3.1*": 4 };
    const rates = Object.fromEntries(Object.entries(prices).map(([name, input]) => [name, { input, output: 0 }]));
    expect(costOfCall(rates, model, usage({ inputTokens: 1 }))).toBe(dollars === null ? null : dollars * 1_000);
  });
});

describe("the list prices", () => {
  test("are dated and are prices", () => {
    expect(PRICES_AS_OF).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    for (const prices of Object.values(LIST_PRICES)) expect(definePrices(prices)).toEqual(prices);
  });

  test.each([
    ["anthropic", ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"]],
    ["openai", ["gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini"]],
  ])("%s has its current models", (vendor, models) => {
    expect(Object.keys(LIST_PRICES[vendor] ?? {})).toEqual(expect.arrayContaining(models));
  });

  test("reading a cache costs less than reading afresh, writing one no less", () => {
    const listed = Object.values(LIST_PRICES).flatMap((prices) => Object.entries(prices));
    const odd = listed.filter(
      ([, { input, cacheRead = input, cacheWrite = input }]) => cacheRead >= input || cacheWrite < input,
    );
    expect(odd).toEqual([]);
  });
});

test.each([
  [{ m: { input: -1, output: 1 } }, 'prices["m"].input must be dollars per million tokens >= 0, got -1'],
  [{ m: { input: 1, output: Number.NaN } }, 'prices["m"].output must be dollars per million tokens >= 0, got NaN'],
  [{ m: { input: 1 } as never }, 'prices["m"] needs input and output'],
  [
    { m: { input: 1, output: 1, long: { over: 0, input: 1, output: 1 } } },
    'prices["m"].long.over must be a whole number',
  ],
])("definePrices refuses %j", (prices, problem) => {
  expect(() => definePrices(prices)).toThrow(ProviderOptionsError);
  expect(() => definePrices(prices)).toThrow(problem);
});

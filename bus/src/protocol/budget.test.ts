import { describe, expect, test } from "@jest/globals";
import { fromBudgetData, toBudgetData } from "./budget.ts";
import { budget } from "./run-event-data.ts";
import { toNanoUsd, toUsd } from "./usd.ts";

describe("a budget", () => {
  test("comes back as it was said, and leaves out what was not", () => {
    const all = { maxTokens: 5, maxCostUsd: 0.1, maxMs: 7, warnAt: [0.5], onExceeded: "pause" } as const;
    expect(fromBudgetData(toBudgetData(all))).toEqual(all);
    expect(toBudgetData({ maxTokens: 5 })).toEqual({ max_tokens: 5 });
  });

  test("of less than a nano-dollar is one; of nothing, or less, is none that the wire takes", () => {
    expect(budget.safeParse(toBudgetData({ maxCostUsd: 1e-12 })).data).toEqual({ max_cost_nano_usd: 1 });
    for (const maxCostUsd of [0, -1]) expect(budget.safeParse(toBudgetData({ maxCostUsd })).success).toBe(false);
  });
});

test("dollars are whole nano-dollars, and a cost that is not known stays so", () => {
  expect([toNanoUsd(0.1 + 0.2), toUsd(300_000_000), toUsd(null)]).toEqual([300_000_000, 0.3, null]);
});

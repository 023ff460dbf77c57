import { expect, test } from "@jest/globals";
import type { CaseResult } from "./bench-case.ts";
import { toJson, toTable } from "./report.ts";

const result: CaseResult = {
  contenders: [
    {
      name: "myelin",
      samples: [
        { opsPerSec: 1000.4, p50Ms: 1.23456, p99Ms: 9, cpuUs: 50 },
        { opsPerSec: 3000, p50Ms: 2, p99Ms: 8, cpuUs: 60 },
        { opsPerSec: 2000, p50Ms: 3, p99Ms: 7, cpuUs: 70 },
      ],
    },
    { name: "handWritten", samples: [{ opsPerSec: 4000, p50Ms: null, p99Ms: null, cpuUs: null }] },
  ],
  ratios: { handWritten: { median: 0.5004, min: 0.4, max: 0.6, target: 0.85 } },
  notes: ["moleculer: skipped, there is no network"],
};

test("the JSON of a case is the medians of ours, and the ratios, in that order", () => {
  expect(JSON.stringify(toJson(result))).toBe('{"opsPerSec":2000,"p50Ms":2,"p99Ms":8,"ratios":{"handWritten":0.5}}');
});

test("a case without latencies has none in its JSON, and figures come by their own names", () => {
  const figures = { bytesPerWaiting: { value: 3000.6, target: 4096 } };
  expect(toJson({ contenders: [], ratios: {}, figures })).toEqual({ bytesPerWaiting: 3001, ratios: {} });
});

test("the table says what was reached, what was missed, and what was skipped", () => {
  const text = toTable("dispatch/durable/64", result).join("\n");
  expect(text).toMatch(/myelin +2,000\/s \(1,000 to 3,000\) +p50 2\.00 ms +p99 8\.00 ms +cpu 60 µs/);
  expect(text).toContain("ours/theirs 0.50 (0.40 to 0.60) MISSED, at least 0.85");
  expect(text).toContain("moleculer: skipped, there is no network");
  const figures = { bytesPerWaiting: { value: 3000, target: 4096 } };
  expect(toTable("memory/waiting", { contenders: [], ratios: {}, figures })[1]).toBe(
    "  bytesPerWaiting 3,000 ok, at most 4096",
  );
});

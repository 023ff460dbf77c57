import { describe, expect, test } from "@jest/globals";
import type { NotedFact } from "./facts.ts";
import type { Fault } from "./faults.ts";
import { longestRecovery } from "./recovery.ts";

const at = (time: number, fact: object): NotedFact => ({ at: time, by: "load-1", ...fact }) as NotedFact;
/** Asked at 0, started by worker-1 at 10, started again by worker-2 at 1_000, answered at 1_500. */
const OPERATION = [
  at(0, { fact: "asked", op: "op-1" }),
  at(1_500, { fact: "completed", op: "op-1" }),
  at(10, { fact: "started", op: "op-1", by: "worker-1" }),
  at(1_000, { fact: "started", op: "op-1", by: "worker-2" }),
];
const fault = (startedAt: number, endedAt: number, over: Partial<Fault> = {}): Fault => ({
  kind: "test",
  victim: null,
  touches: "operations",
  startedAt,
  endedAt,
  ...over,
});

describe("longestRecovery", () => {
  test("counts from the end of the last fault that touched an operation", () => {
    expect(longestRecovery(OPERATION, [fault(100, 300)])).toBe(1_200);
    expect(longestRecovery(OPERATION, [fault(100, 300), fault(1_100, 1_200)])).toBe(300);
  });

  test("a victim touches what it was the last to start, and what nobody had started", () => {
    expect(longestRecovery(OPERATION, [fault(100, 100, { victim: "worker-1" })])).toBe(1_400);
    expect(longestRecovery(OPERATION, [fault(100, 100, { victim: "worker-2" })])).toBe(0);
    expect(longestRecovery(OPERATION, [fault(5, 5, { victim: "worker-2" })])).toBe(1_495);
  });

  test("operations before and after a fault, and faults of the recording, count nothing", () => {
    expect(longestRecovery(OPERATION, [fault(1_600, 1_700)])).toBe(0);
    expect(longestRecovery(OPERATION, [fault(100, 300, { touches: "recording" })])).toBe(0);
    expect(longestRecovery([], [fault(1, 2)])).toBe(0);
  });
});

import { describe, expect, test } from "@jest/globals";
import { Lease } from "./nats-leases.ts";

const HOLD_MS = 500;
const leaseOf = (ageMs: number) => new Lease(1, "ack", performance.now() - ageMs, HOLD_MS);

describe("Lease", () => {
  test("A2: is lost as soon as its time is over, before any timer has looked, and tells who listens", () => {
    const lease = leaseOf(0);
    const { lost } = lease;
    expect([lease.isLost, lost.aborted]).toEqual([false, false]);
    lease.confirmedAt -= HOLD_MS + 1;
    expect([lease.isLost, lost.aborted]).toEqual([true, true]);
    expect(leaseOf(HOLD_MS + 1).lost.aborted).toBe(true);
  });

  test("one that has ended is not lost by the time that goes by", () => {
    const lease = leaseOf(0);
    lease.end();
    lease.confirmedAt -= HOLD_MS + 1;
    expect([lease.isLost, lease.lost.aborted]).toEqual([false, false]);
    const late = leaseOf(HOLD_MS + 1);
    late.end();
    expect(late.isLost).toBe(true);
  });

  test("what is lost stays lost, whatever is confirmed later", () => {
    const lease = leaseOf(HOLD_MS + 1);
    expect(lease.isLost).toBe(true);
    lease.confirmedAt = performance.now();
    expect(lease.isLost).toBe(true);
  });
});

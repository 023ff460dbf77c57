import { describe, expect, test } from "@jest/globals";
import { LANES, type Lane } from "@myelin/bus";
import { LaneTurns } from "./lane-turns.ts";

/** Serve one at a time from these, and say in which order. */
function order(counts: Partial<Record<Lane, number>>, turns = new LaneTurns()): string {
  const left = { high: 0, normal: 0, low: 0, ...counts };
  const waits = (lane: Lane) => left[lane] > 0;
  let order = "";
  for (;;) {
    const next = turns.next(waits);
    if (!next) return order;
    left[next.lane]--;
    order += next.lane[0]!;
    turns.served(next.lane, 1, waits);
  }
}

describe("LaneTurns", () => {
  test("high goes before normal before low", () => {
    expect(order({ low: 2, normal: 2, high: 2 })).toBe("hhnnll");
  });

  test("of eight in a row one is for the lane below that waits", () => {
    expect(order({ high: 14, low: 2 })).toBe("hhhhhhhlhhhhhhhl");
    expect(order({ normal: 14, low: 2 })).toBe("nnnnnnnlnnnnnnnl");
  });

  test("when all wait, the low and the normal lane both have their eighth", () => {
    const first = order({ high: 100, normal: 100, low: 100 }).slice(0, 64);
    for (const lane of ["l", "n"]) expect(first.split(lane).length - 1).toBeGreaterThanOrEqual(7);
    expect(first.startsWith("hhhhhhhln")).toBe(true);
  });

  test("what waits now was not passed by what went before", () => {
    const turns = new LaneTurns();
    order({ high: 20 }, turns);
    expect(order({ high: 7, low: 1 }, turns)).toBe("hhhhhhhl");
  });

  test("says how many of a lane may go before another is due", () => {
    const turns = new LaneTurns();
    const all = () => true;
    expect(turns.next(all)).toEqual({ lane: "high", count: 7 });
    turns.served("high", 5, all);
    expect(turns.next(all)).toEqual({ lane: "high", count: 2 });
    turns.served("high", 2, all);
    expect(turns.next(all)).toEqual({ lane: "low", count: 1 });
    expect(turns.next((lane) => lane === "low")).toEqual({ lane: "low", count: Infinity });
    expect(turns.next(() => false)).toBeNull();
  });

  test("a lane that gave nothing was not served", () => {
    const turns = new LaneTurns();
    const all = () => true;
    turns.served("high", 7, all);
    turns.served("low", 0, all);
    expect(turns.next(all)?.lane).toBe("low");
  });

  test("knows every lane of the protocol", () => {
    expect(LANES).toEqual(["high", "normal", "low"]);
  });
});

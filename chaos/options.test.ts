import { describe, expect, test } from "@jest/globals";
import { parseOptions } from "./options.ts";

describe("the command line of chaos", () => {
  test("defaults: all scenarios, a seed of the clock, full size", () => {
    const { seed, ...rest } = parseOptions([]);
    expect(rest).toEqual({ scenarios: [], size: { isQuick: false, minutes: null }, json: false, list: false });
    expect(Number.isSafeInteger(seed)).toBe(true);
  });

  test("takes scenarios, a seed, minutes and the rest", () => {
    expect(
      parseOptions(["--scenario", "zombie", "--scenario", "soak", "--seed", "7", "--minutes", "0.5", "--json"]),
    ).toEqual({
      scenarios: ["zombie", "soak"],
      seed: 7,
      size: { isQuick: false, minutes: 0.5 },
      json: true,
      list: false,
    });
    expect(parseOptions(["--quick", "--list"])).toMatchObject({ size: { isQuick: true }, list: true });
  });

  test.each([
    [["--seed", "-1"], "--seed"],
    [["--seed", ""], "--seed"],
    [["--minutes", "0"], "--minutes"],
    [["--quick", "--minutes", "1"], "exclude each other"],
    [["--loud"], "--loud"],
  ])("refuses %p", (args, says) => {
    expect(() => parseOptions(args)).toThrow(says);
  });
});

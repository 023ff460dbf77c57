import { expect, test } from "@jest/globals";
import { parseOptions } from "./options.ts";

test("without arguments every case is run, and peers may be installed", () => {
  const { pattern, ...rest } = parseOptions([]);
  expect(pattern.test("dispatch/durable-fsync/256")).toBe(true);
  expect(rest).toEqual({
    isQuick: false,
    json: false,
    list: false,
    budget: { rounds: 9, roundMs: 1_000 },
    profileDir: undefined,
    mayInstall: true,
  });
});

test("--quick has fewer and shorter rounds, and --rounds wins over it", () => {
  expect(parseOptions(["--quick"]).budget).toEqual({ rounds: 5, roundMs: 250 });
  expect(parseOptions(["--quick", "--rounds", "2"]).budget).toEqual({ rounds: 2, roundMs: 250 });
});

test("the pattern is a regular expression", () => {
  const { pattern } = parseOptions(["transient/(1|64)$"]);
  expect(["dispatch/transient/1", "dispatch/transient/64", "dispatch/transient/256"].map((name) => pattern.test(name)))
    .toEqual([true, true, false]); // prettier-ignore
});

test.each([
  [["("], /the pattern must be a regular expression/],
  [["a", "b"], /one pattern at most, got a b/],
  [["--rounds", "0"], /--rounds must be a whole number > 0, got "0"/],
  [["--round-ms", "fast"], /--round-ms must be a whole number > 0, got "fast"/],
  [["--speed"], /--speed/],
])("%j is refused with a sentence", (args, message) => {
  expect(() => parseOptions(args)).toThrow(message);
});

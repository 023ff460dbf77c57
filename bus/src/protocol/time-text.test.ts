import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { keptTimeText, msOfTime } from "./time-text.ts";

const times = fc.array(fc.integer({ min: 0, max: 4e12 }).chain((ms) => fc.constantFrom(ms, 1_000, 1_001)));

test("times are written and read as Date does it, whichever came before", () => {
  const textOf = keptTimeText();
  fc.assert(
    fc.property(times, (all) => {
      for (const ms of all) {
        expect(textOf(ms)).toBe(new Date(ms).toISOString());
        expect(msOfTime(textOf(ms))).toBe(ms);
      }
    }),
  );
});

test("what is no time throws, or is NaN, and is not kept", () => {
  const textOf = keptTimeText();
  expect(() => textOf(NaN)).toThrow(RangeError);
  expect(textOf(0)).toBe("1970-01-01T00:00:00.000Z");
  expect(msOfTime("soon")).toBeNaN();
  expect(msOfTime("1970-01-01T00:00:00.000Z")).toBe(0);
});

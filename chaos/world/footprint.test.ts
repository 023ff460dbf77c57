import { describe, expect, test } from "@jest/globals";
import { findGrowth, type Footprint } from "./footprint.ts";

const samplesOf = (name: string, values: readonly number[]): Footprint[] =>
  values.map((value) => new Map([[name, value]]));
/** Ten values from one to another. */
const ramp = (from: number, to: number) => Array.from({ length: 10 }, (_, at) => from + ((to - from) * at) / 9);

describe("findGrowth", () => {
  test("handles that grow are found; those that come and go are not", () => {
    expect(findGrowth(samplesOf("consumers", ramp(3, 30)))).toEqual([expect.stringMatching(/^consumers grew from/)]);
    expect(findGrowth(samplesOf("consumers", [3, 3, 9, 3, 3, 4, 3, 9, 3, 3]))).toEqual([]);
  });

  test("memory may grow a little, and while it warms up", () => {
    expect(findGrowth(samplesOf("worker-1 RSS MB", [60, 90, 110, 120, 121, 122, 125, 124, 126, 125]))).toEqual([]);
    expect(findGrowth(samplesOf("worker-1 RSS MB", ramp(60, 300)))).toHaveLength(1);
  });

  test("nothing was sampled: nothing grew", () => {
    expect(findGrowth([])).toEqual([]);
  });
});

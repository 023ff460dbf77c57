import { expect, test } from "@jest/globals";
import { Recent } from "./recent.ts";

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

test("remembers the last 10 at least, and 20 at most", () => {
  const recent = new Recent<number>(10);
  for (const added of numbers(0, 100)) {
    recent.set(`k${added}`, added);
    for (const one of numbers(Math.max(0, added - 9), added + 1)) expect(recent.has(`k${one}`)).toBe(true);
    expect([...recent.values()]).toEqual(numbers(added + 1 - [...recent.values()].length, added + 1));
    expect([...recent.values()].length).toBeLessThanOrEqual(20);
  }
  expect(recent.has("k0")).toBe(false);
});

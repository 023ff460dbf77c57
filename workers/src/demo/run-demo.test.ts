import { describe, expect, test } from "@jest/globals";
import { problemOf, type DemoReport } from "./run-demo.ts";

describe("problemOf", () => {
  const good: DemoReport = {
    ...{ asked: 8, answered: 8, runs: 8, logSignals: 26, recordedSignals: 26, missing: 0 },
    ...{ workers: { dnd_1: 4, dnd_2: 4 }, p50Ms: 9 },
  };
  test.each<[Partial<DemoReport>, string | null]>([
    [{}, null],
    [{ answered: 7, runs: 7 }, "1 of 8 questions got no answer"],
    [{ runs: 6 }, "2 of 8 runs are not in Postgres"],
    [{ missing: 2, recordedSignals: 24 }, "2 of 26 Signals of the log are not in Postgres"],
    [{ logSignals: 0, recordedSignals: 0 }, "the log holds only 0 Signals"],
  ])("%j: %s", (change, problem) => {
    const found = problemOf({ ...good, ...change });
    if (problem === null) expect(found).toBeNull();
    else expect(found).toContain(problem);
  });
});

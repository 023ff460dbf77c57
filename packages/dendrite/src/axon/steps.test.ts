import { expect, test } from "@jest/globals";
import { JournalLostError } from "./journal.ts";
import { Steps } from "./steps.ts";

test("J2: a step whose lease is over does not run, though nobody has aborted the run yet", async () => {
  let isLost = false;
  const signal = new AbortController().signal;
  const steps = new Steps({ runId: "run_a", journal: null, signal, isLost: () => isLost, isFinal: () => true });
  expect(await steps.run("before", () => "ran")).toBe("ran");
  isLost = true;
  let hasRun = false;
  await expect(steps.run("after", () => (hasRun = true))).rejects.toThrow(JournalLostError);
  expect(hasRun).toBe(false);
});

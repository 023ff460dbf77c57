import { expect, test } from "@jest/globals";
import { connectSynapse, newRunId, newTraceId } from "@myelin/bus";
import { Journal, JournalLostError } from "./journal.ts";
import { Steps } from "./steps.ts";

test("J2: a TASK that is in the log twice runs a step once, though the second start takes itself for the first", async () => {
  await using synapse = await connectSynapse("memory://steps");
  const bus = await synapse.open("steps");
  const runId = newRunId();
  const trace_id = newTraceId();
  const start = (taskSeq: number) =>
    new Steps({
      runId,
      journal: new Journal({
        bus,
        runId,
        isFresh: true,
        mayGoOn: () => true,
        opening: () => ({ event_type: "attempt.started", data: { attempt: 1, task_seq: taskSeq } }),
        envelope: () => ({
          trace_id,
          parent_id: null,
          directed: { id: "n", type: null, capabilities: [] },
          meta: { run_id: runId },
        }),
        onLost: () => {},
      }),
      signal: new AbortController().signal,
      isLost: () => false,
      isFinal: () => true,
    });
  let effects = 0;
  const [first, second] = [start(1), start(2)];
  expect(await first.run("charge", () => ++effects)).toBe(1);
  expect(await second.run("charge", () => ++effects)).toBe(1);
  expect(await second.run("mail", () => ++effects)).toBe(2);
  await expect(first.run("mail", () => ++effects)).rejects.toThrow(JournalLostError);
  expect(effects).toBe(2);
});

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

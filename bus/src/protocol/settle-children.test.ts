import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { endWithFailure, endWithOutput, usedIn, type ChildEnd } from "./child-end.ts";
import { journalState } from "./journal-state.ts";
import { NO_USAGE } from "./run-event-data.ts";
import type { NewRunEvent, RunEventEntry } from "./run-events.ts";
import { missingChildren, settleChildren } from "./settle-children.ts";

const placed = (entries: readonly NewRunEvent[], from = 0): RunEventEntry[] =>
  entries.map(({ event_type, iteration_index = 0, correlation_id = null, data }, at) => {
    return { sequence_index: from + at, iteration_index, event_type, correlation_id, data };
  });

/** A run that waits for children `c0`, `c1`, … */
function waiting(children: number, started: Record<string, unknown> = {}): RunEventEntry[] {
  const pending = Array.from({ length: children }, (_, at) => ({
    ...{ call_id: `c${at}`, provider_call_id: null, tool_name: "clerk", params: {}, target: "server" },
    ...{ needs: "child", child_run_id: `run_${at}`, child_agent: "clerk", order_index: 2 + at },
  }));
  const question = { question: "?", pending, expires_at: null, reason: "child" };
  const begun = {
    ...{ agent_name: "a", agent_version: null, strategy: "react", model: "m", params: {}, system_prompt: "" },
    ...{ tools: [], sources: [], output_schema: null, message: "", history: [], context: [], seed: [] },
    ...{ max_iterations: 1, budget: null, delegation_level: 0, max_delegation_depth: null, timeout_ms: null },
    ...{ retry_of: null, ...started },
  };
  return placed([
    { event_type: "run.started", data: begun },
    { event_type: "run.paused", iteration_index: 1, data: { pause_id: "p", status: "waiting_child", ...question } },
  ]);
}

const usage = { ...NO_USAGE, input_tokens: 3 };
const end = (result: unknown): ChildEnd => ({ success: true, result, error: null, used: { usage, costNanoUsd: 5 } });

describe("settleChildren", () => {
  test("writes what a child gave and used up, and wakes the run with the last of them, in whatever order they end", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.array(fc.integer({ min: 0, max: 5 }))),
        (size, rounds) => {
          const journal = waiting(size, { timeout_ms: 7_000 });
          const ended = new Set<string>();
          let resumes = 0;
          for (const round of [...rounds, [0, 1, 2, 3, 4]]) {
            const ends = new Map<string, ChildEnd>(round.map((at) => [`c${at}`, end(at)]));
            const before = missingChildren(journal).map(({ call_id }) => call_id);
            const fresh = before.filter((id) => ends.has(id));
            const settled = settleChildren(journal, ends, "evt_wake");
            expect(settled === null).toBe(fresh.length === 0);
            if (!settled) continue;
            journal.push(...placed(settled.entries, journal.length));
            fresh.forEach((id) => ended.add(id));
            const isLast = ended.size === size;
            expect(settled.task).toEqual(isLast ? { id: "evt_wake", timeoutMs: 7_000 } : null);
            if (isLast) resumes++;
          }
          expect(resumes).toBe(1);
          expect(journalState(journal)).toMatchObject({ status: "running", pause: null });
          const completed = journal.filter(({ event_type }) => event_type === "tool.completed");
          expect(completed.map(({ data }) => data["call_id"]).sort()).toEqual([...ended].sort());
          for (const { data, iteration_index } of completed) {
            expect(iteration_index).toBe(1);
            expect(data).toMatchObject({ success: true, by: null, usage: { input_tokens: 3 }, cost_nano_usd: 5 });
            expect(data["result"]).toBe(Number(String(data["call_id"]).slice(1)));
          }
          expect(usedIn(journal)).toMatchObject({ usage: { input_tokens: 3 * size }, costNanoUsd: 5 * size });
        },
      ),
    );
  });

  test("adds nothing to a run that waits for no child", () => {
    const ends = new Map([["c0", end(1)]]);
    expect(settleChildren(waiting(1).slice(0, 1), ends, "evt_wake")).toBeNull();
    const over = waiting(1).concat(placed([{ event_type: "run.cancelled", data: { reason: null, by: null } }], 2));
    expect(settleChildren(over, ends, "evt_wake")).toBeNull();
  });

  test("looks through what a child gave by the guardrails that the run pins", () => {
    const patterns = [{ entity: "TOKEN", pattern: String.raw`tok_\d{4}`, flags: "" }];
    const pinned = (action: string) => waiting(1, { guardrails: [{ name: "secrets", action, patterns }] });
    const settle = (action: string) =>
      settleChildren(pinned(action), new Map([["c0", end({ text: "tok_1234" })]]), "evt_wake")!.entries;
    expect(settle("redact").map(({ event_type }) => event_type)).toEqual([
      "guardrail.detected",
      "guardrail.redacted",
      "tool.completed",
      "run.resumed",
    ]);
    expect(settle("redact")[2]!.data).toMatchObject({ success: true, result: { text: "<<TOKEN_1>>" } });
    expect(settle("block").map(({ event_type }) => event_type)).toEqual([
      "guardrail.blocked",
      "tool.completed",
      "run.resumed",
    ]);
    expect(settle("block")[1]!.data).toMatchObject({ success: false, result: null, usage: { input_tokens: 3 } });
    expect(JSON.stringify(settle("block"))).not.toContain("tok_1234");
  });
});

describe("how a child ended", () => {
  const output = {
    status: "success",
    answer: "42",
    output: null,
    model: "m",
    iteration_count: 1,
    usage,
    cost_nano_usd: 5,
  };

  test.each([
    ["an answer", output, { success: true, result: "42", used: { usage, costNanoUsd: 5 } }],
    ["an output", { ...output, output: { n: 42 } }, { success: true, result: { n: 42 } }],
    [
      "what it delegated is part of what it used",
      { ...output, subtree: { usage: NO_USAGE, cost_nano_usd: 9 } },
      { used: { costNanoUsd: 9 } },
    ],
    [
      "no answer",
      { ...output, status: "max_iterations", answer: null },
      { success: false, error: "the agent ran out of iterations", used: { costNanoUsd: 5 } },
    ],
    ["a neuron that is no agent", { value: 1 }, { success: true, result: { value: 1 }, used: null }],
  ])("%s", (_what, given, expected) => {
    expect(endWithOutput(given)).toMatchObject(expected);
  });

  test("badly: with what its journal says that it used; null where nobody said", () => {
    expect(endWithFailure("gone", [])).toEqual({ success: false, result: null, error: "gone", used: null });
    expect(endWithFailure("gone", waiting(1)).used).toEqual({ usage: NO_USAGE, costNanoUsd: null });
  });
});

import { describe, expect, test } from "@jest/globals";
import { NO_USAGE, type UsageData } from "@myelin/bus/run-events";
import type { Delegated, Delegation } from "@myelin/neuron";
import { scriptedModel } from "@myelin/neuron/testing";
import { z } from "zod";
import {
  answerTo,
  dataOfAll,
  isPause,
  openPause,
  recordedJournal,
  startAgent,
  submit,
  typesOf,
} from "../../../../test/helpers/agent-run.ts";
import { deferred } from "../../../../test/helpers/with-fleet.ts";
import { agentTool } from "../agent-tool.ts";
import type { AgentOptions } from "../definition/agent-options.ts";
import { defineAgent } from "../definition/define-agent.ts";
import { tool } from "../tool.ts";

const usage: UsageData = { ...NO_USAGE, input_tokens: 30, output_tokens: 10 };
const used = { usage, costNanoUsd: 7 };
const ended = (result: unknown, more: object = {}): Delegated => ({
  kind: "ended",
  success: true,
  result,
  error: null,
  used,
  ...more,
});
const paused = (runId: string): Delegated => ({ kind: "paused", runId, agent: "researcher" });

/** Calls these tools with one answer, then says what it was told. */
function parent(options: Partial<AgentOptions> = {}, calls: readonly string[] = ["researcher"]) {
  const model = scriptedModel(({ request }) =>
    request.messages.some(({ role }) => role === "tool")
      ? "done"
      : { toolCalls: calls.map((name, at) => ({ name, params: { text: `Why ${at}?` } })) },
  );
  const tools = [agentTool("researcher"), agentTool("writer", { parallel: false })];
  return { model, agent: defineAgent({ name: "support", model, prompt: "p", tools, ...options }) };
}

/** What the model was told of the calls. */
const told = (model: ReturnType<typeof scriptedModel>) =>
  model.calls
    .at(-1)!
    .request.messages.filter(({ role }) => role === "tool")
    .map(({ content }) => content);

/** Keeps what was delegated, and answers with the next of these. */
function children(...outcomes: (Delegated | Error)[]) {
  const asked: Delegation[] = [];
  const delegate = (request: Delegation): Promise<Delegated> => {
    asked.push(request);
    const next = outcomes.shift() ?? ended("more");
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  };
  return { asked, delegate };
}

describe("an agent as a tool", () => {
  test("is dispatched one level deeper, with what is left of the budget, and its answer goes to the model", async () => {
    const { asked, delegate } = children(ended("42"));
    const { agent, model } = parent({ budget: { maxTokens: 100, onExceeded: "warn" } });
    const { returned, journal } = await startAgent(
      agent,
      { text: "Hi", delegation_level: 2 },
      { metadata: { thread_id: "t1" }, delegate },
    );
    expect(returned).toMatchObject({ answer: "done", usage: { input_tokens: 20, output_tokens: 10 } });
    expect(told(model)).toEqual(["42"]);
    const [started] = dataOfAll(journal.entries, "tool.started");
    expect(asked).toEqual([
      {
        neuron: "researcher",
        input: {
          text: "Why 0?",
          delegation_level: 3,
          max_delegation_depth: 10,
          budget: { max_tokens: 85, on_exceeded: "warn" },
        },
        idempotencyKey: `run_test:${String(started!["call_id"])}`,
        timeoutMs: 604_800_000,
        metadata: { thread_id: "t1" },
      },
    ]);
    // 15 by the first model call, 40 by the child.
    expect(dataOfAll(journal.entries, "budget.threshold")).toMatchObject([{ fraction: 0.5, used: 55 }]);
  });

  test("works no longer at a time than its tool and its parent's request say, also when it was woken", async () => {
    const { asked, delegate } = children();
    const tools = [agentTool("researcher", { timeoutMs: 50_000 })];
    const { agent } = parent({ tools });
    await startAgent(agent, "Hi", { delegate });
    await startAgent(agent, { text: "Hi", timeout_ms: 20_000 }, { delegate });
    expect(asked.map(({ timeoutMs, input }) => [timeoutMs, input["timeout_ms"]])).toEqual([
      [50_000, 50_000],
      [20_000, 20_000],
    ]);
  });

  test("is found again by a later start: same key, same input", async () => {
    const { agent } = parent({ budget: { maxTokens: 1_000, maxMs: 60_000 } }, ["researcher", "researcher"]);
    const { asked, delegate } = children(ended("1"), ended("2"));
    const kept = deferred();
    // The answer of the first is kept, that of the second is not.
    const journal = recordedJournal([], (added) => {
      if (!typesOf(added).includes("tool.completed")) return;
      if (typesOf(journal.entries).includes("tool.completed")) throw new Error("the worker died");
      kept.resolve();
    });
    const inTurn = async (request: Delegation) => {
      const outcome = await delegate(request);
      if (request.input["text"] === "Why 1?") await kept.promise;
      return outcome;
    };
    await startAgent(agent, "Hi", { journal, delegate: inTurn });
    const second = await startAgent(agent, "Hi", { journal: recordedJournal(journal.entries), delegate });
    expect(second.returned).toMatchObject({ answer: "done" });
    expect(asked).toHaveLength(3);
    expect(asked[2]).toEqual(asked[1]);
  });

  test.each<[Delegated | Error, string]>([
    [new Error("no worker"), "no worker"],
    [ended(null, { success: false, error: "the agent ran out of iterations" }), "the agent ran out of iterations"],
  ])("that fails is a tool error, and the run goes on", async (outcome, error) => {
    const { agent, model } = parent();
    const { returned } = await startAgent(agent, "Hi", children(outcome));
    expect(returned).toMatchObject({ answer: "done" });
    expect(told(model)).toEqual([JSON.stringify({ error })]);
  });

  test("that failed counts with what it used up, in the budget and in what the run says of all below it", async () => {
    const failed = ended(null, { success: false, error: "out of paper" });
    const { agent } = parent({ budget: { maxTokens: 50 } });
    const stopped = await startAgent(agent, "Hi", children(failed));
    expect(stopped.thrown).toMatchObject({ code: "BUDGET_EXCEEDED", message: expect.stringContaining("55 of 50") });
    const { returned } = await startAgent(parent().agent, "Hi", children(failed));
    expect(returned).toMatchObject({
      usage: { input_tokens: 20 },
      cost_nano_usd: null,
      subtree: { usage: { input_tokens: 50, output_tokens: 20 }, cost_nano_usd: 7 },
    });
  });

  test("a run that delegated nothing says nothing of what is below it", async () => {
    const { agent } = parent({ tools: [] }, []);
    expect((await startAgent(agent, "Hi")).returned).not.toHaveProperty("subtree");
  });

  test("shares what is left evenly with those of the same answer, refused ones left out; time is everybody's", async () => {
    const { asked, delegate } = children();
    const calls = ["researcher", "writer", "nobody", "researcher", "researcher"];
    const tools = [agentTool("researcher", { maxCallsPerRun: 2 }), agentTool("writer", { parallel: false })];
    const budget = { maxTokens: 1_000, maxMs: 60_000, onExceeded: "warn" as const };
    const { agent } = parent({ tools, budget }, calls);
    await startAgent(agent, "Hi", { delegate });
    expect(asked.map(({ neuron }) => neuron)).toEqual(["researcher", "writer", "researcher"]);
    for (const { input } of asked) expect(input["budget"]).toMatchObject({ max_tokens: Math.floor((1_000 - 15) / 3) });
    const [first] = asked;
    expect((first!.input["budget"] as { max_ms: number }).max_ms).toBeGreaterThan(30_000);
  });

  test("that would be too deep is refused with a tool error", async () => {
    const { agent, model } = parent({ maxDelegationDepth: 1 });
    await startAgent(agent, { text: "Hi", delegation_level: 1, max_delegation_depth: 5 });
    expect(told(model)).toEqual(['{"error":"delegation goes 1 deep at most, and this agent is at level 1"}']);
  });

  test("without a limit has none for its children either", async () => {
    const { asked, delegate } = children();
    const { agent } = parent({ maxDelegationDepth: null });
    await startAgent(agent, { text: "Hi", delegation_level: 50 }, { delegate });
    expect(asked[0]!.input).toEqual({ text: "Why 0?", delegation_level: 51 });
  });
});

describe("an agent as a tool that waits for somebody", () => {
  const note = tool({ name: "note", description: "Notes.", input: z.object({}), run: () => "noted" });
  const asks = { approvalExpiresMs: 60_000, assignees: ["ada"] };

  test("makes the run wait too, behind the other tools, for its end and nothing else", async () => {
    const tools = [agentTool("researcher"), note];
    const { agent, model } = parent({ tools, ...asks }, ["researcher", "note", "researcher"]);
    const { asked, delegate } = children(paused("run_a"), paused("run_b"));
    const { returned, journal } = await startAgent(agent, "Hi", { delegate });
    expect(returned).toMatchObject({ kind: "pause", status: "waiting_child", expiresAt: null });
    expect(openPause(journal.entries)).toMatchObject({
      status: "waiting_child",
      reason: "child",
      question: "What is asked by researcher (run_a) and researcher (run_b)?",
      pending: [
        { tool_name: "researcher", needs: "child", child_run_id: "run_a", child_agent: "researcher", order_index: 2 },
        { tool_name: "researcher", needs: "child", child_run_id: "run_b", child_agent: "researcher", order_index: 4 },
      ],
      expires_at: null,
    });
    expect(openPause(journal.entries)).not.toHaveProperty("assignees");
    expect(dataOfAll(journal.entries, "tool.completed")).toMatchObject([{ result: "noted" }]);
    expect(asked).toHaveLength(2);
    // Found again while it waits, it asks nobody anew.
    const again = recordedJournal(journal.entries);
    expect(isPause((await startAgent(agent, "Hi", { journal: again, delegate })).returned)).toBe(true);
    expect(again.appends).toEqual([]);

    const { pending } = openPause(journal.entries);
    await submit(again, [answerTo(pending[0]!, "A"), answerTo(pending[1]!, null, "cancelled")], "evt_woken");
    const { returned: end } = await startAgent(agent, "Hi", { journal: again, taskId: "evt_woken", delegate });
    expect(end).toMatchObject({ status: "success", answer: "done" });
    expect(told(model)).toEqual(["A", "noted", '{"error":"cancelled"}']);
    expect(asked).toHaveLength(2);
  });

  test("nothing that runs alone runs beside it, or behind one that runs alone", async () => {
    const { agent } = parent({}, ["researcher", "writer"]);
    const first = children(paused("run_a"));
    const waits = await startAgent(agent, "Hi", first);
    expect(first.asked.map(({ neuron }) => neuron)).toEqual(["researcher"]);
    expect(openPause(waits.journal.entries).pending).toHaveLength(1);
    const second = children(paused("run_b"));
    const { journal } = waits;
    await submit(journal, [answerTo(openPause(journal.entries).pending[0]!, "A")], "evt_woken");
    await startAgent(agent, "Hi", { journal, taskId: "evt_woken", ...second });
    expect(second.asked.map(({ neuron }) => neuron)).toEqual(["writer"]);
    expect(openPause(journal.entries).pending).toMatchObject([{ child_run_id: "run_b" }]);
  });

  test("is not asked for again by a start that finds on record that it waits", async () => {
    const kept = deferred();
    const slow = { ...note, run: () => kept.promise };
    const { agent } = parent({ tools: [agentTool("researcher"), slow] }, ["researcher", "note"]);
    const journal = recordedJournal([], (added) => {
      if (typesOf(added).includes("run.paused")) throw new Error("the worker died");
      if (typesOf(added).includes("child.paused")) kept.resolve();
    });
    await startAgent(agent, "Hi", { journal, ...children(paused("run_a")) });
    expect(typesOf(journal.entries)).not.toContain("run.paused");
    const { asked, delegate } = children();
    const later = recordedJournal(journal.entries);
    await startAgent(agent, "Hi", { journal: later, delegate });
    expect(openPause(later.entries).pending).toMatchObject([{ child_run_id: "run_a" }]);
    expect(asked).toEqual([]);
  });
});

import { describe, expect, test } from "@jest/globals";
import type { ChildReply, ChildRequest } from "@myelin/neuron";
import { scriptedModel } from "@myelin/neuron/testing";
import { dataOfAll, recordedJournal, startAgent } from "../../../../test/helpers/agent-run.ts";
import { agentTool } from "../agent-tool.ts";
import type { AgentOptions } from "../definition/agent-options.ts";
import { defineAgent } from "../definition/define-agent.ts";

const usage = {
  input_tokens: 30,
  output_tokens: 10,
  cache_read_input_tokens: null,
  cache_creation_input_tokens: null,
  reasoning_tokens: null,
};
const childOutput = { status: "success", answer: "42", output: null, model: "m", iteration_count: 1, usage };

const replyOf = (output: Record<string, unknown>): ChildReply => ({
  trace_id: "trc_test",
  directed: { id: "researcher" },
  payload: { output },
});

function parent(options: Partial<AgentOptions> = {}) {
  const model = scriptedModel(({ request }) =>
    request.messages.some(({ role }) => role === "tool")
      ? "done"
      : { toolCalls: [{ name: "researcher", params: { text: "Why?" } }] },
  );
  const tools = [agentTool("researcher")];
  return { model, agent: defineAgent({ name: "support", model, prompt: "p", tools, ...options }) };
}

/** What the model was told of the call. */
const told = (model: ReturnType<typeof scriptedModel>) => model.calls.at(-1)!.request.messages.at(-1)!.content;

describe("an agent as a tool", () => {
  test("is dispatched one level deeper, with what is left of the budget, and its answer goes to the model", async () => {
    const asked: ChildRequest[] = [];
    const { agent, model } = parent({ budget: { maxTokens: 100, onExceeded: "warn" } });
    const { returned, journal } = await startAgent(
      agent,
      { text: "Hi", delegation_level: 2 },
      {
        metadata: { thread_id: "t1" },
        dispatchAndWait: (request) => {
          asked.push(request);
          return Promise.resolve(replyOf({ ...childOutput, cost_nano_usd: 7 }));
        },
      },
    );
    expect(returned).toMatchObject({ answer: "done", usage: { input_tokens: 20, output_tokens: 10 } });
    expect(told(model)).toBe("42");
    const [started] = dataOfAll(journal.entries, "tool.started");
    expect(asked).toEqual([
      {
        neuron: "researcher",
        input: {
          text: "Why?",
          delegation_level: 3,
          max_delegation_depth: 10,
          budget: { max_tokens: 85, on_exceeded: "warn" },
        },
        idempotencyKey: `run_test:${String(started!["call_id"])}`,
        timeoutMs: 604_800_000,
        metadata: { thread_id: "t1" },
        onPause: "wait",
      },
    ]);
    // 15 by the first model call, 40 by the child.
    expect(dataOfAll(journal.entries, "budget.threshold")).toMatchObject([{ fraction: 0.5, used: 55 }]);
  });

  test("is found again by a later start: same key, same input", async () => {
    const asked: ChildRequest[] = [];
    const { agent } = parent({ budget: { maxTokens: 1_000, maxMs: 60_000 } });
    let isAway = false;
    const journal = recordedJournal([], () => {
      if (isAway) throw new Error("the worker died");
    });
    const dispatchAndWait = (request: ChildRequest) => {
      asked.push(request);
      isAway = asked.length === 1;
      return Promise.resolve(replyOf({ ...childOutput, cost_nano_usd: null }));
    };
    await startAgent(agent, "Hi", { journal, dispatchAndWait });
    const second = await startAgent(agent, "Hi", { journal: recordedJournal(journal.entries), dispatchAndWait });
    expect(second.returned).toMatchObject({ answer: "done" });
    expect(asked).toHaveLength(2);
    expect(asked[1]).toEqual(asked[0]);
  });

  test.each([
    [() => Promise.reject(new Error("the model is away")), "the model is away"],
    [
      () => Promise.resolve(replyOf({ ...childOutput, status: "max_iterations", answer: null, cost_nano_usd: null })),
      "the agent ran out of iterations",
    ],
  ])("that fails is a tool error, and the run goes on", async (dispatchAndWait, error) => {
    const { agent, model } = parent();
    const { returned } = await startAgent(agent, "Hi", { dispatchAndWait });
    expect(returned).toMatchObject({ answer: "done" });
    expect(told(model)).toBe(JSON.stringify({ error }));
  });

  test("that would be too deep is refused with a tool error", async () => {
    const { agent, model } = parent({ maxDelegationDepth: 1 });
    await startAgent(agent, { text: "Hi", delegation_level: 1, max_delegation_depth: 5 });
    expect(told(model)).toBe('{"error":"delegation goes 1 deep at most, and this agent is at level 1"}');
  });

  test("without a limit has none for its children either", async () => {
    const asked: ChildRequest[] = [];
    const { agent } = parent({ maxDelegationDepth: null });
    const dispatchAndWait = (request: ChildRequest) => {
      asked.push(request);
      return Promise.resolve(replyOf({ value: 1 }));
    };
    await startAgent(agent, { text: "Hi", delegation_level: 50 }, { dispatchAndWait });
    expect(asked[0]!.input).toEqual({ text: "Why?", delegation_level: 51 });
  });
});

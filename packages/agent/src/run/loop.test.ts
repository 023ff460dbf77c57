import { describe, expect, test } from "@jest/globals";
import { isNeuronOutcome, NeuronFailure, type ToolContext } from "@myelin/neuron";
import { scriptedModel, type ScriptedAnswer } from "@myelin/neuron/testing";
import { z } from "zod";
import {
  answerTo,
  approveAll,
  dataOfAll,
  decision,
  isPause,
  openPause,
  recordedJournal,
  runThrough,
  startAgent,
  submit,
  typesOf,
} from "../../../../test/helpers/agent-run.ts";
import { deferred } from "../../../../test/helpers/with-fleet.ts";
import { askHuman } from "../ask-human.ts";
import type { AgentOptions } from "../definition/agent-options.ts";
import { defineAgent } from "../definition/define-agent.ts";
import { tool, type ServerToolOptions } from "../tool.ts";

const anything = z.looseObject({});
const server = (name: string, options: Partial<ServerToolOptions<typeof anything>> = {}) =>
  tool({ name, description: `Does ${name}.`, input: anything, run: () => `${name} done`, ...options });
const client = (name: string) => tool({ name, description: `Does ${name}.`, input: anything, target: "client" });

/** An answer with these calls. */
const calls = (...names: (string | [string, Record<string, unknown>])[]) => ({
  toolCalls: names.map((one) =>
    typeof one === "string" ? { name: one, params: {} } : { name: one[0], params: one[1] },
  ),
});

function agentWith(script: readonly ScriptedAnswer[], options: Partial<AgentOptions> = {}) {
  const model = scriptedModel(script);
  return { model, agent: defineAgent({ name: "support", model, prompt: "You help.", ...options }) };
}

/** What the model was told of its calls, in its last request. */
const told = (model: ReturnType<typeof scriptedModel>) =>
  model.calls
    .at(-1)!
    .request.messages.flatMap((one) =>
      one.role === "tool" ? [[one.toolName, one.content, one.isError ?? false] as const] : [],
    );

describe("a run", () => {
  test("whose final text the token limit cut off succeeds with it, and has the finish reason on record", async () => {
    const { agent } = agentWith([{ text: "One and", finishReason: "max_tokens" }]);
    const { returned, journal } = await startAgent(agent, "Count.");
    expect(returned).toMatchObject({ status: "success", answer: "One and" });
    expect(dataOfAll(journal.entries, "llm.completed")).toMatchObject([{ finish_reason: "max_tokens" }]);
  });

  test("without tools is two entries more than its answer: run.started and run.completed", async () => {
    const { agent } = agentWith(["Hello."]);
    const { returned, journal } = await startAgent(agent, "Hi");
    expect(returned).toEqual({
      status: "success",
      answer: "Hello.",
      output: null,
      model: "scripted:scripted-1",
      iteration_count: 1,
      usage: {
        input_tokens: 10,
        output_tokens: 5,
        cache_read_input_tokens: null,
        cache_creation_input_tokens: null,
        reasoning_tokens: null,
      },
      cost_nano_usd: null,
    });
    expect(journal.appends.map(typesOf)).toEqual([["run.started", "llm.completed", "run.completed"]]);
  });

  test("with one tool takes three appends beside its TASK and its reply", async () => {
    const { agent, model } = agentWith([calls(["add", { a: 1 }]), "3"], { tools: [server("add", { run: () => 3 })] });
    const { returned, journal } = await startAgent(agent, "1 + 2?");
    expect(returned).toMatchObject({ status: "success", answer: "3", iteration_count: 2 });
    expect(journal.appends.map(typesOf)).toEqual([
      ["run.started", "llm.completed", "tool.started"],
      ["tool.completed"],
      ["llm.completed", "run.completed"],
    ]);
    expect(model.calls).toHaveLength(2);
    expect(told(model)).toEqual([["add", "3", false]]);
    expect(dataOfAll(journal.entries, "tool.completed")).toMatchObject([{ success: true, result: 3, order_index: 2 }]);
    expect(dataOfAll(journal.entries, "llm.completed").map((data) => data["order_index"])).toEqual([1, 3]);
  });

  test("whose calls are all refused is on record before the model is asked again", async () => {
    const { agent } = agentWith([calls("nothing"), calls("nothing"), "ok"], { tools: [server("add")] });
    const { journal } = await startAgent(agent, "Hi");
    expect(journal.appends.map((append) => typesOf(append).filter((type) => type === "llm.completed").length)).toEqual([
      1, 1, 1,
    ]);
  });

  test("J3: a tool runs after the entry that announces it is acknowledged", async () => {
    const order: string[] = [];
    const { agent } = agentWith([calls("pay"), "ok"], {
      tools: [server("pay", { run: () => void order.push("pay") })],
    });
    const journal = recordedJournal([], async (added) => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push(typesOf(added).join(" "));
    });
    await startAgent(agent, "Pay", { journal });
    expect(order.slice(0, 2)).toEqual(["run.started llm.completed tool.started", "pay"]);
  });

  test("does not wait for a tool's answer to be acknowledged before the next model call", async () => {
    const acknowledged = deferred();
    const model = scriptedModel(({ request }) => {
      if (request.messages.length === 2) return calls("add");
      acknowledged.resolve();
      return "done";
    });
    const agent = defineAgent({ name: "support", model, prompt: "You help.", tools: [server("add")] });
    const journal = recordedJournal([], (added) =>
      typesOf(added).includes("tool.completed") ? acknowledged.promise : undefined,
    );
    expect((await startAgent(agent, "go", { journal })).returned).toMatchObject({ answer: "done" });
  });

  test("says nothing more once an append was refused, and ends with that", async () => {
    const { agent } = agentWith([calls("add"), "done"], { tools: [server("add")] });
    const journal = recordedJournal([], (added) => {
      if (typesOf(added).includes("tool.completed")) throw new Error("another start has the run");
    });
    const { thrown } = await startAgent(agent, "go", { journal });
    expect(thrown).toEqual(new Error("another start has the run"));
    expect(typesOf(journal.entries)).toEqual(["run.started", "llm.completed", "tool.started"]);
  });

  test("ends as max_iterations when the model would go on", async () => {
    const { agent } = agentWith([calls("add"), calls("add")], { tools: [server("add")], maxIterations: 2 });
    const { returned, journal } = await startAgent(agent, "go");
    expect(returned).toMatchObject({ status: "max_iterations", answer: null, iteration_count: 2 });
    expect(dataOfAll(journal.entries, "run.completed")).toEqual([
      { status: "max_iterations", answer: null, output: null },
    ]);
    expect(dataOfAll(journal.entries, "tool.completed")).toHaveLength(2);
  });

  test("streams what the model says and thinks", async () => {
    const kinds: unknown[] = [];
    const { agent } = agentWith([{ text: "One two", reasoning: "hm" }]);
    await startAgent(agent, "go", { thought: (delta, kind) => void kinds.push([delta, kind]) });
    expect(kinds).toEqual([
      ["hm", "reasoning"],
      ["One ", "text"],
      ["two", "text"],
    ]);
  });

  test("does not stream when it is told not to", async () => {
    const { agent, model } = agentWith(["One two"], { stream: false });
    expect((await startAgent(agent, "go")).thoughts).toEqual([]);
    expect(model.calls[0]!.options.onDelta).toBeUndefined();
  });

  test("shows its calls to whoever watches", async () => {
    const shown: unknown[] = [];
    const { agent } = agentWith([calls("add", "nothing"), "done"], { tools: [server("add")] });
    await startAgent(agent, "go", {
      toolCall: ({ tool }) => void shown.push(["call", tool]),
      toolResult: ({ tool, result, error }) => void shown.push(["result", tool, result ?? error]),
    });
    expect(shown).toEqual([
      ["result", "nothing", "Unknown tool: nothing"],
      ["call", "add"],
      ["result", "add", "add done"],
    ]);
  });

  test("sends the vendor's reasoning back with the next turn", async () => {
    const block = { vendor: "scripted", block: { signature: "s" } };
    const { agent, model } = agentWith([{ ...calls("add"), reasoningBlocks: [block] }, "done"], {
      tools: [server("add")],
    });
    await startAgent(agent, "go");
    expect(model.calls[1]!.request.messages[2]).toMatchObject({ role: "assistant", reasoning: [block] });
  });
});

describe("tools", () => {
  test("of one answer that may run beside each other do, and one that may not waits for its turn", async () => {
    const log: string[] = [];
    const release = deferred();
    const slow = (name: string, parallel: boolean) =>
      server(name, {
        parallel,
        run: async () => {
          log.push(`${name} begins`);
          if (log.filter((one) => one.endsWith("begins")).length === 2) release.resolve();
          if (parallel) await release.promise;
          log.push(`${name} ends`);
        },
      });
    const { agent, model } = agentWith([calls("a", "b", "alone", "c"), "done"], {
      tools: [slow("a", true), slow("b", true), slow("alone", false), slow("c", true)],
    });
    await startAgent(agent, "go");
    expect(log.slice(0, 2)).toEqual(["a begins", "b begins"]);
    expect(log.slice(4)).toEqual(["alone begins", "alone ends", "c begins", "c ends"]);
    expect(told(model).map(([name]) => name)).toEqual(["a", "b", "alone", "c"]);
  });

  test("that fail, time out or give no JSON are answered with the error, and the run goes on", async () => {
    const { agent, model } = agentWith([calls("fails", "slow", "odd", "huge", "nothing"), "done"], {
      tools: [
        server("fails", { run: () => Promise.reject(new Error("no such order")) }),
        server("slow", { timeoutMs: 1, run: () => new Promise(() => {}) }),
        server("odd", { run: () => 1n }),
        server("huge", { run: () => "x".repeat(2 ** 20) }),
        server("nothing", { run: () => undefined }),
      ],
    });
    const { returned } = await startAgent(agent, "go");
    expect(returned).toMatchObject({ answer: "done" });
    expect(told(model)).toEqual([
      ["fails", '{"error":"no such order"}', true],
      ["slow", '{"error":"the tool took longer than 1 ms"}', true],
      ["odd", '{"error":"the tool\'s result is not JSON: Do not know how to serialize a BigInt"}', true],
      ["huge", '{"error":"the tool\'s result is 1048578 bytes; at most 1048576 are kept"}', true],
      ["nothing", "null", false],
    ]);
  });

  test("that fail with a page of text are answered with its beginning", async () => {
    const fails = tool({
      name: "fails",
      description: "Fails.",
      input: z.object({}),
      run: () => Promise.reject(new Error("x".repeat(20_000_000))),
    });
    const model = scriptedModel([{ toolCalls: [{ name: "fails" }] }, "done"]);
    const agent = defineAgent({ name: "support", model, prompt: "p", tools: [fails] });
    const { returned, journal } = await startAgent(agent, "go");
    expect(returned).toMatchObject({ answer: "done" });
    expect(dataOfAll(journal.entries, "tool.completed")[0]!["error"]).toHaveLength(16_384);
  });

  test("that are unknown, malformed or given what does not fit are answered without being run", async () => {
    let runs = 0;
    const strict = tool({
      name: "strict",
      description: "Counts.",
      input: z.object({ id: z.number() }),
      run: () => ++runs,
    });
    const malformed = { name: "strict", params: {}, problem: "Unexpected end of JSON input" };
    const answer = { toolCalls: [{ name: "nobody" }, malformed, { name: "strict", params: { id: "7" } }] };
    const { agent, model } = agentWith([answer, "done"], { tools: [strict] });
    const { journal } = await startAgent(agent, "go");
    expect(runs).toBe(0);
    expect(told(model)).toEqual([
      ["nobody", '{"error":"Unknown tool: nobody"}', true],
      ["strict", '{"error":"The parameters could not be read: Unexpected end of JSON input"}', true],
      ["strict", expect.stringContaining("The parameters do not fit: id: "), true],
    ]);
    expect(typesOf(journal.entries)).not.toContain("tool.started");
  });

  test("get their parameters as the schema makes them, a key that names the call, and the run's context", async () => {
    const seen: [unknown, ToolContext][] = [];
    const greet = tool({
      name: "greet",
      description: "Greets.",
      input: z.object({ who: z.string().default("world") }),
      run: (input, ctx) => void seen.push([input, ctx]),
    });
    const { agent } = agentWith([calls("greet"), "done"], { tools: [greet] });
    const { journal } = await startAgent(agent, "go", { tenantId: "acme" });
    const [input, ctx] = seen[0]!;
    const [started] = dataOfAll(journal.entries, "tool.started");
    expect(input).toEqual({ who: "world" });
    expect(ctx).toMatchObject({ tenantId: "acme", callId: started!["call_id"] });
    expect(ctx.key).toBe(`run_test:${String(started!["call_id"])}`);
    expect(ctx).not.toHaveProperty("journal");
  });

  test("are called no oftener than their limit, over all of the run and its pauses", async () => {
    const tools = [server("add", { maxCallsPerRun: 2 }), server("pay")];
    const { agent, model } = agentWith([calls("add", "pay"), calls("add", "add"), "done"], {
      tools,
      requireApproval: ["pay"],
    });
    await runThrough(agent, "go");
    expect(told(model).slice(2)).toEqual([
      ["add", "add done", false],
      ["add", `{"limit":"Tool 'add' may be called 2 times in a run, and has been."}`, true],
    ]);
  });

  test("are named to the model in the order of their names, with the agent's cache key", async () => {
    const { agent, model } = agentWith(["done"], { tools: [server("b"), server("a"), server("c")] });
    await startAgent(agent, "go");
    expect(model.calls[0]!.request.tools!.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(model.calls[0]!.request.cacheKey).toBe("myelin:support:scripted-1");
  });
});

describe("cancel", () => {
  test("reaches a model call and a tool in the middle, and leaves what a tool did open", async () => {
    const stop = new AbortController();
    const reason = new Error("stopped");
    const model = scriptedModel(async ({ options }) => {
      setImmediate(() => stop.abort(reason));
      return new Promise((_, reject) => options.signal.addEventListener("abort", () => reject(reason)));
    });
    const inModel = await startAgent(defineAgent({ name: "support", model, prompt: "You help." }), "go", {
      signal: stop.signal,
    });
    expect(inModel.thrown).toBe(reason);
    expect(typesOf(inModel.journal.entries)).toEqual(["run.started", "llm.failed"]);

    const stopTool = new AbortController();
    let wasAborted = false;
    const wait = (ctx: ToolContext) =>
      new Promise((resolve) => {
        ctx.signal.addEventListener("abort", () => resolve((wasAborted = true)));
        stopTool.abort(reason);
      });
    const { agent } = agentWith([calls("wait")], { tools: [server("wait", { run: (_, ctx) => wait(ctx) })] });
    const inTool = await startAgent(agent, "go", { signal: stopTool.signal });
    expect(inTool.thrown).toBe(reason);
    expect(wasAborted).toBe(true);
    expect(typesOf(inTool.journal.entries)).toEqual(["run.started", "llm.completed", "tool.started"]);
  });
});

describe("a model call that fails", () => {
  test("is on record with its retries before the run fails with it, and a later start goes on", async () => {
    const failure = new NeuronFailure("MODEL_OVERLOADED", "529", { recoverable: true });
    const retry = { attempt: 1, statusCode: 503, code: "MODEL_UNAVAILABLE", retryAfterMs: 5 };
    const { agent } = agentWith([calls("add"), failure, { text: "done", retries: [retry] }], {
      tools: [server("add")],
    });
    const first = await startAgent(agent, "go");
    expect(first.thrown).toBe(failure);
    expect(dataOfAll(first.journal.entries, "llm.failed")).toMatchObject([
      { provider: "scripted", error: { code: "MODEL_OVERLOADED", message: "529" }, usage: null },
    ]);
    const second = await startAgent(agent, "go", { journal: first.journal });
    expect(second.returned).toMatchObject({ answer: "done", iteration_count: 2 });
    expect(dataOfAll(second.journal.entries, "provider.retry")).toEqual([
      { attempt: 1, status_code: 503, code: "MODEL_UNAVAILABLE", retry_after_ms: 5 },
    ]);
  });
});

describe("approval", () => {
  test("holds back all of an answer until each gated call is decided", async () => {
    const ran: string[] = [];
    const noting = (name: string) => server(name, { run: () => void ran.push(name) });
    const { agent, model } = agentWith([calls("refund", "look", "transfer"), "done"], {
      tools: [noting("refund"), noting("look"), noting("transfer")],
      requireApproval: ["refund", "transfer"],
    });
    const { returned, journal } = await startAgent(agent, "go");
    expect(isPause(returned) && isNeuronOutcome(returned)).toBe(true);
    expect(returned).toMatchObject({ status: "waiting_approval", question: "May refund and transfer run?" });
    expect(ran).toEqual([]);
    const { pending, reason } = openPause(journal.entries);
    expect(reason).toBe("approval");
    expect(pending.map(({ tool_name, needs, order_index }) => [tool_name, needs, order_index])).toEqual([
      ["refund", "approval", 2],
      ["transfer", "approval", 4],
    ]);
    await submit(journal, [decision(pending[0]!, false, "too much"), decision(pending[1]!, true)], "evt_2");
    const second = await startAgent(agent, "go", { journal, taskId: "evt_2" });
    expect(second.returned).toMatchObject({ answer: "done" });
    expect(ran).toEqual(["look", "transfer"]);
    expect(told(model)).toEqual([
      ["refund", "too much", true],
      ["look", "null", false],
      ["transfer", "null", false],
    ]);
  });

  test("is asked after what is denied is answered, and answers stay in the order of the calls", async () => {
    const { agent, model } = agentWith([calls("pay", "delete"), "done"], {
      tools: [server("pay"), server("delete")],
      requireApproval: ["pay"],
      deny: ["delete"],
    });
    const { journal } = await runThrough(agent, "go");
    expect(typesOf(journal.entries)).toEqual([
      "run.started",
      "llm.completed",
      "policy.denied",
      "tool.completed",
      "approval.requested",
      "run.paused",
      "approval.decided",
      "run.resumed",
      "tool.started",
      "tool.completed",
      "llm.completed",
      "run.completed",
    ]);
    expect(told(model)).toEqual([
      ["pay", "pay done", false],
      ["delete", `{"denied":"Tool 'delete' is denied by policy."}`, true],
    ]);
  });

  test("of a call does not make a client tool beside it run here", async () => {
    const { agent } = agentWith([calls("pay", "read_sheet"), "done"], {
      tools: [server("pay"), client("read_sheet")],
      requireApproval: ["pay"],
    });
    const statuses: string[] = [];
    const { returned } = await runThrough(agent, "go", {
      answer: (paused) => {
        statuses.push(paused.status);
        return paused.reason === "approval" ? approveAll(paused) : paused.pending.map((call) => answerTo(call, [1]));
      },
    });
    expect(statuses).toEqual(["waiting_approval", "waiting_client_tool"]);
    expect(returned).toMatchObject({ answer: "done" });
  });

  test("expires and is assigned as the agent says", async () => {
    const { agent } = agentWith([calls("pay")], {
      tools: [server("pay")],
      requireApproval: ["pay"],
      approvalExpiresMs: 60_000,
      assignees: ["ada"],
    });
    const before = Date.now();
    const { journal, returned } = await startAgent(agent, "go");
    const { assignees, expires_at } = openPause(journal.entries);
    expect(assignees).toEqual(["ada"]);
    expect(Date.parse(expires_at!)).toBeGreaterThanOrEqual(before + 60_000);
    expect(returned).toMatchObject({ expiresAt: expires_at });
  });
});

describe("a pause", () => {
  test("for client tools comes after the server tools of the answer, with only theirs pending", async () => {
    const { agent, model } = agentWith([calls("read_sheet", "add"), "done"], {
      tools: [client("read_sheet"), server("add")],
    });
    const { journal } = await startAgent(agent, "go");
    const { status, pending } = openPause(journal.entries);
    expect([status, pending.map(({ tool_name }) => tool_name)]).toEqual(["waiting_client_tool", ["read_sheet"]]);
    expect(dataOfAll(journal.entries, "tool.completed")).toMatchObject([{ tool_name: "add" }]);
    await submit(journal, [answerTo(pending[0]!, null, "the sheet is locked")], "evt_2");
    await startAgent(agent, "go", { journal, taskId: "evt_2" });
    expect(told(model)).toEqual([
      ["read_sheet", '{"error":"the sheet is locked"}', true],
      ["add", "add done", false],
    ]);
  });

  test("to ask a person has the question and its options, and the answer goes to the model", async () => {
    const { agent, model } = agentWith(
      [calls(["ask_human", { question: "Which one?", options: ["red", "blue"] }]), "done"],
      { tools: [askHuman()] },
    );
    const { journal } = await runThrough(agent, "go", {
      answer: ({ pending }) => pending.map((call) => answerTo(call, "blue")),
    });
    expect(dataOfAll(journal.entries, "run.paused")).toMatchObject([
      { status: "waiting_human_input", reason: "input", question: "Which one?", options: ["red", "blue"] },
    ]);
    expect(told(model)).toEqual([["ask_human", "blue", false]]);
  });

  test("is said again by a start that finds it open, and nothing is done", async () => {
    const { agent, model } = agentWith([calls("pay"), "done"], { tools: [server("pay")], requireApproval: ["pay"] });
    const first = await startAgent(agent, "go");
    const again = await startAgent(agent, "go", { journal: first.journal });
    expect(again.returned).toEqual(first.returned);
    expect(first.journal.appends).toHaveLength(1);
    expect(model.calls).toHaveLength(1);
  });

  test("that is over: a start under another task than the one that woke the run has nothing to say", async () => {
    const { agent, model } = agentWith([calls("pay"), "done"], { tools: [server("pay")], requireApproval: ["pay"] });
    const { journal } = await startAgent(agent, "go", { taskId: "evt_1" });
    await submit(journal, approveAll(openPause(journal.entries))!, "evt_2");
    const stale = await startAgent(agent, "go", { journal, taskId: "evt_1" });
    expect(stale.returned).toMatchObject({ kind: "superseded" });
    expect(model.calls).toHaveLength(1);
  });
});

describe("budget", () => {
  const usage = { inputTokens: 40, outputTokens: 20 };
  const spender = (onExceeded: "warn" | "pause" | "stop", script: readonly ScriptedAnswer[]) => {
    const model = scriptedModel(script, { usage, costOf: () => 1_000 });
    const tools = [server("add")];
    return defineAgent({ name: "support", model, prompt: "p", tools, budget: { maxTokens: 100, onExceeded } });
  };
  const fired = (entries: Parameters<typeof dataOfAll>[0]) => [
    ...dataOfAll(entries, "budget.threshold").map((data) => data["fraction"]),
    ...dataOfAll(entries, "budget.exceeded").map((data) => `${String(data["used"])} of ${String(data["max"])}`),
  ];

  test("that only warns puts each threshold on record once", async () => {
    const { returned, journal } = await startAgent(spender("warn", [calls("add"), calls("add"), "done"]), "go");
    expect(returned).toMatchObject({ answer: "done", cost_nano_usd: 3_000 });
    expect(fired(journal.entries)).toEqual([0.5, 0.75, 0.9, "120 of 100"]);
  });

  test("that stops ends the run before its next tool, and keeps what was spent", async () => {
    const { thrown, journal } = await startAgent(spender("stop", [calls("add"), calls("add"), "done"]), "go");
    expect(thrown).toMatchObject({ code: "BUDGET_EXCEEDED", message: "the budget is used up: 120 of 100 tokens" });
    expect(dataOfAll(journal.entries, "tool.started")).toHaveLength(1);
    expect(typesOf(journal.entries).at(-1)).toBe("budget.exceeded");
  });

  test("that is used up by the answer itself does not take the answer away", async () => {
    const { returned } = await startAgent(spender("stop", [calls("add"), "done"]), "go");
    expect(returned).toMatchObject({ answer: "done" });
  });

  test("that pauses asks before each further model call, and fires nothing twice", async () => {
    const asked: string[] = [];
    const { returned, journal } = await runThrough(
      spender("pause", [calls("add"), calls("add"), calls("add"), "done"]),
      "go",
      {
        answer: (paused) => {
          asked.push(paused.question);
          return approveAll(paused);
        },
      },
    );
    expect(returned).toMatchObject({ answer: "done" });
    expect(asked).toEqual([
      "the budget is used up: 120 of 100 tokens. Go on for one more model call?",
      "the budget is used up: 180 of 100 tokens. Go on for one more model call?",
    ]);
    expect(fired(journal.entries)).toEqual([0.5, 0.75, 0.9, "120 of 100"]);
  });

  test("that nobody lets go on ends the run", async () => {
    const agent = spender("pause", [calls("add"), calls("add"), "done"]);
    const { thrown } = await runThrough(agent, "go", {
      answer: ({ pending }) => pending.map((call) => decision(call, false)),
    });
    expect(thrown).toMatchObject({ code: "BUDGET_EXCEEDED" });
  });

  test("of a request only tightens the agent's", async () => {
    const agent = spender("stop", ["done"]);
    const budget = { max_tokens: 1_000, max_ms: 5_000, on_exceeded: "warn" } as const;
    const { journal } = await startAgent(agent, { text: "go", budget });
    expect(dataOfAll(journal.entries, "run.started")[0]!["budget"]).toEqual({
      max_tokens: 100,
      max_ms: 5_000,
      on_exceeded: "stop",
    });
  });
});

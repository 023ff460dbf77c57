/** What the journals of agents become, read through RunStore: the cases that Dendrux's tests name (their numbers in brackets). */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newRunId } from "@myelin/bus";
import { AgentStory, type StoryOptions } from "../../../../test/helpers/agent-story.ts";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { withRecordedLog, type RecordedLog } from "../../../../test/helpers/with-recorded-log.ts";
import { RunStore } from "./run-store.ts";

let recorded: RecordedLog;
let store: RunStore;
beforeAll(async () => {
  recorded = await withRecordedLog();
  store = RunStore.fromDatabaseUrl(recorded.database.url);
});
afterAll(async () => {
  await store.close();
  await recorded[Symbol.asyncDispose]();
});
expectNoLeaks();

const begin = (options?: StoryOptions) => new AgentStory(recorded.log, options);
const eventsOf = async ({ runId }: AgentStory) =>
  (await store.getEvents(runId)).map(({ sequenceIndex, eventType }) => `${sequenceIndex} ${eventType}`);
const usage = (input_tokens: number | null, output_tokens: number | null, more = {}) => ({
  input_tokens,
  output_tokens,
  cache_read_input_tokens: null,
  cache_creation_input_tokens: null,
  reasoning_tokens: null,
  ...more,
});

/** A run with one tool call, up to its answer. */
function toolRun(options?: StoryOptions): AgentStory {
  const run = begin(options).task().started();
  const [call] = run.answered([{ name: "add", params: { a: 1, b: 2 } }], { cost_nano_usd: 1_000_000 });
  run.toolDone(call!, { tool_name: "add", params: { a: 1, b: 2 }, result: 3 });
  run.answered([], { text: "It is 3." });
  return run.completed("It is 3.");
}

describe("a run with a tool", () => {
  let run: AgentStory;
  beforeAll(async () => {
    run = toolRun({ metadata: { thread_id: "t1" }, tenantId: "acme", idempotencyKey: "key-1" });
    await recorded.record();
  });

  test("is a row with what it was given, what it cost, and its answer (1)", async () => {
    expect(await store.getRun(run.runId)).toMatchObject({
      runId: run.runId,
      tenantId: "acme",
      retryOfRunId: null,
      parentRunId: null,
      agentName: "support",
      agentVersion: "1.2.0",
      strategy: "react",
      model: "anthropic:claude-sonnet-5-5",
      maxIterations: 10,
      maxDelegationDepth: null,
      delegationLevel: 0,
      status: "success",
      pause: null,
      metadata: { thread_id: "t1" },
      idempotencyKey: "key-1",
      input: { text: "add 1 and 2" },
      answer: "It is 3.",
      output: expect.objectContaining({ answer: "It is 3." }),
      iterationCount: 2,
      llmCallCount: 2,
      toolCallCount: 1,
      totalInputTokens: 30,
      totalOutputTokens: 12,
      totalCacheReadTokens: null,
      totalCacheCreationTokens: null,
      totalReasoningTokens: null,
      totalCostUsd: 0.001,
      unknownCostCount: 1,
      lastProgressAt: expect.any(Date),
    });
  });

  test("has its journal (1)", async () => {
    expect(await eventsOf(run)).toEqual([
      "0 run.started",
      "1 llm.completed",
      "2 tool.completed",
      "3 llm.completed",
      "4 run.completed",
    ]);
  });

  test("has its conversation (1)", async () => {
    const traces = await store.getTraces(run.runId);
    expect(traces.map(({ orderIndex, role, content }) => [orderIndex, role, content])).toEqual([
      [0, "user", "add 1 and 2"],
      [1, "assistant", ""],
      [2, "tool", "3"],
      [3, "assistant", "It is 3."],
    ]);
    const params = { a: 1, b: 2 };
    const call = { callId: "call_1", providerCallId: "toolu_1", toolName: "add", params };
    expect(traces[1]).toMatchObject({
      iteration: 1,
      toolCalls: [call],
      toolCallId: null,
      isError: false,
      isSeed: false,
    });
    expect(traces[2]).toMatchObject({ toolCalls: [], toolCallId: "call_1", toolName: "add", isError: false });
  });

  test("has its calls, and their journal entries name them (2)", async () => {
    const [calls, tools, events] = await Promise.all([
      store.getLlmCalls(run.runId),
      store.getToolInvocations(run.runId),
      store.getEvents(run.runId),
    ]);
    expect(calls).toHaveLength(2);
    expect(calls[0]).toEqual({
      id: "llm_1",
      sequenceIndex: 1,
      iteration: 1,
      provider: "anthropic",
      model: "claude-sonnet-5-5-20260101",
      success: true,
      error: null,
      inputTokens: 15,
      outputTokens: 6,
      totalTokens: 21,
      cacheReadInputTokens: null,
      cacheCreationInputTokens: null,
      reasoningTokens: null,
      costUsd: 0.001,
      durationMs: 120,
      finishReason: "stop",
      text: "",
      toolCalls: [{ callId: "call_1", providerCallId: "toolu_1", toolName: "add", params: { a: 1, b: 2 } }],
      reasoning: null,
      messages: null,
      providerRequest: null,
      providerResponse: null,
      guardrailFindings: null,
      createdAt: events[1]!.createdAt,
    });
    expect(tools).toEqual([
      {
        sequenceIndex: 2,
        iteration: 1,
        orderIndex: 2,
        toolCallId: "call_1",
        providerToolCallId: "toolu_1",
        toolName: "add",
        target: "server",
        params: { a: 1, b: 2 },
        result: 3,
        success: true,
        error: null,
        durationMs: 5,
        createdAt: events[2]!.createdAt,
      },
    ]);
    const correlated = (type: string) =>
      events.filter(({ eventType }) => eventType === type).map(({ correlationId }) => correlationId);
    expect(correlated("llm.completed")).toEqual(calls.map(({ id }) => id));
    expect(correlated("tool.completed")).toEqual(tools.map(({ toolCallId }) => toolCallId));
  });

  test("is found by its key, and by its retry", async () => {
    const retry = begin({ tenantId: "acme" }).task().started({ retry_of: run.runId });
    await recorded.record();
    const { runs } = await store.listRuns({ idempotencyKey: "key-1", tenantId: "acme", neuronId: "support" });
    expect(runs.map(({ runId }) => runId)).toEqual([run.runId]);
    expect((await store.listRuns({ retryOf: run.runId })).runs).toMatchObject([
      { runId: retry.runId, retryOfRunId: run.runId },
    ]);
  });

  test("its calls and messages come in pages (50)", async () => {
    const { runId } = run;
    expect(await store.getTraces(runId, { limit: 2, offset: 1 })).toMatchObject([{ orderIndex: 1 }, { orderIndex: 2 }]);
    expect(await store.getLlmCalls(runId, { limit: 1, offset: 1 })).toMatchObject([{ id: "llm_2" }]);
    expect(await store.getLlmCalls(runId, { iteration: 2 })).toMatchObject([{ id: "llm_2" }]);
    expect(await store.getToolInvocations(runId, { iteration: 2 })).toEqual([]);
    await expect(store.getTraces(runId, { limit: 0 })).rejects.toMatchObject({ code: "INVALID_FILTER" });
    await expect(store.getLlmCalls(runId, { itration: 1 } as never)).rejects.toMatchObject({ code: "INVALID_FILTER" });
  });
});

test("an answer without tools is one iteration (3)", async () => {
  const run = begin().task().started();
  run.answered([], { text: "Hello." });
  run.completed("Hello.");
  await recorded.record();
  expect(await eventsOf(run)).toEqual(["0 run.started", "1 llm.completed", "2 run.completed"]);
  expect(await store.getRun(run.runId)).toMatchObject({ status: "success", iterationCount: 1, answer: "Hello." });
});

test("a run that goes on has its totals so far, and null is not 0", async () => {
  const run = begin().task().started();
  await recorded.record();
  expect(await store.getRun(run.runId)).toMatchObject({ totalInputTokens: null, totalCostUsd: null, llmCallCount: 0 });
  run.answered([{ name: "add" }], { usage: usage(0, null, { cache_read_input_tokens: 7 }), cost_nano_usd: 0 });
  await recorded.record();
  expect(await store.getRun(run.runId)).toMatchObject({
    status: "running",
    totalInputTokens: 0,
    totalOutputTokens: null,
    totalCacheReadTokens: 7,
    totalCostUsd: 0,
    llmCallCount: 1,
    unknownCostCount: 0,
  });
  expect(await store.getLlmCalls(run.runId)).toMatchObject([{ inputTokens: 0, outputTokens: null, totalTokens: 0 }]);
  run.answered([], { usage: usage(5, 6), cost_nano_usd: 3 });
  await recorded.record();
  expect(await store.getRun(run.runId)).toMatchObject({
    totalInputTokens: 5,
    totalOutputTokens: 6,
    totalCacheReadTokens: 7,
    totalCostUsd: 3e-9,
    llmCallCount: 2,
  });
});

describe("pauses", () => {
  test("a client tool: only its call is pending, beside a tool that ran (4, 5)", async () => {
    const run = begin().task().started();
    const [add, sheet] = run.answered([{ name: "add" }, { name: "read_sheet", params: { cell: "A1" } }]);
    run.toolDone(add!, { tool_name: "add", result: 3 });
    const wanted = { callId: sheet!, name: "read_sheet", needs: "result", params: { cell: "A1" } } as const;
    run.paused("pause_1", "waiting_client_tool", [wanted], { assignees: ["ada"], expires_at: "2026-12-01T00:00:00Z" });
    await recorded.record();
    const pending = [
      {
        callId: sheet,
        providerCallId: "toolu_2",
        toolName: "read_sheet",
        params: { cell: "A1" },
        target: "client",
        needs: "result",
        childRunId: null,
        childAgent: null,
      },
    ];
    const pause = {
      pauseId: "pause_1",
      status: "waiting_client_tool",
      reason: "client_tool",
      question: "May I?",
      pending,
      options: [],
      assignees: ["ada"],
      expiresAt: new Date("2026-12-01T00:00:00Z"),
    };
    expect(await store.getRun(run.runId)).toMatchObject({ status: "waiting_client_tool", pause, iterationCount: 1 });
    expect((await store.listRuns({ assignee: "ada" })).runs).toMatchObject([{ runId: run.runId, pause }]);
    expect((await store.listRuns({ assignee: "bob" })).runs).toEqual([]);
    expect(await store.getPauses(run.runId)).toEqual([
      {
        ...pause,
        pauseSequenceIndex: 3,
        pauseAt: expect.any(Date),
        resumeSequenceIndex: null,
        resumeAt: null,
        resumedBy: null,
        isOpen: true,
        missing: pending,
        decisions: [],
        submittedResults: [],
        userInput: null,
      },
    ]);
    const result = { value: 7 };
    run.resumed("pause_1", "waiting_client_tool", "ada", [
      "tool.completed",
      run.toolData(sheet!, { tool_name: "read_sheet", target: "client", params: { cell: "A1" }, result }),
      sheet!,
    ]);
    run.answered([], { text: "7" });
    run.completed("7");
    await recorded.record();
    expect(await eventsOf(run)).toEqual([
      "0 run.started",
      "1 llm.completed",
      "2 tool.completed",
      "3 run.paused",
      "4 tool.completed",
      "5 run.resumed",
      "6 llm.completed",
      "7 run.completed",
    ]);
    expect(await store.getToolInvocations(run.runId)).toMatchObject([
      { toolName: "add", target: "server", orderIndex: 2 },
      { toolName: "read_sheet", target: "client", orderIndex: 3, result },
    ]);
    expect(await store.getPauses(run.runId)).toMatchObject([
      {
        resumeSequenceIndex: 5,
        resumedBy: "ada",
        isOpen: false,
        missing: [],
        submittedResults: [{ callId: sheet, toolName: "read_sheet", success: true }],
      },
    ]);
    expect(await store.getRun(run.runId)).toMatchObject({ status: "success", pause: null, totalInputTokens: 30 });
    expect((await store.getTraces(run.runId)).map(({ orderIndex }) => orderIndex)).toEqual([0, 1, 2, 3, 4]);
    expect((await store.listRuns({ assignee: "ada" })).runs).toEqual([]);
  });

  test("an approval: nothing has run when it waits, and who approved is on record (10, 11)", async () => {
    const run = begin().task().started();
    const [call] = run.answered([{ name: "refund" }]);
    run.append(["approval.requested", { call_id: call, tool_name: "refund", reason: "requires_approval" }, call]);
    run.paused("pause_1", "waiting_approval", [{ callId: call!, name: "refund", needs: "approval" }]);
    await recorded.record();
    expect(await store.getToolInvocations(run.runId)).toEqual([]);
    expect(await store.getRun(run.runId)).toMatchObject({ status: "waiting_approval", pause: { reason: "approval" } });
    const decided = { call_id: call, tool_name: "refund", approved: true, by: "ada", reason: null };
    run.resumed("pause_1", "waiting_approval", "ada", ["approval.decided", decided, call!]);
    run.toolDone(call!, { tool_name: "refund" });
    run.answered([], { text: "Refunded." });
    run.completed("Refunded.");
    await recorded.record();
    expect(await eventsOf(run)).toEqual([
      "0 run.started",
      "1 llm.completed",
      "2 approval.requested",
      "3 run.paused",
      "4 approval.decided",
      "5 run.resumed",
      "6 tool.completed",
      "7 llm.completed",
      "8 run.completed",
    ]);
    expect(await store.getToolInvocations(run.runId)).toMatchObject([{ toolName: "refund", success: true }]);
    expect(await store.getPauses(run.runId)).toMatchObject([
      {
        decisions: [{ callId: call, toolName: "refund", approved: true, by: "ada", decidedAt: expect.any(Date) }],
        submittedResults: [], // the tool ran afterwards; nobody submitted it
        missing: [],
      },
    ]);
  });

  test("a rejection: the call failed with the reason, and the run went on (12)", async () => {
    const run = begin().task().started();
    const [call] = run.answered([{ name: "refund" }]);
    run.paused("pause_1", "waiting_approval", [{ callId: call!, name: "refund", needs: "approval" }]);
    const decided = { call_id: call, tool_name: "refund", approved: false, by: "ada", reason: "nope" };
    run.resumed("pause_1", "waiting_approval", "ada", ["approval.decided", decided, call!]);
    run.toolDone(call!, { tool_name: "refund", success: false, result: null, error: "nope" });
    run.answered([], { text: "I may not." });
    run.completed("I may not.");
    await recorded.record();
    expect(await store.getToolInvocations(run.runId)).toMatchObject([{ success: false, error: "nope", result: null }]);
    expect((await store.getTraces(run.runId))[2]).toMatchObject({ isError: true, content: '{"error":"nope"}' });
    expect(await store.getPauses(run.runId)).toMatchObject([{ decisions: [{ approved: false, reason: "nope" }] }]);
    expect(await store.getRun(run.runId)).toMatchObject({ status: "success" });
  });

  test("a part of the answers is shown while the rest is missing", async () => {
    const run = begin().task().started();
    const [one, two] = run.answered([{ name: "refund" }, { name: "ask_human" }]);
    run.paused("pause_1", "waiting_human_input", [
      { callId: one!, name: "refund", needs: "approval" },
      { callId: two!, name: "ask_human", needs: "input" },
    ]);
    run.toolDone(two!, { tool_name: "ask_human", result: "the blue one" });
    await recorded.record();
    expect(await store.getPauses(run.runId)).toMatchObject([
      {
        isOpen: true,
        missing: [{ callId: one, needs: "approval" }],
        submittedResults: [{ callId: two, toolName: "ask_human", success: true }],
        userInput: "the blue one",
      },
    ]);
  });

  test("two in one run: pairs in order, and the conversation goes on counting (49, 58)", async () => {
    const run = begin().task().started();
    for (const pause of ["pause_1", "pause_2"]) {
      const [call] = run.answered([{ name: "read_sheet" }]);
      run.paused(pause, "waiting_client_tool", [{ callId: call!, name: "read_sheet", needs: "result" }]);
      const data = run.toolData(call!, { tool_name: "read_sheet", target: "client" });
      run.resumed(pause, "waiting_client_tool", null, ["tool.completed", data, call!]);
    }
    run.answered([], { text: "done" });
    run.completed("done");
    await recorded.record();
    expect(await store.getPauses(run.runId)).toMatchObject([
      { pauseId: "pause_1", pauseSequenceIndex: 2, resumeSequenceIndex: 4, isOpen: false },
      { pauseId: "pause_2", pauseSequenceIndex: 6, resumeSequenceIndex: 8, isOpen: false },
    ]);
    expect((await store.getTraces(run.runId)).map(({ orderIndex }) => orderIndex)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await store.getRun(run.runId)).toMatchObject({ iterationCount: 3, llmCallCount: 3, totalInputTokens: 45 });
  });

  test("a paused run that was cancelled: its pause is neither open nor resumed, its totals stay (22)", async () => {
    const run = begin().task().started();
    const [call] = run.answered([{ name: "refund" }]);
    run.paused("pause_1", "waiting_approval", [{ callId: call!, name: "refund", needs: "approval" }]);
    run.cancelled("changed my mind", "ada");
    await recorded.record();
    expect((await eventsOf(run)).at(-1)).toBe("3 run.cancelled");
    expect(await store.getRun(run.runId)).toMatchObject({ status: "cancelled", pause: null, totalInputTokens: 15 });
    expect(await store.getPauses(run.runId)).toMatchObject([{ isOpen: false, resumeSequenceIndex: null }]);
  });
});

test("a denied call: its refusal is in the journal, its answer in the conversation (14)", async () => {
  const run = begin().task().started();
  const [call] = run.answered([{ name: "delete_account" }]);
  run.append(
    ["policy.denied", { call_id: call, tool_name: "delete_account", reason: "denied_by_policy" }, call],
    [
      "tool.completed",
      run.toolData(call!, { tool_name: "delete_account", success: false, result: { denied: "no" } }),
      call,
    ],
  );
  run.answered([], { text: "I may not." });
  run.completed("I may not.");
  await recorded.record();
  expect((await eventsOf(run))[2]).toBe("2 policy.denied");
  expect(await store.getToolInvocations(run.runId)).toMatchObject([{ success: false, result: { denied: "no" } }]);
  expect((await store.getTraces(run.runId))[2]).toMatchObject({ isError: true, content: '{"denied":"no"}' });
});

test("a run that used up its iterations has no answer (18)", async () => {
  const run = begin().task().started({ max_iterations: 1 });
  const [call] = run.answered([{ name: "add" }]);
  run.toolDone(call!, { tool_name: "add" }).completed(null, "max_iterations");
  await recorded.record();
  expect(await store.getRun(run.runId)).toMatchObject({ status: "max_iterations", answer: null, maxIterations: 1 });
});

test("a provider that fails: the call is on record, and the totals stay (19)", async () => {
  const run = begin().task().started();
  const [call] = run.answered([{ name: "add" }]);
  run.toolDone(call!, { tool_name: "add" });
  run.iteration++;
  const error = { code: "PROVIDER_OVERLOADED", message: "529" };
  const failed = { id: "llm_2", provider: "anthropic", model: "claude", error, usage: null, cost_nano_usd: null };
  run.append(["llm.failed", { ...failed, duration_ms: 9 }, "llm_2"]).failed(error.code, error.message);
  await recorded.record();
  expect(await store.getRun(run.runId)).toMatchObject({
    status: "error",
    error: { ...error, recoverable: false },
    totalInputTokens: 15,
    llmCallCount: 2,
    unknownCostCount: 1,
  });
  expect((await store.getLlmCalls(run.runId))[1]).toMatchObject({
    id: "llm_2",
    success: false,
    error,
    inputTokens: null,
    totalTokens: null,
    text: null,
    toolCalls: [],
  });
});

test("a retry: its conversation begins with that of the run it tries again (31)", async () => {
  const source = toolRun();
  const seed = [
    { role: "user", content: "add 1 and 2" },
    {
      role: "assistant",
      content: "",
      tool_calls: [{ call_id: "call_1", provider_call_id: null, tool_name: "add", params: { a: 1 } }, { broken: true }],
    },
    { role: "tool", content: "3", meta: { call_id: "call_1", tool_name: "add", is_error: false } },
    { role: "nobody", content: "?" },
  ];
  const run = begin().task().started({ retry_of: source.runId, seed, message: "again" });
  run.answered([], { text: "3" });
  run.completed();
  await recorded.record();
  expect(await store.getRun(run.runId)).toMatchObject({ retryOfRunId: source.runId });
  const same = { retry_of: source.runId, seed: [], message: "add 1 and 2", seed_after: seed.slice(1) };
  const goingOn = begin().task().started(same);
  await recorded.record();
  expect(await store.getTraces(goingOn.runId)).toMatchObject([
    { orderIndex: 0, role: "user", content: "add 1 and 2", isSeed: false },
    { orderIndex: 1, role: "assistant", isSeed: true },
    { orderIndex: 2, role: "tool", isSeed: true },
  ]);
  expect(await store.getTraces(run.runId)).toMatchObject([
    { orderIndex: 0, role: "user", content: "add 1 and 2", isSeed: true },
    { orderIndex: 1, role: "assistant", toolCalls: [{ callId: "call_1", params: { a: 1 } }], isSeed: true },
    { orderIndex: 2, role: "tool", toolCallId: "call_1", toolName: "add", isSeed: true },
    { orderIndex: 4, role: "user", content: "again", isSeed: false },
    { orderIndex: 5, role: "assistant", content: "3", isSeed: false },
  ]);
});

test("earlier chat, context and prompt are in run.started and no part of the conversation (51)", async () => {
  const history = [
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Hello" },
  ] as const;
  const run = begin()
    .task()
    .started({ history: [...history], message: "add 1 and 2" });
  await recorded.record();
  expect(await store.getTraces(run.runId)).toMatchObject([{ orderIndex: 0, role: "user", content: "add 1 and 2" }]);
  expect((await store.getEvents(run.runId))[0]!.data).toMatchObject({ history, system_prompt: "You add." });
});

test("the model that answered is on the call, the one the run was given on the run (52)", async () => {
  const run = begin().task().started({ model: "anthropic:claude-opus-5-5" });
  run.answered([], { model: "claude-opus-5-5-20260201", provider_request: { model: "x" }, provider_response: [1] });
  await recorded.record();
  expect(await store.getRun(run.runId)).toMatchObject({ model: "anthropic:claude-opus-5-5" });
  expect(await store.getLlmCalls(run.runId)).toMatchObject([
    { model: "claude-opus-5-5-20260201", providerRequest: { model: "x" }, providerResponse: [1] },
  ]);
});

test("skills: their entries are in the journal, their use a tool call (53)", async () => {
  const run = begin().task().started();
  run.append(
    ["skill.registered", { skill_name: "pdf", description: "reads" }],
    ["skill.denied", { skill_name: "ppt", reason: "denied_by_policy" }],
  );
  const [call] = run.answered([{ name: "use_skill", params: { name: "pdf" } }]);
  run.append(
    ["skill.invoked", { skill_name: "pdf" }],
    ["tool.completed", run.toolData(call!, { tool_name: "use_skill", result: "# pdf" }), call],
  );
  await recorded.record();
  const events = await store.getEvents(run.runId);
  expect(events.slice(1, 3)).toMatchObject([
    { eventType: "skill.registered", iterationIndex: 0 },
    { eventType: "skill.denied", iterationIndex: 0 },
  ]);
  expect(events[4]).toMatchObject({ eventType: "skill.invoked", iterationIndex: 1 });
  expect(await store.getToolInvocations(run.runId)).toMatchObject([{ toolName: "use_skill", result: "# pdf" }]);
});

test("the placeholders of a run are those that all its guardrails made", async () => {
  const run = begin().task();
  const redacted = (mapping: unknown) =>
    ["guardrail.redacted", { direction: "incoming", entities: [], mapping }] as const;
  run.append(redacted({ "<<EMAIL_1>>": "ada@example.org" }), redacted({ "<<PHONE_1>>": "12" }), redacted("broken"));
  await recorded.record();
  expect(await store.getPiiMapping(run.runId)).toEqual({ "<<EMAIL_1>>": "ada@example.org", "<<PHONE_1>>": "12" });
});

test("a call says what guardrails found in what was new to it, and in its answer; never what", async () => {
  const run = begin().task().started();
  const found = (type: string, direction: string, findings: unknown) =>
    [`guardrail.${type}`, { guardrail: "pii", direction, findings }] as const;
  run.append(found("detected", "incoming", { EMAIL_ADDRESS: 1 }), found("detected", "incoming", "broken"));
  const [call] = run.answered([{ name: "a" }]);
  run.append(found("detected", "incoming", { EMAIL_ADDRESS: 2, US_SSN: 1 }));
  run.toolDone(call!, { tool_name: "a" });
  run.append(found("detected", "incoming", { EMAIL_ADDRESS: 1 }), found("blocked", "outgoing", { JWT: 1 }));
  run.answered([], {});
  run.answered([], {});
  await recorded.record();
  expect((await store.getLlmCalls(run.runId)).map(({ guardrailFindings }) => guardrailFindings)).toEqual([
    { incoming: { EMAIL_ADDRESS: 1 }, outgoing: {} },
    { incoming: { EMAIL_ADDRESS: 3, US_SSN: 1 }, outgoing: { JWT: 1 } },
    null,
  ]);
});

test("parallel tools that end in another order are listed as the model called them", async () => {
  const run = begin().task().started();
  const calls = run.answered([{ name: "a" }, { name: "b" }, { name: "c" }]);
  for (const at of [2, 0, 1]) run.toolDone(calls[at]!, { tool_name: "abc"[at]! });
  await recorded.record();
  expect((await store.getToolInvocations(run.runId)).map(({ toolName }) => toolName)).toEqual(["a", "b", "c"]);
  expect((await store.getTraces(run.runId)).map(({ toolName }) => toolName)).toEqual([null, null, "a", "b", "c"]);
});

describe("entries that are not as they should be", () => {
  test("one that does not fit its type is in the journal and nothing else, and its neighbours never notice", async () => {
    const run = begin().task().started();
    run.append(
      ["llm.completed", { id: 7 }],
      ["tool.completed", {}],
      ["llm.failed", { error: "text" }],
      ["run.paused", { status: "waiting_approval" }],
      ["run.completed", { status: "success" }],
      ["some.day", { new: true }],
    );
    run.answered([], { text: "fine" });
    await recorded.record();
    expect(await eventsOf(run)).toHaveLength(8);
    expect(await store.getLlmCalls(run.runId)).toMatchObject([{ text: "fine" }]);
    expect(await store.getToolInvocations(run.runId)).toEqual([]);
    expect(await store.getPauses(run.runId)).toEqual([]);
    expect(await store.getRun(run.runId)).toMatchObject({ llmCallCount: 1, toolCallCount: 0, answer: null });
    expect((await store.listDeadLetters({ code: "UNSTORABLE" })).deadLetters).toEqual([]);
  });

  test("what Postgres cannot hold is replaced, and the call is on record", async () => {
    const run = begin().task().started();
    const [call] = run.answered([{ name: "read" }], { text: "nul \0 and half \ud800" });
    run.toolDone(call!, { tool_name: "read", result: { text: "\0" } });
    await recorded.record();
    expect(await store.getLlmCalls(run.runId)).toMatchObject([{ text: "nul \ufffd and half \ufffd", inputTokens: 15 }]);
    expect(await store.getToolInvocations(run.runId)).toMatchObject([{ result: { text: "\ufffd" } }]);
    expect(await store.getTraces(run.runId)).toMatchObject([{}, {}, { content: '{"text":"\ufffd"}' }]);
    expect((await store.listDeadLetters({ code: "UNSTORABLE" })).deadLetters).toMatchObject([
      { runId: run.runId },
      { runId: run.runId },
    ]);
  });

  test("of two entries that claim one place the first in the log counts, in every table", async () => {
    const runId = newRunId();
    const one = begin({ runId }).task().started();
    const two = begin({ runId }).started({ model: "other:model" });
    one.answered([], { text: "first", cost_nano_usd: 1 });
    two.answered([], { text: "second", cost_nano_usd: 10 });
    await recorded.record();
    expect(await store.getRun(runId)).toMatchObject({
      model: "anthropic:claude-sonnet-5-5",
      llmCallCount: 1,
      totalCostUsd: 1e-9,
    });
    expect(await store.getLlmCalls(runId)).toMatchObject([{ text: "first" }]);
    expect(await store.getTraces(runId)).toMatchObject([{ role: "user" }, { content: "first" }]);
  });
});

test("an unknown run is null, or nothing", async () => {
  expect(await store.getRun("run_none")).toBeNull();
  expect(await store.getDelegation("run_none")).toBeNull();
  for (const rows of [
    store.getEvents("run_none"),
    store.getLlmCalls("run_none"),
    store.getToolInvocations("run_none"),
    store.getTraces("run_none"),
    store.getPauses("run_none"),
  ]) {
    expect(await rows).toEqual([]);
  }
  expect(await store.getPiiMapping("run_none")).toEqual({});
});

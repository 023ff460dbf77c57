import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { AgentStory } from "../../../../test/helpers/agent-story.ts";
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

function tell(agent: string, level: number, parentRunId?: string, cost: number | null = 10): AgentStory {
  const run = new AgentStory(recorded.log, { agent, parentRunId }).task().started({ delegation_level: level });
  run.answered([], { cost_nano_usd: cost });
  return run;
}

test("a family of three generations: who asked, who was asked, and what it cost (32)", async () => {
  const root = tell("boss", 0).completed();
  const child = tell("worker", 1, root.runId, null).failed();
  const other = tell("worker", 1, root.runId).completed();
  const grandchild = tell("helper", 2, child.runId);
  await recorded.record();

  const brief = (run: AgentStory, agentName: string, status: string, delegationLevel: number) => ({
    ...{ runId: run.runId, agentName, neuronId: agentName, status, delegationLevel },
  });
  const boss = brief(root, "boss", "success", 0);
  const failed = brief(child, "worker", "error", 1);
  expect(await store.getDelegation(root.runId)).toEqual({
    parent: null,
    children: [failed, brief(other, "worker", "success", 1)],
    ancestry: [],
    isAncestryComplete: true,
    subtree: {
      directChildCount: 2,
      descendantCount: 3,
      maxDepth: 2,
      inputTokens: 60,
      outputTokens: 24,
      costUsd: 30e-9,
      unknownCostCount: 1,
      statusCounts: { success: 2, error: 1, running: 1 },
    },
  });
  expect(await store.getDelegation(grandchild.runId)).toMatchObject({
    parent: { ...failed, isKnown: true },
    children: [],
    ancestry: [boss, failed],
    isAncestryComplete: true,
    subtree: { directChildCount: 0, descendantCount: 0, maxDepth: 0, costUsd: 10e-9 },
  });
});

test("a parent that is not there, and runs that are their own ancestors, are said (32)", async () => {
  const orphan = tell("worker", 1, "run_gone");
  const one = tell("worker", 1, "run_to_be");
  const two = tell("worker", 1, one.runId);
  await recorded.record();
  expect(await store.getDelegation(orphan.runId)).toMatchObject({
    parent: { runId: "run_gone", isKnown: false },
    ancestry: [],
    isAncestryComplete: false,
  });
  await recorded.query("UPDATE runs SET parent_run_id = $1 WHERE run_id = $2", [two.runId, one.runId]);
  expect(await store.getDelegation(one.runId)).toMatchObject({
    parent: { runId: two.runId, isKnown: true },
    ancestry: [{ runId: two.runId }],
    isAncestryComplete: false,
    subtree: { descendantCount: 1 },
  });
});

test("costs: by agent, model, day and metadata, of the runs that a filter passes", async () => {
  await using own = await withRecordedLog();
  await using costs = RunStore.fromDatabaseUrl(own.database.url);
  const tellOf = (agent: string, thread: string | undefined, answers: [model: string, cost: number | null][]) => {
    const metadata = thread === undefined ? {} : { thread_id: thread };
    const run = new AgentStory(own.log, { agent, metadata }).task().started();
    for (const [model, cost_nano_usd] of answers) run.answered([], { model, cost_nano_usd });
    return run;
  };
  tellOf("a", "t1", [
    ["small", 100],
    ["large", 1_000],
  ]);
  own.log.wait(86_400_000);
  tellOf("a", "t2", [["small", null]]);
  tellOf("b", "t1", [["small", 30]]);
  new AgentStory(own.log, { agent: "plain", metadata: { thread_id: "t1" } }).task(); // made no call: no line
  await own.record();

  const line = (key: string | null, runCount: number, calls: number, costUsd: number | null, unknownCostCount = 0) => ({
    ...{
      key,
      runCount,
      llmCallCount: calls,
      inputTokens: 15 * calls,
      outputTokens: 6 * calls,
      costUsd,
      unknownCostCount,
    },
    ...{ cacheReadInputTokens: null, cacheCreationInputTokens: null, reasoningTokens: null },
  });
  expect(await costs.getCosts({ by: "agent" })).toEqual([line("a", 2, 3, 1_100e-9, 1), line("b", 1, 1, 30e-9)]);
  expect(await costs.getCosts({ by: "model" })).toEqual([
    line("anthropic:large", 1, 1, 1_000e-9),
    line("anthropic:small", 3, 3, 130e-9, 1),
  ]);
  expect(await costs.getCosts({ by: "day" })).toEqual([
    line("2026-11-16", 1, 2, 1_100e-9),
    line("2026-11-17", 2, 2, 30e-9, 1),
  ]);
  expect(await costs.getCosts({ by: { metadata: "thread_id" } })).toEqual([
    line("t1", 2, 3, 1_130e-9),
    line("t2", 1, 1, null, 1),
  ]);
  expect(await costs.getCosts({ by: { metadata: "nobody's" } })).toMatchObject([{ key: null, runCount: 3 }]);
  const filter = { metadataFilter: { thread_id: "t1" } };
  expect(await costs.getCosts({ by: { metadata: "thread_id" }, filter })).toEqual([line("t1", 2, 3, 1_130e-9)]);
  expect(await costs.getCosts({ by: "model", filter, limit: 1 })).toMatchObject([{ key: "anthropic:large" }]);
  expect(await costs.getCosts({ by: "agent", filter: { agentName: "c" } })).toEqual([]);
  for (const by of ["year", {}, { metadata: "" }, null]) {
    await expect(costs.getCosts({ by } as never)).rejects.toMatchObject({ code: "INVALID_FILTER" });
  }
});

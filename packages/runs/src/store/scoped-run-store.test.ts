import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newTraceId } from "@myelin/bus";
import { AgentStory } from "../../../../test/helpers/agent-story.ts";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { withRecordedLog, type RecordedLog } from "../../../../test/helpers/with-recorded-log.ts";
import { RunStore } from "./run-store.ts";
import type { ScopedRunStore } from "./scoped-run-store.ts";

let recorded: RecordedLog;
let store: RunStore;
let acme: ScopedRunStore;
let globex: ScopedRunStore;
let nobody: ScopedRunStore;
const traceId = newTraceId();
const stories: Record<"acme" | "globex" | "nobody", AgentStory> = {} as never;

/** A run with something in every table: a pause that went on, a redaction, a dead letter. */
function tell(tenantId: string | undefined, parentRunId?: string): AgentStory {
  const run = new AgentStory(recorded.log, { tenantId, traceId, parentRunId, metadata: { team: "all" } })
    .task()
    .started();
  const [call] = run.answered([{ name: "refund" }], { cost_nano_usd: 5 });
  run.append(["guardrail.redacted", { direction: "incoming", entities: [], mapping: { "<<A_1>>": "secret" } }]);
  run.paused("pause_1", "waiting_approval", [{ callId: call!, name: "refund", needs: "approval" }]);
  run.toolDone(call!, { tool_name: "refund" });
  recorded.log.add({
    type: "ERROR",
    trace_id: traceId,
    directed: { id: "support", type: null, capabilities: [] },
    payload: { code: "BROKEN", message: "it broke", recoverable: false },
    meta: { run_id: run.runId, task_seq: 1, ...(tenantId !== undefined && { tenant_id: tenantId }) },
  });
  return run;
}

beforeAll(async () => {
  recorded = await withRecordedLog();
  stories.acme = tell("acme");
  stories.globex = tell("globex", stories.acme.runId);
  stories.nobody = tell(undefined);
  await recorded.record();
  store = RunStore.fromDatabaseUrl(recorded.database.url);
  acme = store.for({ tenantId: "acme" });
  globex = store.for({ tenantId: "globex" });
  nobody = store.for({ tenantId: null });
});
afterAll(async () => {
  await store.close();
  await recorded[Symbol.asyncDispose]();
});
expectNoLeaks();

/** Every question about one run, and what it gives for a run that is not there. */
const QUESTIONS: Record<string, [ask: (of: ScopedRunStore, run: AgentStory) => Promise<unknown>, nothing: unknown]> = {
  getRun: [(of, { runId }) => of.getRun(runId), null],
  getEvents: [(of, { runId }) => of.getEvents(runId), []],
  getLlmCalls: [(of, { runId }) => of.getLlmCalls(runId), []],
  getToolInvocations: [(of, { runId }) => of.getToolInvocations(runId), []],
  getTraces: [(of, { runId }) => of.getTraces(runId), []],
  getPauses: [(of, { runId }) => of.getPauses(runId), []],
  getPiiMapping: [(of, { runId }) => of.getPiiMapping(runId), {}],
  getDelegation: [(of, { runId }) => of.getDelegation(runId), null],
  getSignals: [(of, { runId }) => of.getSignals({ runId }), []],
  getSignal: [async (of, { runId }) => of.getSignal((await store.getSignals({ runId }))[0]!.id), null],
  getDeadLetter: [async (of, run) => of.getDeadLetter((await deadLetterOf(run)).id), null],
};
const deadLetterOf = async ({ runId }: AgentStory) =>
  (await store.listDeadLetters()).deadLetters.find((one) => one.runId === runId)!;

describe("H1: a store for one tenant", () => {
  test.each(Object.entries(QUESTIONS))(
    "%s gives what is its own, and nothing of others",
    async (_name, [ask, nothing]) => {
      expect(await ask(acme, stories.acme)).not.toEqual(nothing);
      expect(await ask(nobody, stories.nobody)).not.toEqual(nothing);
      for (const [of, run] of [
        [acme, stories.globex],
        [acme, stories.nobody],
        [globex, stories.acme],
        [nobody, stories.acme],
      ] as const) {
        expect(await ask(of, run)).toEqual(nothing);
      }
    },
  );

  test("lists, counts and sums its own", async () => {
    const { runId } = stories.acme;
    expect((await acme.listRuns()).runs).toMatchObject([{ runId }]);
    expect((await acme.listRuns({ metadataFilter: { team: "all" } })).runs).toMatchObject([{ runId }]);
    expect((await acme.listRuns({ tenantId: "globex" })).runs).toEqual([]);
    expect(await acme.countRuns()).toBe(1);
    expect(await store.countRuns()).toBe(3);
    for (const by of ["agent", "model", "day", { metadata: "team" }] as const) {
      expect(await acme.getCosts({ by })).toMatchObject([{ runCount: 1, costUsd: 5e-9 }]);
      expect(await store.getCosts({ by })).toMatchObject([{ runCount: 3, costUsd: 15e-9 }]);
    }
    expect((await acme.listDeadLetters()).deadLetters).toMatchObject([{ runId }]);
  });

  test("sees its own part of a trace that others share", async () => {
    const mine = await acme.getTraceTree(traceId);
    expect(mine.length).toBeGreaterThan(0);
    expect(new Set(mine.map(({ signal }) => signal.runId))).toEqual(new Set([stories.acme.runId]));
  });

  test("does not see whom others asked, or were asked by", async () => {
    expect(await store.getDelegation(stories.globex.runId)).toMatchObject({ parent: { isKnown: true } });
    expect(await globex.getDelegation(stories.globex.runId)).toMatchObject({
      parent: { runId: stories.acme.runId, isKnown: false },
      ancestry: [],
      isAncestryComplete: false,
    });
    expect(await acme.getDelegation(stories.acme.runId)).toMatchObject({
      children: [],
      subtree: { descendantCount: 0 },
    });
    expect(await store.getDelegation(stories.acme.runId)).toMatchObject({ subtree: { descendantCount: 1 } });
  });

  test("follows its own runs, and finds no others", async () => {
    const types: string[] = [];
    for await (const { eventType } of acme.streamEvents(stories.acme.runId)) types.push(eventType);
    expect(types[0]).toBe("run.started");
    await expect(acme.streamEvents(stories.globex.runId).next()).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });

  test("says whose it is, and refuses a scope that is none", () => {
    expect([acme.tenantId, nobody.tenantId]).toEqual(["acme", null]);
    expect(() => store.for({ tenantId: "" })).toThrow("tenantId");
    expect(() => store.for({} as never)).toThrow("tenantId");
  });
});

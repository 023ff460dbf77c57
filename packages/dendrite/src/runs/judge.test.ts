import { describe, expect, test } from "@jest/globals";
import { dataOf, journalState, type NewRunEvent, type PendingCall, type RunEventEntry } from "@myelin/bus/run-events";
import { placed } from "../axon/memory-journal.ts";
import { judge, type Judgement, type Submission } from "./judge.ts";

const NOW = new Date("2026-11-21T12:00:00.000Z");
const OPTIONS = { now: NOW, task: { id: "evt_WAKE", timeoutMs: 1_000 } };

const call = (call_id: string, needs: PendingCall["needs"]): PendingCall => ({
  call_id,
  provider_call_id: `vendor_${call_id}`,
  tool_name: `tool_${call_id}`,
  params: { of: call_id },
  target: needs === "approval" ? "server" : "client",
  needs,
  order_index: 3,
});

const paused = (pending: readonly PendingCall[], more: object = {}): NewRunEvent => ({
  event_type: "run.paused",
  iteration_index: 2,
  data: {
    pause_id: "pause_1",
    status: "waiting_approval",
    question: "may it?",
    pending: [...pending],
    expires_at: null,
    reason: "approval",
    ...more,
  },
});

const journalOf = (...entries: readonly NewRunEvent[]): RunEventEntry[] => entries.map((one, at) => placed(one, at));
const behind = (journal: readonly RunEventEntry[], added: readonly NewRunEvent[]): RunEventEntry[] => [
  ...journal,
  ...added.map((one, at) => placed(one, journal.length + at)),
];

const approve = (calls: Record<string, boolean> = {}, rest: boolean | null = true): Submission => ({
  kind: "approval",
  by: "ada",
  rest: rest === null ? null : { approved: rest, reason: "because" },
  calls: new Map(Object.entries(calls).map(([id, approved]) => [id, { approved, reason: null }])),
});
const say = (text: string, callId: string | null = null): Submission => ({ kind: "input", by: null, text, callId });
const give = (...ids: readonly string[]): Submission => ({
  kind: "results",
  by: null,
  results: ids.map((callId) => ({ callId, success: true, result: { of: callId }, error: null })),
});
const CANCEL: Submission = { kind: "cancel", by: "ada", reason: "enough" };

const taken = (judged: Judgement) => {
  if (!judged.ok) throw new Error(JSON.stringify(judged.refusal));
  return judged;
};
const refused = (judged: Judgement) => (judged.ok ? null : judged.refusal);

describe("judge", () => {
  test("an approval decides every call that waits, and the run goes on under the given task", () => {
    const journal = journalOf(paused([call("a", "approval"), call("b", "approval")]));
    const { entries, pending, isResumed } = taken(judge(journal, approve({ b: false }), OPTIONS));
    expect(entries).toEqual([
      {
        event_type: "approval.decided",
        iteration_index: 2,
        correlation_id: "a",
        data: { call_id: "a", tool_name: "tool_a", approved: true, by: "ada", reason: "because" },
      },
      {
        event_type: "approval.decided",
        iteration_index: 2,
        correlation_id: "b",
        data: { call_id: "b", tool_name: "tool_b", approved: false, by: "ada", reason: null },
      },
      {
        event_type: "run.resumed",
        iteration_index: 2,
        correlation_id: "pause_1",
        data: {
          pause_id: "pause_1",
          resumed_from: "waiting_approval",
          by: "ada",
          task: { id: "evt_WAKE", timeout_ms: 1_000 },
        },
      },
    ]);
    expect([pending, isResumed]).toEqual([[], true]);
  });

  test("decisions on some calls leave the run paused for the others; the last one brings it on", () => {
    const journal = journalOf(paused([call("a", "approval"), call("b", "approval")]));
    const first = taken(judge(journal, approve({ a: true }, null), OPTIONS));
    expect(first.entries.map(({ event_type }) => event_type)).toEqual(["approval.decided"]);
    expect([first.isResumed, first.pending.map(({ call_id }) => call_id)]).toEqual([false, ["b"]]);
    const second = taken(judge(behind(journal, first.entries), approve(), OPTIONS));
    expect(second.entries.map(({ correlation_id }) => correlation_id)).toEqual(["b", "pause_1"]);
  });

  test("results and answers carry what the call was, in its place of the conversation", () => {
    const journal = journalOf(paused([call("a", "result"), call("b", "input")], { status: "waiting_client_tool" }));
    const first = taken(judge(journal, give("a"), OPTIONS));
    expect(first.isResumed).toBe(false);
    expect(dataOf(placed(first.entries[0]!, 1), "tool.completed")).toMatchObject({
      call_id: "a",
      provider_call_id: "vendor_a",
      tool_name: "tool_a",
      params: { of: "a" },
      target: "client",
      success: true,
      result: { of: "a" },
      order_index: 3,
    });
    const second = taken(judge(behind(journal, first.entries), say("blue"), OPTIONS));
    expect(second.isResumed).toBe(true);
    expect(second.entries[0]).toMatchObject({ correlation_id: "b", data: { result: "blue" } });
  });

  test("a call in doubt takes a word or a result; a pause about no call takes a word", () => {
    const doubt = journalOf(paused([call("a", "approval")], { reason: "in_doubt" }));
    expect(taken(judge(doubt, give("a"), OPTIONS)).isResumed).toBe(true);
    expect(taken(judge(doubt, approve({}, false), OPTIONS)).isResumed).toBe(true);
    const budget = journalOf(paused([], { reason: "budget" }));
    expect(taken(judge(budget, approve(), OPTIONS)).entries[0]).toMatchObject({
      event_type: "approval.decided",
      data: { call_id: "pause_1", tool_name: "budget", approved: true },
    });
  });

  test.each<[string, RunEventEntry[], Submission, object]>([
    ["at work", journalOf(), approve(), { kind: "not-paused" }],
    [
      "over",
      journalOf({ event_type: "run.completed", data: { status: "max_iterations" } }),
      approve(),
      { kind: "terminal", status: "max_iterations" },
    ],
    [
      "cancelled in its pause",
      journalOf(paused([call("a", "approval")]), { event_type: "run.cancelled", data: { reason: null, by: null } }),
      approve(),
      { kind: "terminal", status: "cancelled" },
    ],
    [
      "expired",
      journalOf(paused([call("a", "approval")], { expires_at: NOW.toISOString() })),
      approve(),
      { kind: "expired", expiresAt: NOW },
    ],
    [
      "ended by its expiry",
      journalOf(paused([call("a", "approval")], { expires_at: NOW.toISOString() }), {
        event_type: "run.error",
        data: { code: "DEADLINE_EXCEEDED", message: "" },
      }),
      approve(),
      { kind: "expired", expiresAt: NOW },
    ],
    [
      "for something else",
      journalOf(paused([call("a", "result")], { status: "waiting_client_tool" })),
      say("hi"),
      { kind: "mismatch", currentStatus: "waiting_client_tool", expectedStatus: "waiting_human_input" },
    ],
    ["unknown call", journalOf(paused([call("a", "approval")])), approve({ z: true }), { kind: "invalid" }],
    ["two results", journalOf(paused([call("a", "result")])), give("a", "a"), { kind: "invalid" }],
    ["a result for an approval", journalOf(paused([call("a", "approval")])), give("a"), { kind: "mismatch" }],
    [
      "which question?",
      journalOf(paused([call("a", "input"), call("b", "input")])),
      say("blue"),
      { kind: "invalid", detail: expect.stringContaining("a, b") as unknown },
    ],
  ])("refuses a submission to a run that is %s", (_what, journal, submission, refusal) => {
    expect(refused(judge(journal, submission, OPTIONS))).toMatchObject(refusal);
  });

  test("what somebody has answered is claimed", () => {
    const journal = journalOf(paused([call("a", "result"), call("b", "result")]));
    const next = behind(journal, taken(judge(journal, give("a"), OPTIONS)).entries);
    expect(refused(judge(next, give("a"), OPTIONS))).toEqual({ kind: "claimed", what: "call a" });
    expect(refused(judge(next, give("b", "a"), OPTIONS))).toEqual({ kind: "claimed", what: "call a" });
  });

  test("J1: submissions in any order, judged one behind the other, resume a pause once and answer each call once", () => {
    // A small generator, so that a failure can be run again by its seed.
    for (let seed = 1; seed <= 100; seed++) {
      const random = generator(seed);
      const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
      const needs = ["approval", "result", "input"] as const;
      const calls = Array.from({ length: Math.floor(random() * 5) }, (_, at) => call(`c${at}`, pick(needs)));
      let journal = journalOf(paused(calls, { reason: pick(["approval", "in_doubt"]) }));
      for (let turn = 0; turn < 12; turn++) {
        const id = `c${Math.floor(random() * 6)}`;
        const submission = pick([
          approve({ [id]: random() < 0.5 }, pick([null, true, false])),
          approve({}, true),
          say("text", pick([null, id])),
          give(id),
          give(id, `c${Math.floor(random() * 6)}`),
          ...(random() < 0.1 ? [CANCEL] : []),
        ]);
        const before = journalState(journal);
        const judged = judge(journal, submission, OPTIONS);
        if (!judged.ok) continue;
        expect(before.pause).not.toBeNull();
        journal = behind(journal, judged.entries);
        const after = journalState(journal);
        expect(after.pause === null).toBe(judged.isResumed || submission.kind === "cancel");
        if (after.pause) expect(after.pause.missing).toEqual(judged.pending);
      }
      const count = (type: string, id?: string) =>
        journal.filter((one) => one.event_type === type && (id === undefined || one.correlation_id === id)).length;
      expect(count("run.resumed") + count("run.cancelled")).toBeLessThanOrEqual(1);
      for (const { call_id } of calls) {
        expect(count("approval.decided", call_id) + count("tool.completed", call_id)).toBeLessThanOrEqual(1);
      }
      if (count("run.resumed") === 1) {
        for (const { call_id } of calls) {
          expect(count("approval.decided", call_id) + count("tool.completed", call_id)).toBe(1);
        }
      }
    }
  });
});

/** mulberry32 */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

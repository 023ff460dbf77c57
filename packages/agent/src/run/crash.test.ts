/**
 * Crashes in process: a start that ends at any append, and another that goes on from what the log has by then. What a
 * kill of a real worker does is test/integration's.
 */
import { describe, expect, test } from "@jest/globals";
import type { RunEventEntry } from "@myelin/bus/run-events";
import { scriptedModel, type ScriptedAnswer } from "@myelin/neuron/testing";
import fc from "fast-check";
import { z } from "zod";
import {
  answerTo,
  approveAll,
  comparable,
  dataOfAll,
  decision,
  openPause,
  recordedJournal,
  runThrough,
  startAgent,
  submit,
  typesOf,
  type Answerer,
  type RecordedJournal,
} from "../../../../test/helpers/agent-run.ts";
import { askHuman } from "../ask-human.ts";
import { defineAgent } from "../definition/define-agent.ts";
import { secrets } from "../guardrails/secrets.ts";
import { tool } from "../tool.ts";

const names = ["look", "pay", "read_sheet", "ask_human", "nobody", "banned", "alone"] as const;
type Name = (typeof names)[number];

/** An agent that makes these calls, answer by answer, and what it did outside. The model answers by how far the conversation is. */
function agentThatCalls(turns: readonly (readonly Name[])[]) {
  const effects: string[] = [];
  const server = (name: string, options: { idempotent?: boolean; parallel?: boolean } = {}) =>
    tool({
      name,
      description: name,
      input: z.object({ n: z.string() }),
      run: ({ n }, ctx) => {
        effects.push(`${name} ${n}`);
        return { n, key: ctx.key.length };
      },
      ...options,
    });
  const model = scriptedModel(({ request }): ScriptedAnswer => {
    const at = request.messages.filter(({ role }) => role === "assistant").length;
    const calls = turns[at] ?? [];
    const params = (call: number) => ({ n: `${at}.${call}`, question: "Well?" });
    return { text: `answer ${at}`, toolCalls: calls.map((name, call) => ({ name, params: params(call) })) };
  });
  const agent = defineAgent({
    name: "support",
    model,
    prompt: "You help.",
    tools: [
      server("look", { idempotent: true }),
      server("pay"),
      server("alone", { parallel: false }),
      server("banned"),
      tool({ name: "read_sheet", description: "Reads.", input: z.looseObject({}), target: "client" }),
      askHuman(),
    ],
    requireApproval: ["pay"],
    deny: ["banned"],
    budget: { maxTokens: 50, onExceeded: "warn" },
    maxIterations: 5,
  });
  return { agent, model, effects };
}

const answer: Answerer = (paused) =>
  paused.pending.map((call) => (call.needs === "approval" ? decision(call, true) : answerTo(call, "given")));

/** The process dies as it begins this append: the log does not have it, and nothing is done behind it. */
class Died extends Error {}
const dyingAt = (at: number, before: readonly RunEventEntry[] = []): RecordedJournal => {
  let appends = 0;
  let isDead = false;
  return recordedJournal(before, () => {
    isDead ||= appends++ === at;
    if (isDead) throw new Died();
  });
};

describe("J2: a start that goes on after a crash", () => {
  const turns: Name[][] = [["pay", "look", "nobody"], ["read_sheet", "banned", "look"], ["alone", "alone"], []];

  test("at any append gives the journal of an undisturbed run, and repeats nothing that was on record", async () => {
    const whole = agentThatCalls(turns);
    const undisturbed = await runThrough(whole.agent, "go", { answer });
    const { appends } = undisturbed.journal;
    expect(appends.length).toBeGreaterThan(8);
    for (let at = 0; at < appends.length; at++) {
      const { agent, effects, model } = agentThatCalls(turns);
      const dying = dyingAt(at);
      await runThrough(agent, "go", { journal: dying, answer }).catch(() => {});
      expect(dying.entries).toEqual(dying.appends.flat());
      const journal = recordedJournal(dying.entries);
      const { returned, thrown } = await runThrough(agent, "go", { journal, answer: answerInDoubt });
      expect(thrown).toBeUndefined();
      expect(returned).toMatchObject({ status: "success", answer: "answer 3" });

      const inDoubt = dataOfAll(journal.entries, "run.paused").filter(({ reason }) => reason === "in_doubt");
      if (inDoubt.length === 0) expect(comparable(journal.entries)).toEqual(comparable(undisturbed.journal.entries));
      expect(withoutLook(effects)).toEqual(withoutLook(whole.effects));
      expect(model.calls.length).toBeLessThanOrEqual(whole.model.calls.length + 1);
    }
  });

  /** What may have happened has: it is left, and the effect is not doubled. */
  const answerInDoubt: Answerer = (paused) =>
    paused.reason === "in_doubt" ? paused.pending.map((call) => decision(call, false)) : answer(paused);
  const withoutLook = (effects: readonly string[]) => effects.filter((one) => !one.startsWith("look")).sort();

  test("in a tool that is not idempotent asks whether to run it again, and does as it is told", async () => {
    for (const [again, times, text] of [
      [true, 2, "alone 0.0"],
      [false, 1, "It is not known"],
    ] as const) {
      const { agent, effects, model } = agentThatCalls([["alone"], []]);
      const dying = dyingAt(1);
      await startAgent(agent, "go", { journal: dying });
      expect(typesOf(dying.entries)).toEqual(["run.started", "llm.completed", "tool.started"]);
      const journal = recordedJournal(dying.entries);
      const { returned } = await startAgent(agent, "go", { journal });
      expect(returned).toMatchObject({ kind: "pause", status: "waiting_approval" });
      expect(openPause(journal.entries)).toMatchObject({ reason: "in_doubt", pending: [{ tool_name: "alone" }] });
      expect(effects).toHaveLength(1);
      await submit(journal, [decision(openPause(journal.entries).pending[0]!, again)], "evt_2");
      const { returned: end } = await startAgent(agent, "go", { journal, taskId: "evt_2" });
      expect(end).toMatchObject({ answer: "answer 1" });
      expect(effects).toHaveLength(times);
      const last = JSON.stringify(model.calls.at(-1)!.request.messages.at(-1));
      expect(last).toContain(again ? "0.0" : text);
    }
  });

  test("in a tool that is run again and dies again asks again", async () => {
    const { agent } = agentThatCalls([["alone"], []]);
    const first = dyingAt(1);
    await startAgent(agent, "go", { journal: first });
    const asked = recordedJournal(first.entries);
    await startAgent(agent, "go", { journal: asked });
    await submit(asked, approveAll(openPause(asked.entries))!, "evt_2");
    const second = dyingAt(1, asked.entries);
    await startAgent(agent, "go", { journal: second, taskId: "evt_2" });
    expect(typesOf(second.entries).at(-1)).toBe("tool.started");
    const { returned } = await startAgent(agent, "go", { journal: second, taskId: "evt_2" });
    expect(returned).toBeUndefined(); // the log is still away
    const { returned: again } = await startAgent(agent, "go", {
      journal: recordedJournal(second.entries),
      taskId: "evt_2",
    });
    expect(again).toMatchObject({ kind: "pause", context: { reason: "in_doubt" } });
  });

  test("in an idempotent tool just runs it again, under the same key", async () => {
    const keys: string[] = [];
    const model = scriptedModel(({ request }) =>
      request.messages.length === 2 ? { toolCalls: [{ name: "put" }] } : "done",
    );
    const put = tool({
      name: "put",
      description: "Puts.",
      input: z.object({}),
      idempotent: true,
      run: (_, ctx) => void keys.push(ctx.key),
    });
    const agent = defineAgent({ name: "support", model, prompt: "p", tools: [put] });
    const dying = dyingAt(1);
    await startAgent(agent, "go", { journal: dying });
    const journal = recordedJournal(dying.entries);
    expect((await startAgent(agent, "go", { journal })).returned).toMatchObject({ answer: "done" });
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
    expect(dataOfAll(journal.entries, "tool.started")).toHaveLength(1);
  });

  test("after its end was put on record gives the same reply, and calls nobody", async () => {
    const { agent, model } = agentThatCalls([["look"], []]);
    const first = await startAgent(agent, "go");
    const calls = model.calls.length;
    const again = await startAgent(agent, "go", { journal: first.journal });
    expect(again.returned).toEqual(first.returned);
    expect(model.calls).toHaveLength(calls);
  });

  test("after a guardrail stopped it fails again, and does not go on with what is left of the message", async () => {
    const model = scriptedModel(["never"]);
    const agent = defineAgent({ name: "support", model, prompt: "p", guardrails: [secrets()] });
    const first = await startAgent(agent, `My key is AKIA${"Q7ZK4M2N8P3R5T6V"}`);
    const again = await startAgent(agent, "go", { journal: recordedJournal(first.journal.entries) });
    expect(again.thrown).toEqual(first.thrown);
    expect(again.thrown).toMatchObject({ code: "GUARDRAIL_BLOCKED" });
    expect(model.calls).toEqual([]);
  });

  test("in any run, at any two appends, ends as the undisturbed run does", async () => {
    const turn = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 4 });
    const cuts = fc.tuple(fc.nat(12), fc.nat(12));
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { maxLength: 3 }), cuts, async (some, [first, second]) => {
        const script = [...some, []] as Name[][];
        const whole = await runThrough(agentThatCalls(script).agent, "go", { answer });
        const { agent, effects } = agentThatCalls(script);
        const one = dyingAt(first);
        await runThrough(agent, "go", { journal: one, answer: answerInDoubt }).catch(() => {});
        const two = dyingAt(second, one.entries);
        await runThrough(agent, "go", { journal: two, answer: answerInDoubt }).catch(() => {});
        const journal = recordedJournal(two.entries);
        const { returned } = await runThrough(agent, "go", { journal, answer: answerInDoubt });
        expect(returned).toEqual(whole.returned);
        expect(new Set(withoutLook(effects)).size).toBe(withoutLook(effects).length);
        expectWhole(journal.entries);
      }),
      { numRuns: 25 },
    );
  });
});

/** Each call has one answer, and the places of the conversation are gapless. */
function expectWhole(entries: readonly RunEventEntry[]): void {
  const asked = dataOfAll(entries, "llm.completed").flatMap((data) => data["tool_calls"] as { call_id: string }[]);
  const answered = dataOfAll(entries, "tool.completed").map((data) => data["call_id"]);
  expect([...answered].sort()).toEqual(asked.map(({ call_id }) => call_id).sort());
  const places = [...dataOfAll(entries, "llm.completed"), ...dataOfAll(entries, "tool.completed")];
  expect(places.map((data) => Number(data["order_index"])).sort((a, b) => a - b)).toEqual(
    places.map((_, at) => at + 1),
  );
}

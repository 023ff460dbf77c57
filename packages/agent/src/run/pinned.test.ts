/** What a run may do is what it began with, whatever its agent has become: never freer, and what was forbidden since stays so. */
import { describe, expect, test } from "@jest/globals";
import { scriptedModel, type ScriptedAnswer } from "@myelin/neuron/testing";
import { z } from "zod";
import {
  answerTo,
  approveAll,
  dataOfAll,
  isPause,
  openPause,
  recordedJournal,
  startAgent,
  submit,
  type Answerer,
  type RecordedJournal,
} from "../../../../test/helpers/agent-run.ts";
import { askHuman } from "../ask-human.ts";
import type { AgentOptions } from "../definition/agent-options.ts";
import { defineAgent } from "../definition/define-agent.ts";
import type { Guardrail } from "../guardrail.ts";
import { pii } from "../guardrails/pii.ts";
import { tool } from "../tool.ts";

type Script = Parameters<typeof scriptedModel>[0];
const call = (...names: string[]): ScriptedAnswer => ({ toolCalls: names.map((name) => ({ name })) });

function agentWith(script: Script, options: Partial<AgentOptions> = {}) {
  const model = scriptedModel(script);
  return { model, agent: defineAgent({ name: "support", model, prompt: "You help.", ...options }) };
}

/** A tool that keeps what it was given. */
function payTool(options: { maxCallsPerRun?: number; idempotent?: boolean } = {}) {
  const given: unknown[] = [];
  const run = (params: unknown) => {
    given.push(params);
    return "paid to bob@x.org";
  };
  const input = z.looseObject({});
  return { given, pay: tool({ name: "pay", description: "Pays.", input, run, ...options }) };
}

/** Begin a run that waits, then say what it waits for. */
async function begun(options: Partial<AgentOptions>, script: Script, answer: Answerer = approveAll) {
  const { journal, returned } = await startAgent(agentWith(script, options).agent, "I am ann@x.org");
  expect(isPause(returned)).toBe(true);
  await submit(journal, answer(openPause(journal.entries))!, "evt_2");
  return journal;
}

const goOn = (journal: RecordedJournal, options: Partial<AgentOptions>, script: Script = ["done"]) => {
  const { agent, model } = agentWith(script, options);
  return startAgent(agent, "I am ann@x.org", { journal, taskId: "evt_2" }).then((started) => ({ ...started, model }));
};

const results = ({ entries }: RecordedJournal) => dataOfAll(entries, "tool.completed").map(({ result }) => result);

describe("rules about tools", () => {
  const DENIED = { denied: "Tool 'pay' is denied by policy." };

  test("what was denied when the run began is denied by an agent that allows it", async () => {
    const { pay, given } = payTool();
    const journal = await begun({ tools: [pay, askHuman()], deny: ["pay"] }, [ask()], saying("go"));
    await goOn(journal, { tools: [pay, askHuman()] }, [call("pay"), "done"]);
    expect(results(journal)).toEqual(["go", DENIED]);
    expect(given).toEqual([]);
  });

  test("what is denied since then is denied, though somebody has approved it", async () => {
    const { pay, given } = payTool();
    const journal = await begun({ tools: [pay], requireApproval: ["pay"] }, [call("pay")]);
    const { returned } = await goOn(journal, { tools: [pay], deny: ["pay"] });
    expect(returned).toMatchObject({ answer: "done" });
    expect(results(journal)).toEqual([DENIED]);
    expect(given).toEqual([]);
  });

  test("what asked when the run began asks again, by an agent that does not ask", async () => {
    const { pay, given } = payTool();
    const journal = await begun({ tools: [pay], requireApproval: ["pay"] }, [call("pay")]);
    const { returned } = await goOn(journal, { tools: [pay] }, [call("pay"), "done"]);
    expect(returned).toMatchObject({ kind: "pause", status: "waiting_approval" });
    expect(given).toHaveLength(1);
  });

  test("what asks since then asks", async () => {
    const { pay, given } = payTool();
    const journal = await begun({ tools: [pay, askHuman()] }, [ask()], saying("go"));
    const { returned } = await goOn(journal, { tools: [pay, askHuman()], requireApproval: ["pay"] }, [call("pay")]);
    expect(returned).toMatchObject({ kind: "pause", status: "waiting_approval" });
    expect(given).toEqual([]);
  });

  test.each([
    ["of the run", 1, undefined],
    ["of the agent now", undefined, 1],
  ])("the tighter limit of calls holds: that %s", async (_whose, then, now) => {
    const first = payTool({ ...(then !== undefined && { maxCallsPerRun: then }) });
    const second = payTool({ ...(now !== undefined && { maxCallsPerRun: now }) });
    const journal = await begun({ tools: [first.pay], requireApproval: ["pay"] }, [call("pay")]);
    const wake = await goOn(journal, { tools: [second.pay] }, [call("pay")]);
    expect(isPause(wake.returned)).toBe(true);
    await submit(journal, approveAll(openPause(journal.entries))!, "evt_3");
    const { agent } = agentWith(["done"], { tools: [second.pay] });
    await startAgent(agent, "Hi", { journal, taskId: "evt_3" });
    expect(second.given).toHaveLength(1);
    expect(results(journal)[1]).toEqual({ limit: "Tool 'pay' may be called 1 time in a run, and has been." });
  });

  test("a call that was begun before its tool was denied is told as one that may have happened, and is not run again", async () => {
    const { pay, given } = payTool({ idempotent: true });
    const cut = recordedJournal([], (added) => {
      if (added.some(({ event_type }) => event_type === "tool.completed")) throw new Error("the worker died");
    });
    await startAgent(agentWith([call("pay"), "done"], { tools: [pay] }).agent, "Hi", { journal: cut });
    expect(given).toHaveLength(1);
    const journal = recordedJournal(cut.entries);
    await startAgent(agentWith(["done"], { tools: [pay], deny: ["pay"] }).agent, "Hi", { journal });
    expect(given).toHaveLength(1);
    expect(results(journal)).toEqual([
      { error: `It is not known whether this call happened: what ran it died in it. ${DENIED.denied}` },
    ]);
  });
});

test("how long it asks, and whom, is as it was begun", async () => {
  const tools = [payTool().pay];
  const asking = { tools, requireApproval: ["pay"] };
  const journal = await begun({ ...asking, approvalExpiresMs: 60_000, assignees: ["ann"] }, [call("pay")]);
  await goOn(journal, { ...asking, assignees: ["bob"] }, [call("pay")]);
  const [first, second] = dataOfAll(journal.entries, "run.paused");
  expect(second).toMatchObject({ assignees: ["ann"], expires_at: expect.any(String) });
  expect(first).toMatchObject({ assignees: ["ann"] });
  const open = await begun(asking, [call("pay")]);
  await goOn(open, { ...asking, approvalExpiresMs: 60_000 }, [call("pay")]);
  expect(dataOfAll(open.entries, "run.paused")[1]).toMatchObject({ expires_at: null });
});

describe("skills", () => {
  const skill = (name: string, body = `Do ${name}.`) => ({ name, description: "d", body });
  const read = (...names: string[]): ScriptedAnswer => ({
    toolCalls: names.map((name) => ({ name: "use_skill", params: { name } })),
  });

  test("are those of the run that are still there: neither one that came since nor one that was denied is read", async () => {
    const journal = await begun({ tools: [askHuman()], skills: [skill("a"), skill("b")] }, [ask()], saying("go"));
    const now = { skills: [skill("a", "New."), skill("b"), skill("c")], denySkills: ["b"] };
    await goOn(journal, { tools: [askHuman()], ...now }, [read("a", "b", "c"), "done"]);
    expect(results(journal).slice(1)).toEqual([
      "New.",
      "Skill 'b' not found. Available: a",
      "Skill 'c' not found. Available: a",
    ]);
  });

  test("a run whose skills are all denied since goes on without them", async () => {
    const skills = [skill("a")];
    const journal = await begun({ tools: [askHuman()], skills }, [ask()], saying("go"));
    const { returned } = await goOn(journal, { tools: [askHuman()], skills, denySkills: ["a"] }, [read("a"), "done"]);
    expect(returned).toMatchObject({ answer: "done" });
  });
});

describe("guardrails", () => {
  const code = (options: Partial<Guardrail> = {}): Guardrail => ({
    name: "mine",
    action: "redact",
    scan: (text) =>
      [...text.matchAll(/secret/g)].map(({ index }) => ({ entity: "WORD", start: index, end: index + 6 })),
    ...options,
  });

  test.each<[string, readonly Guardrail[]]>([
    ["was taken out", []],
    ["only warns now", [pii({ action: "warn" })]],
    ["looks for less", [pii({ entities: ["US_SSN"] })]],
  ])(
    "one of patterns that %s masks for the run all the same, and its placeholders stand for what they stood",
    async (_what, guardrails) => {
      const { pay, given } = payTool();
      const script = [{ toolCalls: [{ name: "pay", params: { to: "<<EMAIL_ADDRESS_1>>" } }] }];
      const journal = await begun({ tools: [pay], requireApproval: ["pay"], guardrails: [pii()] }, script);
      const { returned, model } = await goOn(journal, { tools: [pay], guardrails }, ["Bye <<EMAIL_ADDRESS_1>>"]);
      expect(given).toEqual([{ to: "ann@x.org" }]);
      expect(results(journal)).toEqual(["paid to <<EMAIL_ADDRESS_2>>"]);
      expect(JSON.stringify(model.calls)).not.toContain("@x.org");
      expect(returned).toMatchObject({ answer: "Bye ann@x.org" });
    },
  );

  test("one that is there as it was is not applied twice", async () => {
    const { pay } = payTool();
    const options = { tools: [pay], requireApproval: ["pay"], guardrails: [pii({ action: "warn" })] };
    const journal = await begun(options, [call("pay")]);
    await goOn(journal, { ...options, guardrails: [pii({ action: "warn" })] });
    // What the user said, and what the tool gave.
    expect(dataOfAll(journal.entries, "guardrail.detected")).toHaveLength(2);
  });

  test.each<[string, readonly Guardrail[]]>([
    ["is gone", []],
    ["does less", [code({ action: "warn" })]],
    ["looks one way only", [code({ directions: ["incoming"] })]],
  ])("one of code that %s ends the run: nobody could look in its place", async (_what, guardrails) => {
    const { pay, given } = payTool();
    const journal = await begun({ tools: [pay], requireApproval: ["pay"], guardrails: [code()] }, [call("pay")]);
    const { thrown, model } = await goOn(journal, { tools: [pay], guardrails });
    expect(thrown).toMatchObject({ code: "AGENT_CHANGED", message: expect.stringContaining('no guardrail "mine"') });
    expect([given, model.calls]).toEqual([[], []]);
  });

  test("one of code that does more goes on with the run", async () => {
    const { pay } = payTool();
    const journal = await begun({ tools: [pay], requireApproval: ["pay"], guardrails: [code()] }, [call("pay")]);
    const { returned } = await goOn(journal, { tools: [pay], guardrails: [code({ action: "block" })] });
    expect(returned).toMatchObject({ answer: "done" });
  });

  test("one that came since then looks through what was submitted before it came", async () => {
    const journal = await begun({ tools: [askHuman()] }, [ask()], saying("call bob@x.org"));
    const { model } = await goOn(journal, { tools: [askHuman()], guardrails: [pii()] });
    expect(model.calls[0]!.request.messages.at(-1)).toMatchObject({ content: "call <<EMAIL_ADDRESS_1>>" });
  });
});

function ask(): ScriptedAnswer {
  return { toolCalls: [{ name: "ask_human", params: { question: "What now?" } }] };
}
function saying(text: string): Answerer {
  // As a submitter writes it: `by` says that it came from outside.
  return ({ pending }) =>
    pending.map((one) => {
      const entry = answerTo(one, text);
      return { ...entry, data: { ...entry.data, by: "ada" } };
    });
}

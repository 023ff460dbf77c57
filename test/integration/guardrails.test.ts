/** Guardrails from end to end: callers, workers, submitters and watchers of a run, each in a Dendrite of its own. */
import { describe, expect, test } from "@jest/globals";
import { agentTool, askHuman, defineAgent, pii, secrets, tool, type AgentOptions } from "@myelin/agent";
import { Axon, GuardrailBlockedError, type RunStreamEvent } from "@myelin/dendrite";
import type { ToolSource } from "@myelin/neuron";
import { scriptedModel, type ScriptedAnswer } from "@myelin/neuron/testing";
import { z } from "zod";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { until, withFleet, type Fleet } from "../helpers/with-fleet.ts";

const MAIL = "bob@planted.example";
const OTHER = "ann@planted.example";
const TOKEN = `gh${"p_"}${"a1B2".repeat(9)}`;

type Script = Parameters<typeof scriptedModel>[0];
const call = (name: string, params: Record<string, unknown> = {}): ScriptedAnswer => ({
  toolCalls: [{ name, params }],
});

function agentWith(script: Script, options: Partial<AgentOptions> = {}) {
  const model = scriptedModel(script);
  const guardrails = [pii(), secrets()];
  const axon = () => new Axon(defineAgent({ name: "support", model, prompt: "You help.", guardrails, ...options }));
  return { axon, seen: () => JSON.stringify(model.calls.map(({ request }) => request)), model };
}

/** Everything in the log, as Signals. */
async function logOf(fleet: Fleet) {
  const signals = [];
  for await (const { parsed } of (await fleet.bus()).read({})) if (parsed.ok) signals.push(parsed.signal);
  return signals;
}

/** The journal as it is stored, without the one place where real values may be. */
async function storedOf(fleet: Fleet): Promise<string> {
  const entries = (await logOf(fleet)).flatMap((signal) => (signal.type === "RUN_EVENT" ? signal.payload.entries : []));
  return JSON.stringify(entries.map(({ data: { mapping: _, ...data }, ...entry }) => ({ ...entry, data })));
}

async function collect(events: AsyncIterable<RunStreamEvent>): Promise<RunStreamEvent[]> {
  const all: RunStreamEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const textOf = (events: readonly RunStreamEvent[]) =>
  events.map((event) => (event.type === "text_delta" ? event.text : "")).join("");

describe("a message that is blocked", () => {
  test("is refused by its caller, whatever the verb, and nothing of it is in the log", async () => {
    await using fleet = await withFleet("memory");
    const { axon, model } = agentWith([]);
    await fleet.worker([axon()]);
    const caller = fleet.dendrite({ synapse: await fleet.connect() });
    await caller.start();
    const request = { text: "hi", context: [{ content: `it is ${TOKEN}` }] };
    const refused = { guardrail: "secrets", entities: ["GITHUB_TOKEN"] };
    await expect(caller.run("support", request)).rejects.toMatchObject(refused);
    await expect(caller.runs.start("support", { text: TOKEN })).rejects.toBeInstanceOf(GuardrailBlockedError);
    await expect(collect(caller.stream("support", { text: TOKEN }))).rejects.toMatchObject(refused);
    expect(JSON.stringify(await logOf(fleet))).not.toContain("ghp_");
    expect((await logOf(fleet)).filter(({ type }) => type === "TASK")).toEqual([]);
    expect(model.calls).toEqual([]);
  });
});

describe("run and stream", () => {
  test("the answer and the text on its way have the real values, the journal and the model placeholders", async () => {
    await using fleet = await withFleet("memory");
    const { axon, seen } = agentWith(() => `Dear <<EMAIL_ADDRESS_1>>, ${OTHER} says hello.`);
    const dendrite = await fleet.worker([axon()]);
    const answer = `Dear ${MAIL}, ${OTHER} says hello.`;
    expect(await dendrite.run("support", { text: `I am ${MAIL}` })).toMatchObject({ status: "success", answer });

    const events = await collect(dendrite.stream("support", { text: `I am ${MAIL}` }));
    expect(textOf(events)).toBe(answer);
    expect(events.at(-1)).toMatchObject({ type: "run_completed", result: { answer } });
    expect(events.find(({ type }) => type === "llm_completed")).toMatchObject({
      text: "Dear <<EMAIL_ADDRESS_1>>, <<EMAIL_ADDRESS_2>> says hello.",
    });
    expect(await storedOf(fleet)).not.toContain("@planted");
    expect(seen()).not.toContain("@planted");
  });

  test("a secret that the model gives ends both in the same error, and no piece of it is shown", async () => {
    await using fleet = await withFleet("memory");
    const { axon } = agentWith(() => `the token is ${TOKEN}, keep it`);
    const dendrite = await fleet.worker([axon()]);
    await expect(dendrite.run("support", { text: "hi" })).rejects.toMatchObject({ code: "GUARDRAIL_BLOCKED" });
    const events = await collect(dendrite.stream("support", { text: "hi" }));
    expect(textOf(events)).not.toContain("gh");
    expect(events.at(-1)).toMatchObject({ type: "run_error", code: "GUARDRAIL_BLOCKED" });
    expect(JSON.stringify([events, await logOf(fleet)])).not.toContain("ghp_");
  });
});

describe("a pause", () => {
  const tools = [
    tool({ name: "in_browser", description: "There.", input: z.object({ to: z.string() }), target: "client" }),
    askHuman(),
    tool({
      name: "send",
      description: "Sends.",
      input: z.object({ to: z.string() }),
      run: async ({ to }) => `sent to ${to}`,
    }),
  ];

  test("shows who answers the real values, takes theirs masked, and another process goes on with the placeholders", async () => {
    await using fleet = await withFleet("memory");
    const answers: ScriptedAnswer[] = [
      call("in_browser", { to: "<<EMAIL_ADDRESS_1>>" }),
      call("ask_human", { question: "Who is <<EMAIL_ADDRESS_2>>?" }),
      call("send", { to: "<<EMAIL_ADDRESS_2>>" }),
      "<<EMAIL_ADDRESS_1>> <<EMAIL_ADDRESS_2>> <<EMAIL_ADDRESS_3>>",
    ];
    const options = { tools, requireApproval: ["send"] };
    const first = agentWith(answers.slice(0, 1), options);
    const worker = await fleet.worker([first.axon()]);
    const caller = fleet.dendrite({ synapse: await fleet.connect(), dendriteId: "caller" });
    await caller.start();
    const paused = await caller.run("support", { text: `I am ${MAIL}` });
    expect(paused.pause?.pending).toMatchObject([{ toolName: "in_browser", params: { to: MAIL } }]);
    await worker.stop();

    const second = agentWith(answers.slice(1), options);
    await fleet.worker([second.axon()], { dendriteId: "worker2", synapse: await fleet.connect() });
    const results = [{ callId: paused.pause!.pending[0]!.callId, result: { mail: MAIL, other: OTHER } }];
    const asked = await (await caller.submitToolResults(paused.runId, { results })).result();
    expect(asked.pause).toMatchObject({ status: "waiting_human_input", question: `Who is ${OTHER}?` });

    const told = await caller.submitInput(paused.runId, { text: `a friend of cid@planted.example` });
    const approves = await told.result();
    expect(approves.pause?.pending).toMatchObject([{ params: { to: OTHER } }]);
    const events = await collect(caller.runs.follow(paused.runId, { untilPause: true }));
    expect(
      events.filter(({ type }) => type === "run_paused").map((event) => "pause" in event && event.pause.question),
    ).toContain(`Who is ${OTHER}?`);

    const done = await (await caller.submitApproval(paused.runId, { approved: true })).result();
    expect(done).toMatchObject({ status: "success", answer: `${MAIL} ${OTHER} cid@planted.example` });
    expect(await storedOf(fleet)).not.toContain("@planted");
    expect(first.seen() + second.seen()).not.toContain("@planted");
  });

  test("takes no secret: the submission is refused, nothing of it is stored, and the next one is taken", async () => {
    await using fleet = await withFleet("memory");
    const { axon } = agentWith([call("ask_human", { question: "The token?" }), "thanks"], { tools });
    const dendrite = await fleet.worker([axon()]);
    const { runId } = await dendrite.run("support", { text: "hi" });
    const before = (await logOf(fleet)).length;
    await expect(dendrite.submitInput(runId, { text: TOKEN })).rejects.toBeInstanceOf(GuardrailBlockedError);
    expect(await logOf(fleet)).toHaveLength(before);
    const done = await (await dendrite.submitInput(runId, { text: "I may not say" })).result();
    expect(done).toMatchObject({ status: "success", answer: "thanks" });
    expect(JSON.stringify(await logOf(fleet))).not.toContain("ghp_");
  });

  test("a refusal's reason is masked for the model", async () => {
    await using fleet = await withFleet("memory");
    const { axon, seen } = agentWith([call("send", { to: MAIL }), "ok"], { tools, requireApproval: ["send"] });
    const dendrite = await fleet.worker([axon()]);
    const { runId } = await dendrite.run("support", { text: "hi" });
    await (await dendrite.submitApproval(runId, { approved: false, reason: `ask ${OTHER}` })).result();
    expect(seen()).toMatch(/ask <<EMAIL_ADDRESS_2>>/);
    expect(await storedOf(fleet)).not.toContain("@planted");
  });
});

test("a retry is told the real conversation, and masks it anew", async () => {
  await using fleet = await withFleet("memory");
  const answers = [
    call("send", { to: "<<EMAIL_ADDRESS_1>>" }),
    new Error("gone"),
    `so <<EMAIL_ADDRESS_1>> and <<EMAIL_ADDRESS_2>>`,
  ];
  const send = tool({
    name: "send",
    description: "Sends.",
    input: z.object({ to: z.string() }),
    run: async () => `${OTHER} too`,
  });
  const { axon, seen, model } = agentWith(answers, { tools: [send] });
  const dendrite = await fleet.worker([axon()]);
  const { runId } = await dendrite.runs.start("support", { text: `I am ${MAIL}` });
  await expect(dendrite.runs.wait(runId)).rejects.toThrow("gone");
  const again = await dendrite.retry(runId);
  expect([`so ${MAIL} and ${OTHER}`, `so ${OTHER} and ${MAIL}`]).toContain(again.answer);
  expect(JSON.stringify(model.calls[2]!.request.messages)).toMatch(/<<EMAIL_ADDRESS_2>> too|<<EMAIL_ADDRESS_1>> too/);
  expect(seen()).not.toContain("@planted");
  expect(await storedOf(fleet)).not.toContain("@planted");
});

test("tools of a source, and agents that are delegated to, get real values; what they give is masked", async () => {
  await using fleet = await withFleet("memory");
  const got: unknown[] = [];
  const crm: ToolSource = {
    name: "crm",
    open: async () => [
      {
        ...tool({ name: "find", description: "Finds.", input: z.object({ who: z.string() }), run: async () => 1 }),
        name: "crm__find",
        run: async (params) => {
          got.push(params);
          return { mail: OTHER };
        },
      },
    ],
    close: async () => {},
  };
  const child = agentWith(["<<EMAIL_ADDRESS_1>> it is"], { name: "child" });
  const parent = agentWith(
    [call("crm__find", { who: "<<EMAIL_ADDRESS_1>>" }), call("child", { text: "is it <<EMAIL_ADDRESS_2>>?" }), "done"],
    { toolSources: [crm], tools: [agentTool({ neuronId: "child", description: "Asks the child." })] },
  );
  const dendrite = await fleet.worker([parent.axon(), child.axon()]);
  expect(await dendrite.run("support", { text: `I am ${MAIL}` })).toMatchObject({ answer: "done" });
  expect(got).toEqual([{ who: MAIL }]);
  expect(parent.seen()).toContain("<<EMAIL_ADDRESS_2>> it is");
  expect(child.seen()).toContain("is it <<EMAIL_ADDRESS_1>>?");
  expect(parent.seen() + child.seen()).not.toContain("@planted");
  expect(await storedOf(fleet)).not.toContain("@planted");
});

test("what is shown live of calls is masked too", async () => {
  await using fleet = await withFleet("memory");
  const look = tool({
    name: "look",
    description: "Looks.",
    input: z.object({ q: z.string() }),
    run: async () => OTHER,
  });
  const { axon } = agentWith([call("look", { q: MAIL }), "ok"], { tools: [look] });
  const dendrite = await fleet.worker([axon()]);
  const live: string[] = [];
  await (await fleet.bus()).subscribe("live", {}, (signal) => void live.push(JSON.stringify(signal)));
  await dendrite.run("support", { text: "hi" });
  await until(() => live.some((one) => one.includes("TOOL_RESULT")));
  expect(live.join("")).not.toContain("@planted");
});

expectNoLeaks();

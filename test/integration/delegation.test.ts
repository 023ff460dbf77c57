/** Delegation over a bus: a run whose child waits for somebody waits in its journal, and goes on when the child has ended. */
import { describe, expect, test } from "@jest/globals";
import { agentTool, defineAgent, pii, secrets, tool, type AgentOptions } from "@myelin/agent";
import type { Bus, Signal } from "@myelin/bus";
import type { RunEventEntry } from "@myelin/bus/run-events";
import { Axon, PauseStatusMismatchError, runRecords, type Dendrite, type RunResult } from "@myelin/dendrite";
import { scriptedModel } from "@myelin/neuron/testing";
import { z } from "zod";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { leveredSynapse, type BusLevers } from "../helpers/levered-synapse.ts";
import { deferred, TRANSPORTS, until, withFleet, type Fleet } from "../helpers/with-fleet.ts";

expectNoLeaks();

const TRACE = "trc_of_two_tenants";
const refund = tool({ name: "refund", description: "Refunds.", input: z.object({}), run: () => "refunded" });

/** Calls these tools with its first answer, then says what it was told. */
const callThenSay = (...names: string[]) =>
  scriptedModel(({ request }) => {
    const told = request.messages.filter(({ role }) => role === "tool");
    if (told.length > 0) return `It said ${told.map(({ content }) => content).join(", ")}`;
    return { toolCalls: names.map((name) => ({ name, params: name === "refund" ? {} : { text: "Do it" } })) };
  });

/** Asks before it refunds. */
const clerk = (options: Partial<AgentOptions> = {}) =>
  defineAgent({
    name: "clerk",
    model: callThenSay("refund"),
    prompt: "p",
    tools: [refund],
    requireApproval: ["refund"],
    ...options,
  });

/** Delegates to others. */
const lead = (name: string, to: readonly string[], options: Partial<AgentOptions> = {}) =>
  defineAgent({
    name,
    model: callThenSay(...to),
    prompt: "p",
    tools: [...new Set(to)].map((one) => agentTool(one)),
    ...options,
  });

/** A process of its own, with these agents, one task at a time. */
const worker = async (fleet: Fleet, agents: readonly ReturnType<typeof defineAgent>[], levers: BusLevers = {}) =>
  fleet.worker(
    agents.map((agent) => new Axon({ ...agent, concurrency: 1 })),
    { synapse: leveredSynapse(await fleet.connect(), levers), drainMs: 1 },
  );
const client = async (fleet: Fleet): Promise<Dendrite> => fleet.worker([], { synapse: await fleet.connect() });

/** The runs that a run waits for, in order. */
const childrenOf = ({ pause }: RunResult): string[] => pause!.pending.map(({ childRunId }) => childRunId!);

async function signalsOf(bus: Bus, runId: string): Promise<Signal[]> {
  const signals: Signal[] = [];
  for await (const { parsed } of bus.read({})) {
    if (parsed.ok && parsed.signal.meta.run_id === runId) signals.push(parsed.signal);
  }
  return signals;
}
const entriesOf = async (bus: Bus, runId: string): Promise<RunEventEntry[]> =>
  (await signalsOf(bus, runId)).flatMap((signal) => (signal.type === "RUN_EVENT" ? signal.payload.entries : []));
const typesOf = async (bus: Bus, runId: string) => (await entriesOf(bus, runId)).map(({ event_type }) => event_type);
/** TASKs of a run: one more than it was woken. */
const tasksOf = async (bus: Bus, runId: string) =>
  (await signalsOf(bus, runId)).filter(({ type }) => type === "TASK").length;

const holds = (signal: Signal, type: string): boolean =>
  signal.type === "RUN_EVENT" && signal.payload.entries.some(({ event_type }) => event_type === type);
/** What is put in the journal of a run that waits for a child, once that has ended. */
const tellsParent = (signal: Signal): boolean =>
  signal.type === "RUN_EVENT" && signal.payload.entries.some(({ data }) => data["resumed_from"] === "waiting_child");

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("J2: a run whose child asks gives its task up, and goes on in another process when the child has ended", async () => {
    await using fleet = await withFleet(transport);
    const first = await worker(fleet, [lead("support", ["clerk"]), clerk()]);
    const asker = await client(fleet);
    const run = await asker.run("support", { text: "Refund it", metadata: { thread_id: "t" }, timeoutMs: 60_000 });
    expect(run).toMatchObject({
      status: "waiting_child",
      answer: null,
      iterationCount: 1,
      pause: { status: "waiting_child", reason: "child", pending: [{ needs: "child", childAgent: "clerk" }] },
    });
    await until(() => first.stats().running === 0);
    await Promise.all([first.stop(), asker.stop()]);

    await worker(fleet, [lead("support", ["clerk"]), clerk()]);
    const approver = await client(fleet);
    const [child] = childrenOf(run);
    expect(await approver.runs.wait(child!)).toMatchObject({ status: "waiting_approval" });
    await approver.submitApproval(child!, { approved: true, by: "ada" });
    const end = await approver.runs.wait(run.runId, { onPause: "wait" });
    expect(end).toMatchObject({ status: "success", answer: "It said It said refunded", iterationCount: 2 });
    const bus = await fleet.bus();
    expect(await typesOf(bus, run.runId)).toEqual([
      ...["attempt.started", "run.started", "llm.completed", "tool.started", "child.paused", "run.paused"],
      ...["tool.completed", "run.resumed", "attempt.started", "llm.completed", "run.completed"],
    ]);
    expect(await tasksOf(bus, run.runId)).toBe(2);
    const [task, wake] = (await signalsOf(bus, run.runId)).filter(({ type }) => type === "TASK");
    expect(wake).toMatchObject({ payload: { input: { text: "Refund it" }, metadata: { thread_id: "t" } } });
    expect(Date.parse((wake!.payload as { deadline: string }).deadline)).toBeGreaterThan(
      Date.parse((task!.payload as { deadline: string }).deadline),
    );
  });

  test("a run waits for several, and goes on with the last of them; each level waits in its own journal", async () => {
    await using fleet = await withFleet(transport);
    await worker(fleet, [lead("top", ["middle", "clerk"])]);
    await worker(fleet, [lead("middle", ["clerk"]), clerk()]);
    const caller = await client(fleet);
    const run = await caller.run("top", { text: "Refund it" });
    const [middle, direct] = childrenOf(run);
    expect(run.pause!.pending.map(({ childAgent }) => childAgent)).toEqual(["middle", "clerk"]);
    const waiting = await caller.runs.wait(middle!);
    expect(waiting).toMatchObject({ status: "waiting_child", pause: { pending: [{ childAgent: "clerk" }] } });

    await (await caller.submitApproval(direct!, { approved: false, reason: "Not this one" })).result();
    await until(async () => childrenOf(await caller.runs.wait(run.runId)).length === 1);
    expect(childrenOf(await caller.runs.wait(run.runId))).toEqual([middle]);
    await caller.submitApproval(childrenOf(waiting)[0]!, { approved: true });
    const end = await caller.runs.wait(run.runId, { onPause: "wait" });
    expect(end.answer).toBe("It said It said It said refunded, It said Not this one");
    const bus = await fleet.bus();
    expect([await tasksOf(bus, run.runId), await tasksOf(bus, middle!)]).toEqual([2, 2]);
  });

  test("a run that says what it waits for is told of an answer which does not fit, and of the run that it belongs to", async () => {
    await using fleet = await withFleet(transport);
    await worker(fleet, [lead("support", ["clerk"]), clerk()]);
    const caller = await client(fleet);
    const run = await caller.run("support", { text: "Refund it" });
    const before = await entriesOf(await fleet.bus(), run.runId);
    const refused = [
      () => caller.submitApproval(run.runId, { approved: true }),
      () => caller.submitInput(run.runId, { text: "yes" }),
      () => caller.submitToolResults(run.runId, { results: [{ callId: run.pause!.pending[0]!.callId, result: 1 }] }),
    ];
    for (const submit of refused) {
      const error = await submit().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(PauseStatusMismatchError);
      expect(error).toMatchObject({ currentStatus: "waiting_child", childRunIds: childrenOf(run) });
      expect((error as Error).message).toContain(`answer what it delegated to: ${childrenOf(run)[0]}`);
    }
    expect(await entriesOf(await fleet.bus(), run.runId)).toEqual(before);
  });

  test("a child that ends before its parent's pause is on record wakes it all the same", async () => {
    await using fleet = await withFleet(transport);
    const [pausing, mayPause] = [deferred(), deferred()];
    const append: BusLevers["append"] = (bus) => async (signal, options) => {
      if (holds(signal, "run.paused")) {
        pausing.resolve();
        await mayPause.promise;
      }
      return bus.append(signal, options);
    };
    await worker(fleet, [lead("support", ["clerk"])], { append });
    await worker(fleet, [clerk()]);
    const caller = await client(fleet);
    const { runId } = await caller.runs.start("support", { text: "Refund it" });
    await pausing.promise;
    const question = (await (await fleet.bus()).lastOf({ type: "PERMISSION" }))!;
    const child = question.subject.split(".").at(-1)!;
    await (await caller.submitApproval(child, { approved: true })).result();
    mayPause.resolve();
    // Who asks for the run would mend it.
    const bus = await fleet.bus();
    await until(async () => (await typesOf(bus, runId)).includes("run.completed"));
    expect(await caller.runs.wait(runId, { onPause: "wait" })).toMatchObject({ answer: "It said It said refunded" });
    expect(await tasksOf(bus, runId)).toBe(2);
  });

  test("nobody lived to tell a run of its child's end: of those who ask for it, all at once, one wakes it", async () => {
    await using fleet = await withFleet(transport);
    const tried = deferred();
    const append: BusLevers["append"] = (bus) => (signal, options) => {
      if (!tellsParent(signal)) return bus.append(signal, options);
      tried.resolve();
      return Promise.reject(new Error("killed"));
    };
    await worker(fleet, [clerk()], { append });
    await worker(fleet, [lead("support", ["clerk"])]);
    const caller = await client(fleet);
    const run = await caller.run("support", { text: "Refund it" });
    await (await caller.submitApproval(childrenOf(run)[0]!, { approved: true })).result();
    await tried.promise;
    const askers = [caller, await client(fleet), await client(fleet)];
    const ends = await Promise.all(askers.map((one) => one.runs.wait(run.runId, { onPause: "wait" })));
    for (const end of ends) expect(end).toMatchObject({ status: "success", answer: "It said It said refunded" });
    const bus = await fleet.bus();
    expect((await typesOf(bus, run.runId)).filter((type) => type === "run.resumed")).toHaveLength(1);
    expect(await tasksOf(bus, run.runId)).toBe(2);
  });

  test("cancel: a run that waits for its children ends with them, whoever waits for whom", async () => {
    await using fleet = await withFleet(transport);
    await worker(fleet, [lead("top", ["middle"]), lead("middle", ["clerk"]), clerk()]);
    const caller = await client(fleet);
    const run = await caller.run("top", { text: "Refund it" });
    const [middle] = childrenOf(run);
    const [bottom] = childrenOf(await caller.runs.wait(middle!));
    expect(await caller.cancelRun(run.runId, { by: "ada" })).toMatchObject({ status: "cancelled" });
    const bus = await fleet.bus();
    for (const runId of [run.runId, middle!, bottom!]) {
      await expect(caller.runs.wait(runId)).rejects.toMatchObject({ code: "STOPPED" });
      expect((await typesOf(bus, runId)).at(-1)).toBe("run.cancelled");
      expect(await tasksOf(bus, runId)).toBe(1);
    }
  });

  test("stopTrace: runs that wait on the trace end, parents before children, and nobody is woken by it", async () => {
    await using fleet = await withFleet(transport);
    await worker(fleet, [lead("top", ["middle"]), lead("middle", ["clerk"]), clerk()]);
    const caller = await client(fleet);
    const [run, other] = await Promise.all(
      ["acme", "umbrella"].map((tenantId) => caller.run("top", { text: "?", traceId: TRACE, tenantId })),
    );
    const [middle] = childrenOf(run!);
    const [bottom] = childrenOf(await caller.runs.wait(middle!));
    await caller.stopTrace(TRACE, { reason: "enough", tenantId: "acme" });
    const bus = await fleet.bus();
    for (const runId of [run!.runId, middle!, bottom!]) {
      await expect(caller.runs.wait(runId)).rejects.toMatchObject({
        code: "STOPPED",
        message: expect.stringContaining("enough"),
      });
      expect(await tasksOf(bus, runId)).toBe(1);
    }
    expect(await caller.runs.wait(other!.runId)).toMatchObject({ status: "waiting_child" });
  });

  test("a child that is cancelled is a tool error to its parent, which goes on", async () => {
    await using fleet = await withFleet(transport);
    await worker(fleet, [lead("support", ["clerk"]), clerk()]);
    const caller = await client(fleet);
    const run = await caller.run("support", { text: "Refund it" });
    await caller.cancelRun(childrenOf(run)[0]!, { reason: "not today" });
    const bus = await fleet.bus();
    await until(async () => (await typesOf(bus, run.runId)).includes("run.completed"));
    expect(await caller.runs.wait(run.runId, { onPause: "wait" })).toMatchObject({
      status: "success",
      answer: 'It said {"error":"clerk was cancelled: not today"}',
    });
  });
});

describe("on memory", () => {
  test("who waits for a run sees to it that it is told of its last child too, when who ended that one died", async () => {
    await using fleet = await withFleet("memory");
    const append: BusLevers["append"] = (bus) => (signal, options) =>
      tellsParent(signal) ? Promise.reject(new Error("killed")) : bus.append(signal, options);
    await worker(fleet, [clerk()], { append });
    await worker(fleet, [lead("support", ["clerk", "clerk"])]);
    const caller = await client(fleet);
    const run = await caller.run("support", { text: "Refund it" });
    const bus = await fleet.bus();
    const waiting = caller.runs.wait(run.runId, { onPause: "wait" });
    // It has looked once, when none had ended.
    await until(() => caller.stats().waiting === 1);
    for (const child of childrenOf(run)) {
      await caller.submitApproval(child, { approved: true });
      await until(async () => (await typesOf(bus, child)).includes("run.completed"));
    }
    expect(await waiting).toMatchObject({ answer: "It said It said refunded, It said refunded" });
  });

  test("cancel: a run that outlived its child's task in the log ends it all the same", async () => {
    await using fleet = await withFleet("memory");
    const agents = await worker(fleet, [lead("support", ["clerk"]), clerk()]);
    const caller = await client(fleet);
    const run = await caller.run("support", { text: "Refund it" });
    const [child] = childrenOf(run);
    await until(() => agents.stats().running === 0);
    const bus = await fleet.bus();
    const kept = [...(await signalsOf(bus, run.runId)), ...(await signalsOf(bus, child!))];
    await bus.purge((await bus.info()).lastSeq + 1);
    const storedAt = new Date().toISOString();
    const find = (question: { ask: string; runId?: string; afterSequenceIndex?: number }) =>
      kept
        .filter(({ meta }) => meta.run_id === question.runId)
        .find((signal) => {
          if (question.ask === "task") return signal.type === "TASK";
          if (signal.type !== "RUN_EVENT")
            return question.ask === "reply" && /CLARIFICATION|PERMISSION/.test(signal.type);
          const last = signal.payload.entries.at(-1)!.sequence_index;
          return question.ask === "journal" && last > question.afterSequenceIndex!;
        });
    const records = new Axon({
      ...runRecords,
      neuron: (question) => {
        const signal = find(question);
        return signal ? { signal: { ...signal }, storedAt } : { signal: null, storedAt: null };
      },
    });
    await fleet.worker([records]);
    expect(await caller.cancelRun(run.runId)).toMatchObject({ status: "cancelled" });
    for (const runId of [run.runId, child!]) expect((await typesOf(bus, runId)).at(-1)).toBe("run.cancelled");
  });

  test("a watcher sees which run is waited for, and goes on through it", async () => {
    await using fleet = await withFleet("memory");
    await worker(fleet, [lead("support", ["clerk"]), clerk()]);
    const caller = await client(fleet);
    const types: string[] = [];
    for await (const event of caller.stream("support", { text: "Refund it", onPause: "wait" })) {
      if (/^run_/.test(event.type)) types.push(event.type);
      if (event.type !== "run_paused") continue;
      expect(event.pause).toMatchObject({ status: "waiting_child", pending: [{ childAgent: "clerk" }] });
      await caller.submitApproval(event.pause.pending[0]!.childRunId!, { approved: true });
    }
    expect(types).toEqual(["run_started", "run_paused", "run_resumed", "run_completed"]);
  });

  test("what a child gives is looked through before it is in its parent's journal, and what is refused there ends it", async () => {
    await using fleet = await withFleet("memory");
    const said = "ada@planted.example";
    const telling = clerk({
      model: scriptedModel([
        { toolCalls: [{ name: "refund" }] },
        `Ask ${said}`,
        { toolCalls: [{ name: "refund" }] },
        "sk-ant-api03-planted-planted-planted-planted",
      ]),
    });
    await worker(fleet, [
      lead("masking", ["clerk"], { guardrails: [pii()] }),
      lead("blocking", ["clerk"], { guardrails: [secrets({ action: "block" })] }),
      telling,
    ]);
    const caller = await client(fleet);
    const masked = await caller.run("masking", { text: "Who?" });
    await caller.submitApproval(childrenOf(masked)[0]!, { approved: true });
    expect(await caller.runs.wait(masked.runId, { onPause: "wait" })).toMatchObject({ answer: `It said Ask ${said}` });
    const entries = await entriesOf(await fleet.bus(), masked.runId);
    const kept = entries.filter(({ event_type }) => event_type !== "guardrail.redacted");
    expect(JSON.stringify(kept)).not.toContain(said);

    const blocked = await caller.run("blocking", { text: "Who?" });
    await caller.submitApproval(childrenOf(blocked)[0]!, { approved: true });
    await expect(caller.runs.wait(blocked.runId, { onPause: "wait" })).rejects.toMatchObject({
      code: "GUARDRAIL_BLOCKED",
    });
    expect(JSON.stringify(await entriesOf(await fleet.bus(), blocked.runId))).not.toContain("planted-planted");
  });

  test("a guardrail that is code looks at what a child gave when the run is woken, before its model reads it", async () => {
    await using fleet = await withFleet("memory");
    const name = "names";
    const detect = (text: string) =>
      [...text.matchAll(/refunded/g)].map(({ index }) => ({ entity: "DEED", start: index, end: index + 8 }));
    const model = callThenSay("clerk");
    await worker(fleet, [
      lead("support", ["clerk"], { model, guardrails: [{ name, action: "redact", scan: detect }] }),
      clerk(),
    ]);
    const caller = await client(fleet);
    const run = await caller.run("support", { text: "Do it" });
    await caller.submitApproval(childrenOf(run)[0]!, { approved: true });
    const end = await caller.runs.wait(run.runId, { onPause: "wait" });
    expect(end.answer).toBe("It said It said refunded");
    expect(model.calls.at(-1)!.request.messages.at(-1)!.content).toBe("It said <<DEED_1>>");
  });

  test("what runs below used up counts above, whether it ended well or not, before and after a pause", async () => {
    await using fleet = await withFleet("memory");
    const failing = scriptedModel([{ toolCalls: [{ name: "refund" }] }]);
    await worker(fleet, [
      lead("top", ["middle"], { budget: { maxTokens: 1_000, onExceeded: "warn" } }),
      lead("middle", ["quick", "clerk"]),
      defineAgent({ name: "quick", model: failing, prompt: "p", tools: [refund] }),
      clerk(),
    ]);
    const caller = await client(fleet);
    const run = await caller.run("top", { text: "Refund it" });
    const [middle] = childrenOf(run);
    const [bottom] = childrenOf(await caller.runs.wait(middle!));
    await caller.submitApproval(bottom!, { approved: true });
    const end = await caller.runs.wait(run.runId, { onPause: "wait" });
    // A model call is 10 tokens in and 5 out. Two each of top, middle and clerk; quick fails in its second.
    expect(end.usage).toMatchObject({ inputTokens: 20, outputTokens: 10 });
    const bus = await fleet.bus();
    const [told] = (await entriesOf(bus, run.runId)).filter(({ event_type }) => event_type === "tool.completed");
    expect(told!.data["usage"]).toMatchObject({ input_tokens: 50, output_tokens: 25 });
    const tools = (await entriesOf(bus, middle!)).filter(({ event_type }) => event_type === "tool.completed");
    expect(tools.map(({ data }) => [data["success"], data["usage"]])).toMatchObject([
      [false, { input_tokens: 10, output_tokens: 5 }],
      [true, { input_tokens: 20, output_tokens: 10 }],
    ]);
  });

  test("a transient run has no journal to wait in: it waits for its child's end", async () => {
    await using fleet = await withFleet("memory");
    await worker(fleet, [lead("support", ["clerk"]), clerk()]);
    const caller = await client(fleet);
    const paused: string[] = [];
    caller.onPermission((signal) => void paused.push(signal.meta.run_id!));
    const run = caller.dispatchAndWait({ neuron: "support", input: { text: "Refund it" }, delivery: "transient" });
    await until(() => paused.length === 1);
    await caller.submitApproval(paused[0]!, { approved: true });
    expect(await run).toMatchObject({ payload: { output: { answer: "It said It said refunded" } } });
  });
});

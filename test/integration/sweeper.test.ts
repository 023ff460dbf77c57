/** The sweeper beside workers: whoever dies, and whoever is late, each task gets one end that counts. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { agentTool, askHuman, defineAgent, type AgentOptions } from "@myelin/agent";
import { isEndType, type Bus, type Signal } from "@myelin/bus";
import { Axon, NeuronError, PauseExpiredError, RunAlreadyClaimedError, RunNotPausedError } from "@myelin/dendrite";
import { scriptedModel } from "@myelin/neuron/testing";
import { Recorder, RunStore, Sweeper, type SweeperOptions } from "@myelin/runs";
import { APPROVAL, fakeAgent } from "../helpers/fake-agent.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { leveredSynapse, type BusLevers } from "../helpers/levered-synapse.ts";
import { withDatabase, type TestDatabase } from "../helpers/with-database.ts";
import { deferred, TRANSPORTS, until, withFleet, type Fleet } from "../helpers/with-fleet.ts";

let database: TestDatabase;
let store: RunStore;
beforeAll(async () => {
  database = await withDatabase();
  store = RunStore.fromDatabaseUrl(database.url);
});
afterAll(async () => {
  await store.close();
  await database[Symbol.asyncDispose]();
});
expectNoLeaks();

/** A recorder and a sweeper of a fleet's namespace. */
async function record(fleet: Fleet, options: Partial<SweeperOptions> = {}) {
  const bus = await fleet.bus();
  const recorder = new Recorder({ bus, databaseUrl: database.url });
  const sweeper = new Sweeper({ bus, databaseUrl: database.url, intervalMs: 50, ...options });
  await Promise.all([recorder.start(), sweeper.start()]);
  return {
    bus,
    recorder,
    async [Symbol.asyncDispose]() {
      await sweeper.drain();
      await recorder.drain();
    },
  };
}

/** The terminals in the log, by run. */
async function endsIn(bus: Bus): Promise<Map<string, Signal[]>> {
  const ends = new Map<string, Signal[]>();
  for await (const { parsed } of bus.read({})) {
    if (!parsed.ok || !isEndType(parsed.signal.type)) continue;
    const runId = parsed.signal.meta.run_id!;
    ends.set(runId, [...(ends.get(runId) ?? []), parsed.signal]);
  }
  return ends;
}

describe.each(TRANSPORTS)("A1 over %s", (transport) => {
  test("the task of a worker that died ends within a second of its deadline, and its caller hears", async () => {
    await using fleet = await withFleet(transport);
    await using recorded = await record(fleet);
    const synapse = await fleet.connect();
    const taken = deferred();
    const forever = deferred();
    const dying = await (
      await synapse.open(fleet.namespace)
    ).consume({ neuronId: "mortal", lane: "normal" }, async () => {
      taken.resolve();
      await forever.promise; // it holds the lease, and never answers
      return { type: "abandon" };
    });
    dying.request(1);
    const dispatcher = fleet.dendrite();
    const errors: Signal[] = [];
    await dispatcher.onErrorSignal((signal) => void errors.push(signal)).ready;
    const { runId } = await dispatcher.dispatch({
      neuron: "mortal",
      input: {},
      timeoutMs: 1_000,
      whenAbsent: "wait",
    });
    await taken.promise;
    await until(() => errors.length === 1);
    const [error] = errors;
    await until(async () => (await store.getRun(runId))?.status === "error");
    const run = (await store.getRun(runId))!;
    expect(error).toMatchObject({ directed: { id: "mortal" }, payload: { code: "DEADLINE_EXCEEDED" } });
    expect(run.endedAt!.getTime()).toBeGreaterThan(run.deadline!.getTime());
    expect(run).toMatchObject({ error: { code: "DEADLINE_EXCEEDED", recoverable: true } });
    forever.resolve();
    await recorded.recorder.waitFor((await recorded.bus.info()).lastSeq);
  });

  test("a worker that answers at the deadline and the sweeper make one end of each run", async () => {
    await using fleet = await withFleet(transport);
    await using recorded = await record(fleet, { graceMs: 0, intervalMs: 10 });
    const sleeping = new Axon({
      neuronId: "sleeper",
      concurrency: 20,
      neuron: (_input, ctx) =>
        new Promise((_resolve, reject) => {
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error));
        }),
    });
    const worker = await fleet.worker([sleeping]);
    const dispatcher = fleet.dendrite();
    await dispatcher.start();
    const dispatched = await Promise.all(
      Array.from({ length: 40 }, () => dispatcher.dispatch({ neuron: "sleeper", input: {}, timeoutMs: 500 })),
    );
    await until(async () => (await endsIn(recorded.bus)).size === 40);
    await until(() => worker.stats().running === 0); // their answers are stored by then, or refused
    const ends = await endsIn(recorded.bus);
    expect([...ends.keys()].sort()).toEqual(dispatched.map(({ runId }) => runId).sort());
    expect([...ends.values()].map((one) => one.length)).toEqual(Array.from({ length: 40 }, () => 1));
  });

  test("an answer that comes after the sweeper's end is late: it is stored nowhere, or changes nothing", async () => {
    await using fleet = await withFleet(transport);
    await using recorded = await record(fleet);
    const answer = deferred();
    const worker = await fleet.worker([
      new Axon({
        neuronId: "deaf",
        neuron: async () => {
          await answer.promise;
          return { response: "too late" };
        },
      }),
    ]);
    const dispatcher = fleet.dendrite();
    await dispatcher.start();
    const { runId } = await dispatcher.dispatch({ neuron: "deaf", input: {}, timeoutMs: 200 });
    await until(async () => (await store.getRun(runId))?.status === "error");
    answer.resolve();
    await until(() => worker.stats().running === 0);
    await recorded.recorder.waitFor((await recorded.bus.info()).lastSeq);
    expect(await store.getRun(runId)).toMatchObject({ status: "error", output: null });
  });
});

/** The journal of a run as the log has it. */
async function journalOf(bus: Bus, runId: string): Promise<{ sequence_index: number; event_type: string }[]> {
  const entries = [];
  for await (const { parsed } of bus.read({ type: "RUN_EVENT", to: runId })) {
    if (parsed.ok && parsed.signal.type === "RUN_EVENT") entries.push(...parsed.signal.payload.entries);
  }
  return entries;
}

describe.each(TRANSPORTS)("paused runs over %s", (transport) => {
  test("J2: a run that was answered by a process that died before it could wake it is woken", async () => {
    await using fleet = await withFleet(transport);
    await using recorded = await record(fleet, { wakeGraceMs: 50 });
    await fleet.worker([fakeAgent({ pauses: [APPROVAL] })]);
    const { runId } = await fleet.dendrite().run("fake", { text: "hi" });
    const dying = leveredSynapse(await fleet.connect(), {
      append: (bus) => (signal, options) =>
        signal.type === "TASK" ? Promise.reject(new Error("killed")) : bus.append(signal, options),
    });
    const submitting = fleet.dendrite({ synapse: dying }).submitApproval(runId, { approved: true });
    await expect(submitting).rejects.toThrow("killed");
    await until(async () => (await store.getRun(runId))?.status === "success");
    const tasks: Signal[] = [];
    for await (const { parsed } of recorded.bus.read({ type: "TASK" })) {
      if (parsed.ok && parsed.signal.meta.run_id === runId) tasks.push(parsed.signal);
    }
    expect(tasks).toHaveLength(2);
    expect(tasks[1]).toMatchObject({ payload: { input: { text: "hi" } }, directed: { id: "fake" } });
  });

  test("J1: of an answer and the expiry that race one counts; who comes late is told that it expired", async () => {
    await using fleet = await withFleet(transport);
    await using recorded = await record(fleet, { graceMs: 0, intervalMs: 10 });
    const expiresAt = new Date(Date.now() + 700).toISOString();
    await fleet.worker([fakeAgent({ concurrency: 20, pauses: [{ ...APPROVAL, expiresAt }] })]);
    const dendrite = fleet.dendrite();
    const runs = await Promise.all(Array.from({ length: 8 }, () => dendrite.run("fake", { text: "hi" })));
    // Half of them are answered until it expires, again and again; the others are left.
    const raced = runs.slice(0, 4).map(async ({ runId }) => {
      for (;;) {
        const error = await dendrite
          .submitInput(runId, { text: "no answer to that" })
          .catch((thrown: unknown) => thrown);
        if (error instanceof PauseExpiredError) return "expired";
        if (Date.parse(expiresAt) - Date.now() > 5) continue;
        const late = await dendrite.submitApproval(runId, { approved: true }).catch((thrown: unknown) => thrown);
        if (late instanceof RunAlreadyClaimedError || late instanceof RunNotPausedError) return "lost";
        return late instanceof PauseExpiredError ? "expired" : "taken";
      }
    });
    const outcomes = [...(await Promise.all(raced)), ...runs.slice(4).map(() => "expired")];
    await until(async () => (await endsIn(recorded.bus)).size === runs.length);
    const ends = await endsIn(recorded.bus);
    for (const [at, { runId }] of runs.entries()) {
      const journal = await journalOf(recorded.bus, runId);
      expect(journal.map(({ sequence_index }) => sequence_index)).toEqual(journal.map((_, index) => index));
      const isTaken = outcomes[at] === "taken";
      expect(journal.filter(({ event_type }) => event_type === "run.resumed")).toHaveLength(isTaken ? 1 : 0);
      expect(journal.at(-1)!.event_type).toBe(isTaken ? "run.completed" : "run.error");
      expect(ends.get(runId)!.map(({ type }) => type)).toEqual([isTaken ? "AGENT_OUTPUT" : "ERROR"]);
    }
    const [last] = runs.slice(-1);
    await expect(dendrite.submitApproval(last!.runId, { approved: true })).rejects.toThrow(PauseExpiredError);
    await expect(dendrite.runs.wait(last!.runId)).rejects.toThrow(NeuronError);
  });
});

/** An agent that calls this tool, then says what it was told. */
const callThenSay = (name: string, options: Partial<AgentOptions>) =>
  defineAgent({
    name: "support",
    model: scriptedModel(({ request }) => {
      const last = request.messages.at(-1)!;
      return last.role === "tool" ? last.content : { toolCalls: [{ name, params: { text: "Do it", question: "?" } }] };
    }),
    prompt: "p",
    ...options,
  });
const asking = (options: Partial<AgentOptions> = {}) =>
  callThenSay("ask_human", { name: "clerk", tools: [askHuman()], ...options });
const leading = (to: string, name = "support") => callThenSay(to, { name, tools: [agentTool(to)] });

/** Who ends a child dies before it has told its parent. */
const diesBeforeItTells: BusLevers["append"] = (bus) => (signal, options) =>
  signal.type === "RUN_EVENT" && signal.payload.entries.some(({ event_type }) => event_type === "run.resumed")
    ? Promise.reject(new Error("killed"))
    : bus.append(signal, options);

describe.each(TRANSPORTS)("runs that wait for what they delegated over %s", (transport) => {
  test("J2: a run whose child ended, and whose ender died before it could tell it, is told, and woken once", async () => {
    await using fleet = await withFleet(transport);
    // Two of them: one wakes it.
    await using recorded = await record(fleet, { wakeGraceMs: 50 });
    await using other = new Sweeper({ bus: recorded.bus, databaseUrl: database.url, intervalMs: 50, wakeGraceMs: 50 });
    await other.start();
    const dying = leveredSynapse(await fleet.connect(), { append: diesBeforeItTells });
    await fleet.worker([new Axon(asking())], { synapse: dying });
    await fleet.worker([new Axon(leading("clerk"))]);
    const { runId, pause } = await fleet.dendrite().run("support", { text: "hi", timeoutMs: 60_000 });
    const child = pause!.pending[0]!.childRunId!;
    await until(async () => (await store.getRun(runId))?.status === "waiting_child");
    expect(await store.getRun(runId)).toMatchObject({
      pause: { pending: [{ needs: "child", childRunId: child, childAgent: "clerk" }], expiresAt: null },
    });
    await fleet.dendrite().submitInput(child, { text: "blue" });
    await until(async () => (await store.getRun(runId))?.status === "success");
    expect(await store.getRun(runId)).toMatchObject({ answer: "blue", parentRunId: null });
    expect((await store.getPauses(runId))[0]).toMatchObject({ resumedBy: null, missing: [], submittedResults: [] });
    const types = (await journalOf(recorded.bus, runId)).map(({ event_type }) => event_type);
    expect(types.filter((type) => type === "run.resumed")).toHaveLength(1);
    let tasks = 0;
    for await (const { parsed } of recorded.bus.read({ type: "TASK" })) {
      if (parsed.ok && parsed.signal.meta.run_id === runId) tasks++;
    }
    expect(tasks).toBe(2);
  });

  test("a child whose question expires is a tool error to those above, one after the other", async () => {
    await using fleet = await withFleet(transport);
    await using recorded = await record(fleet, { wakeGraceMs: 50, graceMs: 0 });
    await fleet.worker([
      new Axon(leading("middle", "top")),
      new Axon(leading("clerk", "middle")),
      new Axon(asking({ approvalExpiresMs: 300 })),
    ]);
    const { runId, pause } = await fleet.dendrite().run("top", { text: "hi" });
    const middle = pause!.pending[0]!.childRunId!;
    await until(async () => (await store.getRun(runId))?.status === "success");
    const error = "clerk: DEADLINE_EXCEEDED: nobody answered the question of the run before it expired";
    expect((await store.getRun(runId))!.answer).toContain(error);
    expect((await store.getRun(middle))!.status).toBe("success");
    await recorded.recorder.waitFor((await recorded.bus.info()).lastSeq);
  });
});

test("J2: a run that outlived its journal in the log is told of its child's end, and its journal is there again", async () => {
  await using fleet = await withFleet("memory");
  const worker = await fleet.worker([new Axon(asking()), new Axon(leading("clerk"))]);
  const bus = await fleet.bus();
  await using recorder = new Recorder({ bus, databaseUrl: database.url });
  await recorder.start();
  const { runId, pause } = await fleet.dendrite().run("support", { text: "hi" });
  const child = pause!.pending[0]!.childRunId!;
  await until(() => worker.stats().running === 0);
  const before = await journalOf(bus, runId);
  const dying = leveredSynapse(fleet.synapse, { append: diesBeforeItTells });
  await expect(fleet.dendrite({ synapse: dying }).cancelRun(child)).rejects.toThrow("killed");
  const { lastSeq } = await bus.info();
  await recorder.waitFor(lastSeq);
  await bus.purge(lastSeq + 1);
  await using sweeper = new Sweeper({ bus, databaseUrl: database.url, intervalMs: 20, wakeGraceMs: 0 });
  await sweeper.start();
  await until(async () => (await store.getRun(runId))?.status === "success");
  const after = await journalOf(bus, runId);
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after.map(({ sequence_index }) => sequence_index)).toEqual(after.map((_, index) => index));
  expect((await store.getRun(runId))!.answer).toContain("clerk was cancelled");
});

/** The run verbs: start, run, wait, submit, cancel and retry of agents' runs, by processes that share nothing but the bus. */
import { describe, expect, test } from "@jest/globals";
import { newRunId, type Bus, type Signal, type SignalOf } from "@myelin/bus";
import type { RunEventEntry } from "@myelin/bus/run-events";
import {
  Axon,
  GuardrailBlockedError,
  InputValidationError,
  InvalidToolResultError,
  NeuronError,
  NoWorkerError,
  PauseExpiredError,
  PauseStatusMismatchError,
  RunAlreadyClaimedError,
  RunAlreadyTerminalError,
  RunNotFoundError,
  RunNotPausedError,
  RunNotTerminalError,
  runRecords,
  UnknownNameError,
  type Dendrite,
  type RunResult,
} from "@myelin/dendrite";
import { clarify, permission } from "@myelin/neuron";
import { APPROVAL, fakeAgent, type FakePause } from "../../helpers/fake-agent.ts";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { leveredSynapse } from "../../helpers/levered-synapse.ts";
import { deferred, echoAxon, TRANSPORTS, until, withFleet, type Fleet } from "../../helpers/with-fleet.ts";

expectNoLeaks();

const RESULTS: FakePause = { status: "waiting_client_tool", calls: { call_x: "result", call_y: "result" } };
const QUESTION: FakePause = { status: "waiting_human_input", calls: { call_q: "input" } };

/** The journal of a run as the log has it. */
async function journalOf(fleet: Fleet, runId: string): Promise<RunEventEntry[]> {
  const entries: RunEventEntry[] = [];
  for await (const { parsed } of (await fleet.bus()).read({ type: "RUN_EVENT", to: runId })) {
    if (parsed.ok && parsed.signal.type === "RUN_EVENT") entries.push(...parsed.signal.payload.entries);
  }
  return entries;
}
const typesOf = (entries: readonly RunEventEntry[]) => entries.map(({ event_type }) => event_type);
const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => new Error(`it was taken: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );

/** A process of its own. */
const another = async (fleet: Fleet): Promise<Dendrite> => fleet.dendrite({ synapse: await fleet.connect() });

async function signalsOf(bus: Bus, runId: string): Promise<Signal[]> {
  const signals: Signal[] = [];
  for await (const { parsed } of bus.read({})) {
    if (parsed.ok && parsed.signal.meta.run_id === runId) signals.push(parsed.signal);
  }
  return signals;
}

async function purgeAll(fleet: Fleet): Promise<void> {
  const bus = await fleet.bus();
  await bus.purge((await bus.info()).lastSeq + 1);
}

test("who waits through a pause sees to it that the run goes on, when whoever answered died before it was woken", async () => {
  await using fleet = await withFleet("memory");
  await fleet.worker([fakeAgent({ pauses: [APPROVAL] })]);
  const dying = leveredSynapse(await fleet.connect(), {
    append: (bus) => (signal, options) =>
      signal.type === "TASK" ? Promise.reject(new Error("killed")) : bus.append(signal, options),
  });
  const [caller, submitter] = [fleet.dendrite(), fleet.dendrite({ synapse: dying })];
  const { runId } = await caller.run("fake", { text: "hi" });
  const waiting = caller.runs.wait(runId, { onPause: "wait" });
  // It has looked once, when nothing was lost yet.
  await until(() => caller.stats().waiting === 1);
  expect(await caught(submitter.submitApproval(runId, { approved: true }))).toMatchObject({ message: "killed" });
  expect(await waiting).toMatchObject({ status: "success" });
});

describe.each(TRANSPORTS)("run verbs over %s", (transport) => {
  test("run gives what an agent says, and what it took", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([fakeAgent()]);
    const result = await fleet.dendrite().run("fake", { text: "hi", metadata: { thread_id: "t" }, tenantId: "acme" });
    expect(result).toMatchObject({
      status: "success",
      answer: "{}",
      model: "fake:one",
      iterationCount: 1,
      usage: { inputTokens: 10, outputTokens: 4, cacheReadInputTokens: null },
      costUsd: 0.001,
      pause: null,
    });
    expect(await fleet.dendrite().runs.wait(result.runId, { tenantId: "acme" })).toEqual(result);
  });

  test("J2: a run that paused in one process goes on by the word of another, on its own trace and input", async () => {
    await using fleet = await withFleet(transport);
    const starts: string[] = [];
    const agent = fakeAgent({ pauses: [APPROVAL, QUESTION, RESULTS], onStart: ({ taskId }) => starts.push(taskId) });
    await fleet.worker([agent], { synapse: await fleet.connect() });
    const first = await another(fleet);
    const paused = await first.run("fake", { text: "refund order 7", metadata: { thread_id: "t" } });
    await first.stop();
    expect(paused).toMatchObject({
      status: "waiting_approval",
      answer: null,
      iterationCount: 1,
      usage: { inputTokens: 10 },
      costUsd: 0.001,
      pause: { pauseId: "pause_0", reason: "approval", pending: [{ callId: "call_a", needs: "approval" }] },
    });
    const { runId } = paused;

    const second = await another(fleet);
    const approved = await second.submitApproval(runId, { approved: true, by: "ada" });
    expect(approved).toMatchObject({ runId, traceId: paused.traceId, isResumed: true, pending: [] });
    expect(await approved.result()).toMatchObject({ status: "waiting_human_input" });
    const asked = await (await second.submitInput(runId, { text: "blue", by: "ada" })).result();
    expect(asked).toMatchObject({ status: "waiting_client_tool", iterationCount: 3 });

    const third = await another(fleet);
    const part = await third.submitToolResults(runId, { results: [{ callId: "call_y", result: { n: 1 } }] });
    expect(part).toMatchObject({ isResumed: false, pending: [{ callId: "call_x" }] });
    expect(await part.result()).toMatchObject({
      status: "waiting_client_tool",
      pause: { pending: [{ callId: "call_x" }] },
    });
    const whole = await third.submitToolResults(runId, { results: [{ callId: "call_x", error: "no sheet" }] });
    expect(await whole.result()).toMatchObject({
      status: "success",
      answer: JSON.stringify({ call_a: true, call_q: "blue", call_y: { n: 1 }, call_x: "no sheet" }),
      iterationCount: 4,
    });

    expect(starts).toHaveLength(4);
    const journal = await journalOf(fleet, runId);
    expect(journal.map(({ sequence_index }) => sequence_index)).toEqual(journal.map((_, at) => at));
    const signals = await signalsOf(await fleet.bus(), runId);
    const tasks = signals.filter((one): one is SignalOf<"TASK"> => one.type === "TASK");
    expect(tasks.map(({ id }) => id)).toEqual(starts);
    expect(
      new Set(tasks.map(({ trace_id, payload }) => JSON.stringify([trace_id, payload.input, payload.metadata]))),
    ).toHaveProperty("size", 1);
    expect(new Set(tasks.map(({ meta }) => meta.reply_to)).size).toBe(1);
  });

  test.each<[string, FakePause[], (dendrite: Dendrite, runId: string, at: number) => Promise<unknown>]>([
    ["approvals", [APPROVAL], (one, runId, at) => one.submitApproval(runId, { approved: at % 2 === 0 })],
    [
      "results",
      [RESULTS],
      (one, runId, at) =>
        one.submitToolResults(runId, {
          results: [
            { callId: "call_x", result: at },
            { callId: "call_y", result: at },
          ],
        }),
    ],
    [
      "an approval and cancels",
      [APPROVAL],
      (one, runId, at) => (at % 2 === 0 ? one.submitApproval(runId, { approved: true }) : one.cancelRun(runId)),
    ],
  ])(
    "J1: of %s that race one counts, none corrupts the journal, and the others are told",
    async (what, pauses, submit) => {
      await using fleet = await withFleet(transport);
      await fleet.worker([fakeAgent({ pauses })]);
      const { runId } = await fleet.dendrite().run("fake", { text: "hi" });
      const racers = await Promise.all(Array.from({ length: 3 }, () => another(fleet)));
      await Promise.all(racers.map((one) => one.start()));
      const settled = await Promise.allSettled(
        Array.from({ length: 9 }, (_, at) => submit(racers[at % racers.length]!, runId, at)),
      );
      const submissions = settled.filter((_, at) => what !== "an approval and cancels" || at % 2 === 0);
      const taken = submissions.filter(({ status }) => status === "fulfilled").length;
      const refusals = submissions.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
      for (const refusal of refusals) {
        const typed = [RunAlreadyClaimedError, RunNotPausedError, RunAlreadyTerminalError].some(
          (type) => refusal instanceof type,
        );
        expect([refusal, typed]).toEqual([refusal, true]);
      }
      await caught(fleet.dendrite().runs.wait(runId));
      const journal = await journalOf(fleet, runId);
      expect(journal.map(({ sequence_index }) => sequence_index)).toEqual(journal.map((_, at) => at));
      const count = (type: string) => typesOf(journal).filter((one) => one === type).length;
      expect(count("run.resumed")).toBe(taken);
      expect(count("approval.decided") + count("tool.completed")).toBe(taken * (pauses[0] === RESULTS ? 2 : 1));
      if (what === "an approval and cancels") expect(count("run.cancelled") + count("run.completed")).toBe(1);
      else expect([taken, count("run.completed")]).toEqual([1, 1]);
    },
  );

  test("a submission that does not fit is refused by its own error, and changes nothing", async () => {
    await using fleet = await withFleet(transport);
    const gate = deferred();
    await fleet.worker([
      fakeAgent({ pauses: [APPROVAL], work: () => gate.promise }),
      fakeAgent({ neuronId: "plain-end" }),
    ]);
    const dendrite = fleet.dendrite();
    const { runId } = await dendrite.run("fake", { text: "hi", tenantId: "acme" });
    const before = await journalOf(fleet, runId);
    expect(await caught(dendrite.submitInput(runId, { text: "blue" }))).toMatchObject({
      constructor: PauseStatusMismatchError,
      kind: "PAUSE_STATUS_MISMATCH",
      runId,
      currentStatus: "waiting_approval",
      expectedStatus: "waiting_human_input",
    });
    const results = [{ callId: "call_a", result: 1 }];
    expect(await caught(dendrite.submitToolResults(runId, { results }))).toBeInstanceOf(PauseStatusMismatchError);
    const calls = { call_z: { approved: true } };
    expect(await caught(dendrite.submitApproval(runId, { calls }))).toBeInstanceOf(InvalidToolResultError);
    for (const [tenantId, id] of [
      ["globex", runId],
      ["", runId],
      ["acme", newRunId()],
    ] as const) {
      expect(await caught(dendrite.submitApproval(id, { approved: true, tenantId }))).toBeInstanceOf(RunNotFoundError);
      expect(await caught(dendrite.cancelRun(id, { tenantId }))).toBeInstanceOf(RunNotFoundError);
      expect(await caught(dendrite.runs.wait(id, { tenantId }))).toBeInstanceOf(RunNotFoundError);
      expect(await caught(dendrite.retry(id, { tenantId }))).toBeInstanceOf(RunNotFoundError);
      expect(await caught(dendrite.runs.follow(id, { tenantId }).next())).toBeInstanceOf(RunNotFoundError);
    }
    for (const wrong of [{}, { approved: "yes" }, { approved: true, timeoutMs: -1 }, { approved: true, by: 1 }]) {
      expect(await caught(dendrite.submitApproval(runId, wrong as never))).toMatchObject({ kind: "INVALID_OPTION" });
    }
    expect(
      await caught(dendrite.submitToolResults(runId, { results: [{ callId: "call_a", result: 1n }] })),
    ).toMatchObject({ kind: "INVALID_TOOL_RESULT" });
    expect(await caught(dendrite.retry(runId))).toBeInstanceOf(RunNotTerminalError);
    expect(await journalOf(fleet, runId)).toEqual(before);

    await dendrite.submitApproval(runId, { approved: true, tenantId: "acme" });
    expect(await caught(dendrite.submitApproval(runId, { approved: true }))).toMatchObject({
      constructor: RunNotPausedError,
      currentStatus: "running",
    });
    gate.resolve();
    await dendrite.runs.wait(runId);
    expect(await caught(dendrite.submitApproval(runId, { approved: true }))).toMatchObject({
      constructor: RunAlreadyTerminalError,
      currentStatus: "success",
    });
  });

  test("a pause that has expired takes nothing any more", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([fakeAgent({ pauses: [{ ...APPROVAL, expiresAt: new Date(Date.now() - 1).toISOString() }] })]);
    const dendrite = fleet.dendrite();
    const { runId, pause } = await dendrite.run("fake", { text: "hi" });
    const refusal = await caught(dendrite.submitApproval(runId, { approved: true }));
    expect(refusal).toMatchObject({ constructor: PauseExpiredError, runId, expiresAt: pause!.expiresAt });
  });

  test("what the agent does not have is refused before anything is sent", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([fakeAgent(), echoAxon()]);
    const dendrite = fleet.dendrite({ discoverMs: 100 });
    const refusals = [
      [
        { text: "hi", model: "openai:gpt" },
        { constructor: UnknownNameError, what: "vendor", unknownName: "openai", known: ["fake"] },
      ],
      [
        { text: "hi", tools: ["refund", "delete"] },
        { constructor: UnknownNameError, what: "tool", unknownName: "delete" },
      ],
      [
        { text: "hi", sources: ["web"] },
        { constructor: UnknownNameError, what: "source", known: ["fs"] },
      ],
      [{ text: "" }, { constructor: InputValidationError, issues: [{ path: "text" }] }],
      [{ text: "hi", history: [{ role: "assistant", content: "hello" }] }, { constructor: InputValidationError }],
    ] as const;
    for (const [request, error] of refusals) {
      expect(await caught(dendrite.run("fake", request))).toMatchObject(error);
      expect(await caught(dendrite.runs.start("fake", request))).toMatchObject(error);
      expect(await caught(dendrite.stream("fake", request).next())).toMatchObject(error);
    }
    expect(await caught(dendrite.run("nobody", { text: "hi" }))).toBeInstanceOf(NoWorkerError);
    expect(await caught(dendrite.run("echo", { text: "hi" }))).toMatchObject({
      kind: "NOT_AN_AGENT",
      neuron: "echo",
      message: expect.stringContaining("is no agent") as unknown,
    });
    expect(await (await fleet.bus()).lastOf({ type: "TASK" })).toBeNull();
  });

  test("what a guardrail blocks is sent nowhere, what it masks is masked before it is stored", async () => {
    await using fleet = await withFleet(transport);
    const secret = { entity: "SECRET", pattern: "sk-[a-z]+", flags: "" };
    const mail = { entity: "MAIL", pattern: "[a-z]+@[a-z]+", flags: "" };
    const guardrails = [
      { name: "secrets", action: "block" as const, patterns: [secret] },
      { name: "pii", action: "redact" as const, patterns: [mail] },
    ];
    const card = { blocks: [{ guardrail: "secrets", ...secret }] };
    await fleet.worker([fakeAgent({ pauses: [QUESTION, RESULTS], guardrails, card })]);
    const dendrite = fleet.dendrite();
    const history = [
      { role: "user", content: "mine is sk-abc" },
      { role: "assistant", content: "oh" },
    ] as const;
    expect(await caught(dendrite.run("fake", { text: "hi", history }))).toMatchObject({
      constructor: GuardrailBlockedError,
      guardrail: "secrets",
      entities: ["SECRET"],
      message: expect.not.stringContaining("sk-abc") as unknown,
    });
    expect(await (await fleet.bus()).lastOf({ type: "TASK" })).toBeNull();
    const { runId } = await dendrite.run("fake", { text: "hi" });
    const before = await journalOf(fleet, runId);
    expect(await caught(dendrite.submitInput(runId, { text: "it is sk-abc" }))).toBeInstanceOf(GuardrailBlockedError);
    expect(await journalOf(fleet, runId)).toEqual(before);
    await (await dendrite.submitInput(runId, { text: "ask ann@home" })).result();
    const added = (await journalOf(fleet, runId)).slice(before.length, before.length + 3);
    expect(added.map(({ event_type, data }) => [event_type, data["result"]])).toEqual([
      ["guardrail.detected", undefined],
      ["guardrail.redacted", undefined],
      ["tool.completed", "ask <<MAIL_1>>"],
    ]);
    await dendrite.submitToolResults(runId, {
      results: [{ callId: "call_x", result: { to: "bob@home", cc: "ann@home" } }],
    });
    const results = (await journalOf(fleet, runId)).filter(({ event_type }) => event_type === "tool.completed");
    expect(results.at(-1)!.data["result"]).toEqual({ to: "<<MAIL_2>>", cc: "<<MAIL_1>>" });
  });

  test("a dispatcher that came later knows an agent's card too", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([fakeAgent()], { heartbeatMs: 20 });
    const dendrite = fleet.dendrite({ synapse: await fleet.connect(), discoverMs: 100 });
    const listed = await dendrite.roster();
    expect(listed).toMatchObject([{ neuronId: "fake", card: { tools: ["refund", "search"] } }]);
    expect(await caught(dendrite.run({ neuronId: "fake" }, { text: "hi", tools: ["x"] }))).toBeInstanceOf(
      UnknownNameError,
    );
  });

  test("cancel: a paused run ends at once, and whoever waited hears it; what is over stays as it is", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([fakeAgent({ pauses: [APPROVAL] })]);
    const dendrite = fleet.dendrite();
    const waiting = caught(dendrite.run("fake", { text: "hi", onPause: "wait" }));
    let runId = "";
    await until(async () => {
      runId = (await (await fleet.bus()).lastOf({ type: "PERMISSION" }))?.subject.split(".").at(-1) ?? "";
      return runId !== "";
    });
    const other = await another(fleet);
    expect(await other.cancelRun(runId, { by: "ada", reason: "changed my mind" })).toMatchObject({
      runId,
      status: "cancelled",
    });
    expect(await waiting).toMatchObject({
      constructor: NeuronError,
      code: "STOPPED",
      message: expect.stringContaining("changed my mind") as unknown,
    });
    expect((await journalOf(fleet, runId)).at(-1)).toMatchObject({
      event_type: "run.cancelled",
      data: { reason: "changed my mind", by: "ada" },
    });
    expect(await other.cancelRun(runId)).toMatchObject({ status: "cancelled" });
    expect(await caught(other.submitApproval(runId, { approved: true }))).toMatchObject({
      constructor: RunAlreadyTerminalError,
      currentStatus: "cancelled",
    });
    expect((await signalsOf(await fleet.bus(), runId)).filter(({ type }) => type === "STOPPED")).toHaveLength(1);
  });

  test("a caller that gives up in a pause ends the run; one whose run has a key leaves it to the others", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([fakeAgent({ pauses: [APPROVAL] })]);
    const dendrite = fleet.dendrite();
    const asked: Signal[] = [];
    await dendrite.onPermission((signal) => void asked.push(signal)).ready;
    const giveUp = async (idempotencyKey?: string) => {
      const abort = new AbortController();
      const request = { text: "hi", signal: abort.signal, onPause: "wait", idempotencyKey } as const;
      const before = asked.length;
      const waiting = caught(dendrite.run("fake", request));
      await until(() => asked.length > before);
      abort.abort(new Error("the client went away"));
      expect(await waiting).toBe(abort.signal.reason);
      return asked.at(-1)!.meta.run_id!;
    };
    const shared = await giveUp("key");
    const own = await giveUp();
    await until(async () => typesOf(await journalOf(fleet, own)).at(-1) === "run.cancelled");
    expect(typesOf(await journalOf(fleet, shared)).at(-1)).toBe("run.paused");
  });

  test("cancel: a running run and the children it waits for stop, in whatever process they are", async () => {
    await using fleet = await withFleet(transport);
    const aborts: string[] = [];
    const kinds: unknown[] = [];
    const hang = (name: string) => (ctx: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener("abort", () => {
          aborts.push(name);
          kinds.push((ctx.signal.reason as { kind: unknown }).kind);
          reject(ctx.signal.reason as Error);
        });
      });
    await fleet.worker([fakeAgent({ neuronId: "grandchild", work: hang("grandchild") })], {
      synapse: await fleet.connect(),
    });
    const delegate = (to: string): Parameters<typeof fakeAgent>[0] => ({
      work: (ctx) =>
        ctx.dispatchAndWait({
          neuron: to,
          input: { text: "do it" },
          idempotencyKey: `${ctx.runId}:1`,
          onPause: "wait",
        }),
    });
    await fleet.worker([fakeAgent({ neuronId: "child", ...delegate("grandchild") })], {
      synapse: await fleet.connect(),
    });
    await fleet.worker([fakeAgent({ neuronId: "parent", ...delegate("child") })]);
    const dendrite = fleet.dendrite();
    const { runId, traceId } = await dendrite.runs.start("parent", { text: "hi" });
    await until(async () => {
      const begun = new Set<string>();
      for await (const { parsed } of (await fleet.bus()).read({ type: "RUN_EVENT" })) {
        if (parsed.ok && parsed.signal.type === "RUN_EVENT") begun.add(parsed.signal.directed.id);
      }
      return begun.size === 3;
    });
    expect(await dendrite.cancelRun(runId, { by: "ada" })).toMatchObject({ runId, traceId, status: "cancelled" });
    await until(() => aborts.length === 1);
    expect(kinds).toEqual(["stopped"]);
    const ends = new Map<string, string>();
    await until(async () => {
      for await (const { parsed } of (await fleet.bus()).read({ lane: "_" })) {
        if (parsed.ok && parsed.signal.type === "STOPPED") ends.set(parsed.signal.directed.id, parsed.signal.type);
      }
      return ends.size === 3;
    });
    expect((await journalOf(fleet, runId)).at(-1)).toMatchObject({ event_type: "run.cancelled", data: { by: "ada" } });
  });

  test("cancel: a child that waits for a person is ended with its parent", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([
      fakeAgent({ neuronId: "child", pauses: [APPROVAL] }),
      fakeAgent({
        neuronId: "parent",
        work: (ctx) =>
          ctx.dispatchAndWait({ neuron: "child", input: { text: "do it" }, idempotencyKey: "k", onPause: "wait" }),
      }),
    ]);
    const dendrite = fleet.dendrite();
    const { runId } = await dendrite.runs.start("parent", { text: "hi" });
    await until(async () => (await (await fleet.bus()).lastOf({ type: "PERMISSION" })) !== null);
    const child = (await (await fleet.bus()).lastOf({ type: "PERMISSION" }))!.subject.split(".").at(-1)!;
    await dendrite.cancelRun(runId);
    expect((await journalOf(fleet, child)).at(-1)).toMatchObject({ event_type: "run.cancelled" });
    expect(await caught(dendrite.runs.wait(child))).toMatchObject({ code: "STOPPED" });
  });

  test("a run that fails for good says so in its journal, before its reply", async () => {
    await using fleet = await withFleet(transport);
    const work = () => {
      throw new Error("out of paper");
    };
    await fleet.worker([fakeAgent({ work })]);
    const dendrite = fleet.dendrite();
    const failure = await caught(dendrite.run("fake", { text: "hi" }));
    expect(failure).toMatchObject({ constructor: NeuronError, code: "NEURON_EXCEPTION" });
    const runId = (failure as NeuronError).signal.meta.run_id!;
    expect((await journalOf(fleet, runId)).at(-1)).toMatchObject({
      event_type: "run.error",
      data: { code: "NEURON_EXCEPTION", message: "out of paper" },
    });
    expect(await caught(dendrite.runs.wait(runId))).toMatchObject({ code: "NEURON_EXCEPTION" });
    const types = (await signalsOf(await fleet.bus(), runId)).map(({ type }) => type);
    expect(types.at(-1)).toBe("ERROR");
  });

  test("retry: a new run on the same trace, seeded with what was said, linked to the old one", async () => {
    await using fleet = await withFleet(transport);
    let failures = 1;
    const inputs: unknown[] = [];
    const work = (_ctx: unknown, input: unknown) => {
      inputs.push(input);
      if (failures-- > 0) throw new Error("once");
    };
    await fleet.worker([fakeAgent({ pauses: [APPROVAL], work })]);
    const dendrite = fleet.dendrite();
    const request = {
      text: "refund",
      prompt: "Be kind.",
      metadata: { thread_id: "t" },
      tenantId: "acme",
      timeoutMs: 60_000,
    };
    const paused = await dendrite.run("fake", request);
    await (await dendrite.submitApproval(paused.runId, { approved: true })).result().catch(() => {});
    const again = await dendrite.retry(paused.runId, { text: "try again", tenantId: "acme" });
    expect(again).toMatchObject({ status: "waiting_approval", traceId: paused.traceId });
    expect(again.runId).not.toBe(paused.runId);
    const [task] = (await signalsOf(await fleet.bus(), again.runId)).filter(
      (one): one is SignalOf<"TASK"> => one.type === "TASK",
    );
    expect(task).toMatchObject({
      payload: {
        metadata: { thread_id: "t" },
        input: {
          text: "try again",
          prompt: "Be kind.",
          model: "fake:one",
          timeout_ms: 60_000,
          retry_of: paused.runId,
          seed: [
            { role: "user", content: "refund" },
            { role: "assistant", tool_calls: [{ call_id: "call_a" }] },
            { role: "tool", call_id: "call_a", is_error: true },
          ],
        },
      },
      meta: { tenant_id: "acme" },
    });
    expect(task!.meta.parent_run_id).toBeUndefined();
  });

  test("a paused run that outlived its journal in the log goes on from the records; of those that race one brings it back", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([fakeAgent({ pauses: [RESULTS] })]);
    const { runId } = await fleet.dendrite().run("fake", { text: "hi" });
    const bus = await fleet.bus();
    const kept = await signalsOf(bus, runId);
    const journal = kept.filter((one): one is SignalOf<"RUN_EVENT"> => one.type === "RUN_EVENT");
    await purgeAll(fleet);
    const storedAt = new Date().toISOString();
    await fleet.worker([
      new Axon({
        ...runRecords,
        neuron: (question) => {
          const signal =
            question.ask === "task"
              ? kept.find(({ type }) => type === "TASK")
              : question.ask === "journal"
                ? journal.find(({ payload }) => payload.entries.at(-1)!.sequence_index > question.afterSequenceIndex)
                : kept.find(({ type }) => type === "CLARIFICATION");
          return signal ? { signal: { ...signal }, storedAt } : { signal: null, storedAt: null };
        },
      }),
    ]);
    const racers = [await another(fleet), await another(fleet)];
    const settled = await Promise.allSettled(
      racers.map((one, at) => one.submitToolResults(runId, { results: [{ callId: "call_x", result: at }] })),
    );
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const last = await racers[0]!.submitToolResults(runId, { results: [{ callId: "call_y", result: 2 }] });
    expect(await last.result()).toMatchObject({ status: "success" });
    const entries = await journalOf(fleet, runId);
    expect(entries.map(({ sequence_index }) => sequence_index)).toEqual(entries.map((_, at) => at));
    expect(typesOf(entries).filter((one) => one === "run.started")).toHaveLength(1);
  });

  test("a claim whose task was never sent is healed by whoever comes next", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([fakeAgent({ pauses: [APPROVAL] })]);
    const { runId } = await fleet.dendrite().run("fake", { text: "hi" });
    const dying = leveredSynapse(await fleet.connect(), {
      append: (bus) => (signal, options) =>
        signal.type === "TASK" ? Promise.reject(new Error("killed")) : bus.append(signal, options),
    });
    const submitter = fleet.dendrite({ synapse: dying });
    expect(await caught(submitter.submitApproval(runId, { approved: true }))).toMatchObject({ message: "killed" });
    expect(typesOf(await journalOf(fleet, runId)).at(-1)).toBe("run.resumed");
    const other = await another(fleet);
    expect(await caught(other.submitApproval(runId, { approved: true }))).toBeInstanceOf(RunNotPausedError);
    const result: RunResult = await other.runs.wait(runId);
    expect(result).toMatchObject({ status: "success" });
    expect((await signalsOf(await fleet.bus(), runId)).filter(({ type }) => type === "TASK")).toHaveLength(2);
  });

  test("a submission that looks a moment before the run begins to wait is in its journal, not an answer beside it", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([fakeAgent({ pauses: [APPROVAL] })]);
    const { runId } = await fleet.dendrite().run("fake", { text: "hi" });
    let looks = 0;
    const early = leveredSynapse(await fleet.connect(), {
      lastOf: (bus) => (filter) =>
        filter.type === "RUN_EVENT" && looks++ === 0 ? Promise.resolve(null) : bus.lastOf(filter),
    });
    const submitted = await fleet.dendrite({ synapse: early }).submitApproval(runId, { approved: true, by: "ada" });
    expect(await submitted.result()).toMatchObject({ status: "success" });
    const journal = typesOf(await journalOf(fleet, runId));
    expect(journal.slice(journal.indexOf("run.paused") + 1, -3)).toEqual(["approval.decided", "run.resumed"]);
    expect(looks).toBeGreaterThan(1);
  });

  test("a plain neuron's pauses are answered where that says all; else by their Signal", async () => {
    await using fleet = await withFleet(transport);
    const asks = new Axon({
      neuronId: "asks",
      neuron: (input, ctx) => {
        if (ctx.answers.length > 0) return { answers: ctx.answers };
        return input["may"] ? permission("send the letter") : clarify("which?");
      },
    });
    await fleet.worker([asks]);
    const dendrite = fleet.dendrite();
    const asked = await dendrite.dispatchAndWait({ neuron: "asks", input: {}, onPause: "return" });
    const runId = asked.meta.run_id!;
    expect(await dendrite.runs.wait(runId)).toMatchObject({
      status: "waiting_human_input",
      pause: { question: "which?", pauseId: null },
    });
    expect(await caught(dendrite.submitApproval(runId, { approved: true }))).toBeInstanceOf(PauseStatusMismatchError);
    const said = await dendrite.submitInput(runId, { text: "this", by: "ada" });
    expect(await said.result()).toMatchObject({
      status: "success",
      output: { answers: [{ answer: "this", by: "ada" }] },
    });
    const may = await dendrite.dispatchAndWait({ neuron: "asks", input: { may: 1 }, onPause: "return" });
    expect(await dendrite.cancelRun(may.meta.run_id!)).toMatchObject({ status: "cancelled" });
    expect(await caught(dendrite.submitApproval(may.meta.run_id!, { approved: true }))).toBeInstanceOf(
      RunAlreadyTerminalError,
    );
  });

  test("close is awaited once, after the last task", async () => {
    await using fleet = await withFleet(transport);
    const events: string[] = [];
    const gate = deferred();
    const close = () => Promise.resolve(void events.push("closed"));
    const worker = await fleet.worker([
      fakeAgent({ close, work: async () => (await gate.promise, events.push("worked")) }),
    ]);
    const { runId } = await fleet.dendrite().runs.start("fake", { text: "hi" });
    await until(() => worker.stats().running === 1);
    const stopped = worker.stop();
    gate.resolve();
    await Promise.all([stopped, worker.stop()]);
    expect(events).toEqual(["worked", "closed"]);
    expect(await fleet.dendrite().runs.wait(runId)).toMatchObject({ status: "success" });
  });
});

import { describe, expect, test } from "@jest/globals";
import {
  createSignal,
  newRunId,
  type Bus,
  type RunId,
  type Signal,
  type SignalOf,
  type SubjectFilter,
} from "@myelin/bus";
import {
  Axon,
  DispatchTimeoutError,
  NeuronError,
  NeuronPausedError,
  RecordsUnavailableError,
  runRecords,
  RunNotFoundError,
  type Dispatched,
} from "@myelin/dendrite";
import { clarify, NeuronFailure } from "@myelin/neuron";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { leveredSynapse } from "../../helpers/levered-synapse.ts";
import { deferred, echoAxon, TRANSPORTS, until, withFleet, type Fleet } from "../../helpers/with-fleet.ts";

expectNoLeaks();

/** Shorter than the 2 s after which a waiter asks the log again: what is proven with it does not rest on that repair. */
const AT_ONCE = { timeoutMs: 1_900 };

/** Dispatch from a process that is gone afterwards. */
async function dispatchAndLeave(fleet: Fleet, neuron: string, request: object = {}): Promise<Dispatched> {
  const gone = fleet.dendrite({ synapse: await fleet.connect() });
  const dispatched = await gone.dispatch({ neuron, input: { prompt: "hi" }, ...request });
  await gone.stop();
  return dispatched;
}

/** Signals of a run in the log: its replies, or those of another type. */
async function repliesOf(fleet: Fleet, runId: string, filter: SubjectFilter = { lane: "_" }): Promise<Signal[]> {
  const found: Signal[] = [];
  for await (const { parsed } of (await fleet.bus()).read(filter)) {
    if (parsed.ok && parsed.signal.meta.run_id === runId) found.push(parsed.signal);
  }
  return found;
}

async function purgeAll(fleet: Fleet): Promise<void> {
  const bus = await fleet.bus();
  await bus.purge((await bus.info()).lastSeq + 1);
}

describe.each(TRANSPORTS)("reattach over %s", (transport) => {
  test("gives the reply of a run that ended, from its id or its key", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon()]);
    const { runId } = await dispatchAndLeave(fleet, "echo", { idempotencyKey: "k", tenantId: "acme" });
    await until(async () => (await repliesOf(fleet, runId)).length === 1);
    const later = fleet.dendrite();
    const reply = await later.reattach(runId, AT_ONCE);
    expect(reply).toMatchObject({ type: "AGENT_OUTPUT", payload: { output: { response: "hi" } } });
    expect(await later.reattach({ idempotencyKey: "k", neuron: "echo", tenantId: "acme" })).toEqual(reply);
    expect(later.stats().waiting).toBe(0);
  });

  test("D1: waits for a run that is still at work; several may, with whoever waited before", async () => {
    await using fleet = await withFleet(transport);
    const finish = deferred();
    const started = deferred<string>();
    const neuron = async (_input: unknown, ctx: { runId: string }) => {
      started.resolve(ctx.runId);
      await finish.promise;
      return { response: "done" };
    };
    await fleet.worker([new Axon({ neuronId: "slow", neuron })]);
    const first = fleet.dendrite();
    const dispatched = first.dispatchAndWait({ neuron: "slow", input: {} });
    const runId = await started.promise;
    const other = fleet.dendrite({ synapse: await fleet.connect() });
    const waits = [dispatched, first.reattach(runId), other.reattach(runId, AT_ONCE), other.reattach(runId, AT_ONCE)];
    await until(() => first.stats().waiting === 2 && other.stats().waiting === 2);
    finish.resolve();
    const [reply, ...others] = await Promise.all(waits);
    for (const one of others) expect(one).toEqual(reply);
    expect([first.stats().waiting, other.stats().waiting]).toEqual([0, 0]);
  });

  test("rejects as the dispatch would have", async () => {
    await using fleet = await withFleet(transport);
    const fails = () => {
      throw new NeuronFailure("OUT_OF_PAPER", "the tray is empty", { recoverable: true });
    };
    await fleet.worker([new Axon({ neuronId: "fails", neuron: fails })]);
    const { runId } = await dispatchAndLeave(fleet, "fails");
    const failure = await fleet
      .dendrite()
      .reattach(runId)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NeuronError);
    expect(failure).toMatchObject({ code: "OUT_OF_PAPER", recoverable: true });
  });

  test("a pause rejects, is returned, or is waited through; one that was answered is past", async () => {
    await using fleet = await withFleet(transport);
    const finish = deferred();
    const asks = async (_input: unknown, ctx: { answers: readonly unknown[] }) => {
      if (ctx.answers.length === 0) return clarify("which?");
      await finish.promise;
      return { response: "done" };
    };
    await fleet.worker([new Axon({ neuronId: "asks", neuron: asks })]);
    const { runId } = await dispatchAndLeave(fleet, "asks");
    const later = fleet.dendrite();
    const paused = await later.reattach(runId).catch((error: unknown) => error);
    expect(paused).toBeInstanceOf(NeuronPausedError);
    const question = await later.reattach(runId, { onPause: "return" });
    expect(question).toEqual((paused as NeuronPausedError).signal);
    const through = later.reattach(runId, { onPause: "wait" });
    await until(() => later.stats().waiting === 1);
    await later.respondToClarification(question as SignalOf<"CLARIFICATION">, { answer: "this" });
    // Answered, and at work again: this is no pause any more.
    const after = fleet.dendrite({ synapse: await fleet.connect() }).reattach(runId);
    await expect(Promise.race([after, new Promise((resolve) => setTimeout(resolve, 50, "waits"))])).resolves.toBe(
      "waits",
    );
    finish.resolve();
    const reply = await through;
    expect(reply.payload.output).toEqual({ response: "done" });
    expect(await after).toEqual(reply);
    expect(await fleet.dendrite().reattach(runId)).toEqual(reply);
  });

  test("A1: the first end in the log counts, whatever came later", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon()]);
    const { runId } = await dispatchAndLeave(fleet, "echo");
    await until(async () => (await repliesOf(fleet, runId)).length === 1);
    const [first] = (await repliesOf(fleet, runId)) as [SignalOf<"AGENT_OUTPUT">];
    const bus = await fleet.bus();
    const { trace_id, parent_id, directed, meta } = first;
    const late = { code: "LATE", message: "a zombie", recoverable: false };
    await bus.append(createSignal({ type: "ERROR", trace_id, parent_id, directed, meta, payload: late }));
    await bus.append(
      createSignal({ type: "CLARIFICATION", trace_id, parent_id, directed, meta, payload: { question: "later?" } }),
    );
    expect(await fleet.dendrite().reattach(runId)).toEqual(first);
  });

  test("D1: a reply that nobody heard live is found by asking again", async () => {
    await using fleet = await withFleet(transport);
    const finish = deferred();
    await fleet.worker([new Axon({ neuronId: "slow", neuron: () => finish.promise })]);
    const { runId } = await dispatchAndLeave(fleet, "slow");
    const deaf = (bus: Bus): Bus["subscribe"] => {
      return (channel, filter, handler, options) =>
        bus.subscribe(channel, filter, filter.run === undefined ? handler : () => {}, options);
    };
    const later = fleet.dendrite({ synapse: leveredSynapse(await fleet.connect(), { subscribe: deaf }) });
    const waiting = later.reattach(runId);
    await until(() => later.stats().waiting === 1);
    finish.resolve();
    expect((await waiting).meta.run_id).toBe(runId);
  });

  test("no such run: RunNotFoundError, by id and by key; what is no run id is INVALID_OPTION", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon()]);
    const dendrite = fleet.dendrite();
    const { runId } = await dendrite.dispatch({ neuron: "echo", input: {}, delivery: "transient" });
    for (const unknown of [newRunId(), "run_nobody", runId]) {
      const failure = await dendrite.reattach(unknown).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(RunNotFoundError);
      expect((failure as Error).message).toContain(`there is no run ${unknown} in namespace "${fleet.namespace}"`);
    }
    await expect(dendrite.reattach({ idempotencyKey: "k", neuron: "echo" })).rejects.toThrow(
      /there is no idempotency key "k" of neuron "echo"/,
    );
    await expect(dendrite.reattach("run_*")).rejects.toThrow(/a run id is run_ .* got "run_\*"/);
    await expect(dendrite.reattach({ idempotencyKey: "k" })).rejects.toThrow(/either a neuron or capabilities/);
    await expect(dendrite.reattach(newRunId(), { timeoutMs: 0 })).rejects.toThrow(/timeoutMs must be > 0/);
  });

  test("D1: gives up after timeoutMs and on its signal, and leaves the run alone", async () => {
    await using fleet = await withFleet(transport);
    const finish = deferred();
    await fleet.worker([new Axon({ neuronId: "slow", neuron: () => finish.promise })]);
    const { runId } = await dispatchAndLeave(fleet, "slow");
    const later = fleet.dendrite();
    await expect(later.reattach(runId, { timeoutMs: 50 })).rejects.toThrow(DispatchTimeoutError);
    const reason = new Error("enough");
    const abort = new AbortController();
    const aborted = later.reattach(runId, { signal: abort.signal });
    await until(() => later.stats().waiting === 1);
    abort.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await expect(later.reattach(runId, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(later.stats().waiting).toBe(0);
    const waiting = later.reattach(runId);
    finish.resolve();
    expect((await waiting).type).toBe("AGENT_OUTPUT");
  });

  test("records that are behind the log do not count: what they say waits was answered, what they do not know ended", async () => {
    await using fleet = await withFleet(transport);
    const finish = deferred();
    const asks = async (_input: unknown, ctx: { answers: readonly unknown[] }) => {
      if (ctx.answers.length === 0) return clarify("which?");
      await finish.promise;
      return { response: "done" };
    };
    await fleet.worker([new Axon({ neuronId: "asks", neuron: asks })]);
    const { runId } = await dispatchAndLeave(fleet, "asks");
    const later = fleet.dendrite();
    const question = await later.reattach(runId, { onPause: "return" });
    const [task] = await repliesOf(fleet, runId, { type: "TASK" });
    await purgeAll(fleet);
    const storedAt = new Date().toISOString();
    const records = new Axon({
      ...runRecords,
      neuron: ({ ask }) => ({ signal: { ...(ask === "task" ? task! : question) }, storedAt }),
    });
    await fleet.worker([records]);
    await later.respondToClarification(question as SignalOf<"CLARIFICATION">, { answer: "this" });
    const waiting = later.reattach(runId);
    await expect(Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 100, "waits"))])).resolves.toBe(
      "waits",
    );
    finish.resolve();
    const reply = await waiting;
    expect(reply.payload.output).toEqual({ response: "done" });
    expect(await fleet.dendrite().reattach(runId, AT_ONCE)).toEqual(reply);
  });

  test("past the log the records answer; without them RecordsUnavailableError", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon()]);
    const { runId, traceId } = await dispatchAndLeave(fleet, "echo");
    await until(async () => (await repliesOf(fleet, runId)).length === 1);
    const [reply] = await repliesOf(fleet, runId);
    await purgeAll(fleet);
    await expect(fleet.dendrite({ discoverMs: 50 }).reattach(runId)).rejects.toThrow(RecordsUnavailableError);

    const task = createSignal({
      type: "TASK",
      trace_id: traceId,
      directed: { id: "echo", type: null, capabilities: [] },
      payload: { input: {} },
      meta: { run_id: runId, reply_to: reply!.meta.reply_to! },
    });
    const asked: unknown[] = [];
    await fleet.worker([
      new Axon({
        ...runRecords,
        neuron: (question) => {
          asked.push(question);
          const known = question.ask !== "deadLetter" && question.runId === runId;
          if (!known) return { signal: null, storedAt: null };
          return { signal: { ...(question.ask === "task" ? task : reply!) }, storedAt: new Date().toISOString() };
        },
      }),
    ]);
    expect(await fleet.dendrite().reattach(runId)).toEqual(reply);
    expect(asked).toEqual([
      { ask: "task", runId },
      { ask: "reply", runId },
    ]);
    const unknown: RunId = newRunId();
    await expect(fleet.dendrite().reattach(unknown)).rejects.toThrow(RunNotFoundError);
  });
});

/** Cancel: a task of a stopped trace that was still queued, or whose worker is gone, is not started: it answers STOPPED. */
import { describe, expect, test } from "@jest/globals";
import { newTraceId, type SignalOf } from "@myelin/bus";
import { Axon, type Dendrite } from "@myelin/dendrite";
import { permission } from "@myelin/neuron";
import { APPROVAL, fakeAgent } from "../../helpers/fake-agent.ts";
import { deferred, TRANSPORTS, until, withFleet } from "../../helpers/with-fleet.ts";

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Everything a run of this dispatcher ends in, by run id. */
function ends(dendrite: Dendrite): Promise<SignalOf<"STOPPED">> {
  const { promise, resolve } = deferred<SignalOf<"STOPPED">>();
  dendrite.onStopped((signal) => resolve(signal));
  return promise;
}

describe.each(TRANSPORTS)("%s", (transport) => {
  test("a task that waits for a slot when its trace is stopped is never started", async () => {
    await using fleet = await withFleet(transport);
    const [hold, begun] = [deferred(), deferred()];
    const started: unknown[] = [];
    const neuron = async (input: { n?: unknown }) => {
      started.push(input.n);
      begun.resolve();
      await hold.promise;
      return {};
    };
    await fleet.worker([new Axon({ neuronId: "slow", neuron, concurrency: 1 })]);
    const caller = fleet.dendrite();
    await caller.start();
    const first = caller.dispatchAndWait({ neuron: "slow", input: { n: 1 } });
    await begun.promise;
    const traceId = newTraceId();
    const { runId } = await caller.dispatch({ neuron: "slow", input: { n: 2 }, traceId });
    const stopped = ends(caller);
    await caller.stopTrace(traceId, { reason: "not wanted" });
    hold.resolve();
    await first;
    expect((await stopped).meta.run_id).toBe(runId);
    expect((await stopped).payload.reason).toBe("not wanted");
    expect(started).toEqual([1]);
  });

  test("a run that ignores its signal is reported, and its output, when it comes, is its reply", async () => {
    await using fleet = await withFleet(transport);
    const [hold, begun] = [deferred(), deferred()];
    const reported = deferred<Record<string, unknown>>();
    const logger = {
      ...SILENT,
      warn: (fields: object, event: string) => void (event === "run.ignores.abort" && reported.resolve({ ...fields })),
    };
    const neuron = async () => {
      begun.resolve();
      await hold.promise;
      return { n: 1 };
    };
    await fleet.worker([new Axon({ neuronId: "deaf", neuron })], { logger });
    const caller = fleet.dendrite();
    await caller.start();
    const traceId = newTraceId();
    const reply = caller.dispatchAndWait({ neuron: "deaf", input: {}, traceId });
    await begun.promise;
    await caller.stopTrace(traceId);
    expect(await reported.promise).toMatchObject({ neuronId: "deaf" });
    hold.resolve();
    expect((await reply).payload.output).toEqual({ n: 1 });
  });

  test.each([
    ["plain", () => permission("may I?")],
    ["with a journal", null],
  ])("a run that is stopped before it begins to wait ends, and does not wait: %s", async (_what, ask) => {
    await using fleet = await withFleet(transport);
    const [hold, begun] = [deferred(), deferred<string>()];
    const journaled = fakeAgent({ pauses: [APPROVAL] });
    const deaf = new Axon({
      neuronId: "deaf",
      neuron: async (input, ctx) => {
        begun.resolve(ctx.runId);
        await hold.promise;
        return ask ? ask() : journaled.neuron(input, ctx);
      },
    });
    await fleet.worker([deaf]);
    const caller = fleet.dendrite();
    await caller.start();
    const reply = caller
      .dispatchAndWait({ neuron: "deaf", input: {}, onPause: "return" })
      .catch((error: unknown) => error);
    const runId = await begun.promise;
    const cancelled = caller.cancelRun(runId, { timeoutMs: 60_000 });
    const bus = await fleet.bus();
    await until(async () => (await bus.lastOf({ type: "STOP" })) !== null);
    hold.resolve();
    expect(await cancelled).toMatchObject({ status: "cancelled" });
    expect(await reply).toMatchObject({ code: "STOPPED" });
    expect(await bus.lastOf({ type: "PERMISSION" })).toBeNull();
  });

  test("a run whose caller gave up while it waited is not gone on with", async () => {
    await using fleet = await withFleet(transport);
    const asks = new Axon({
      neuronId: "asks",
      neuron: (_input, ctx) => (ctx.answers.length > 0 ? { went: "on" } : permission("may I?")),
    });
    await fleet.worker([asks]);
    const caller = fleet.dendrite();
    const asked = deferred<SignalOf<"PERMISSION">>();
    await caller.onPermission((signal) => asked.resolve(signal)).ready;
    const abort = new AbortController();
    const { signal } = abort;
    const gaveUp = caller.dispatchAndWait({ neuron: "asks", input: {}, onPause: "wait", signal }).catch(() => {});
    const question = await asked.promise;
    abort.abort();
    await gaveUp;
    const bus = await fleet.bus();
    await until(async () => (await bus.lastOf({ type: "STOP" })) !== null);
    const stopped = ends(caller);
    await caller.respondToPermission(question, { granted: true });
    expect((await stopped).meta.run_id).toBe(question.meta.run_id);
  });

  test("a worker that starts later reads what was stopped before", async () => {
    await using fleet = await withFleet(transport);
    const started: unknown[] = [];
    const caller = fleet.dendrite();
    await caller.start();
    const traceId = newTraceId();
    const stopped = ends(caller);
    await caller.dispatch({ neuron: "late", input: { n: 1 }, traceId, whenAbsent: "wait" });
    await caller.stopTrace(traceId);
    await caller.dispatch({ neuron: "late", input: { n: 2 }, whenAbsent: "wait" });
    const ran = deferred();
    const neuron = (input: { n?: unknown }) => {
      started.push(input.n);
      ran.resolve();
      return {};
    };
    await fleet.worker([new Axon({ neuronId: "late", neuron })], { synapse: await fleet.connect() });
    await stopped;
    await ran.promise;
    expect(started).toEqual([2]);
  });

  test("a new dispatch on a trace that was stopped before it runs", async () => {
    await using fleet = await withFleet(transport);
    const worker = await fleet.worker([new Axon({ neuronId: "echo", neuron: (input) => input })]);
    const traceId = newTraceId();
    await worker.stopTrace(traceId);
    const reply = await worker.dispatchAndWait({ neuron: "echo", input: { n: 1 }, traceId });
    expect(reply.payload.output).toEqual({ n: 1 });
  });
});

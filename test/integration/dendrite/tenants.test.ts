/** Tenants on one trace: whoever knows its id may join it; nobody is stopped by, sees or reaches what is another's there. */
import { describe, expect, test } from "@jest/globals";
import { newTraceId, type Signal, type SignalOf } from "@myelin/bus";
import { Axon, DeadLetterNotFoundError, RunNotFoundError } from "@myelin/dendrite";
import { NeuronFailure } from "@myelin/neuron";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { deferred, echoAxon, TRANSPORTS, until, withFleet } from "../../helpers/with-fleet.ts";

expectNoLeaks();

interface Asked {
  readonly who?: unknown;
}

/** Runs until it is told to end, or stopped; keeps who began. */
function waiting(neuronId = "waiting") {
  const begun: unknown[] = [];
  const end = deferred();
  const neuron = async ({ who }: Asked, ctx: { signal: AbortSignal }) => {
    begun.push(who);
    await Promise.race([end.promise, new Promise((_, no) => ctx.signal.addEventListener("abort", no))]);
    return { who };
  };
  return { begun, end, axon: new Axon({ neuronId, neuron }) };
}

/** `output <who>` or `STOPPED`, of each. */
const outcomes = (replies: readonly Promise<SignalOf<"AGENT_OUTPUT">>[]) =>
  Promise.all(
    replies.map((one) =>
      one.then(
        ({ payload }) => payload.output["who"],
        (error: { code: string }) => error.code,
      ),
    ),
  );

describe.each(TRANSPORTS)("%s", (transport) => {
  test("a STOP of a tenant stops its runs, children included, and nobody else's; one of nobody stops all", async () => {
    await using fleet = await withFleet(transport);
    const { begun, end, axon } = waiting();
    const parent = new Axon({
      neuronId: "parent",
      neuron: async (input: Asked, ctx) =>
        (await ctx.dispatchAndWait({ neuron: "waiting", input: { who: `child of ${String(input.who)}` } })).payload
          .output,
    });
    const worker = await fleet.worker([axon, parent]);
    const caller = fleet.dendrite({ synapse: await fleet.connect() });
    const traceId = newTraceId();
    const ask = (neuron: string, tenantId?: string) =>
      caller.dispatchAndWait({ neuron, input: { who: tenantId ?? "nobody" }, traceId, tenantId });
    const replies = [ask("waiting", "ann"), ask("parent", "ann"), ask("waiting", "bob"), ask("waiting")];
    await until(() => begun.length === 4);
    await caller.stopTrace(traceId, { tenantId: "ann", reason: "enough" });
    expect(await outcomes(replies.slice(0, 2))).toEqual(["STOPPED", "STOPPED"]);
    await caller.stopTrace(traceId, { tenantId: "carl" });
    end.resolve();
    expect(await outcomes(replies.slice(2))).toEqual(["bob", "nobody"]);
    const again = waiting("again");
    await fleet.worker([again.axon]);
    const both = [ask("again", "ann"), ask("again")];
    await until(() => again.begun.length === 2);
    await worker.stopTrace(traceId);
    expect(await outcomes(both)).toEqual(["STOPPED", "STOPPED"]);
  });

  test("a worker that starts later does not start what was stopped, and starts what others have on the trace", async () => {
    await using fleet = await withFleet(transport);
    const caller = fleet.dendrite();
    const traceId = newTraceId();
    const send = (tenantId?: string) =>
      caller.dispatchAndWait({ neuron: "late", input: { who: tenantId }, traceId, tenantId, whenAbsent: "wait" });
    const replies = [send("ann"), send("bob"), send()];
    const bus = await fleet.bus();
    await until(async () => (await bus.info()).lastSeq === 3);
    await caller.stopTrace(traceId, { tenantId: "ann" });
    const { begun, end, axon } = waiting("late");
    end.resolve();
    await fleet.worker([axon], { synapse: await fleet.connect() });
    expect(await outcomes(replies)).toEqual(["STOPPED", "bob", undefined]);
    expect(begun).toHaveLength(2);
  });

  test("a stream of a dispatch that has a tenant shows nothing of others on its trace", async () => {
    await using fleet = await withFleet(transport);
    const { begun, end, axon } = waiting();
    const worker = await fleet.worker([axon, echoAxon()]);
    const traceId = newTraceId();
    const seen: Signal[] = [];
    const stream = worker.stream({ neuron: "waiting", input: { who: "ann" }, traceId, tenantId: "ann" });
    const reading = (async () => {
      for await (const signal of stream) seen.push(signal);
    })();
    await until(() => begun.length === 1);
    await worker.dispatchAndWait({ neuron: "echo", input: { prompt: "secret" }, traceId, tenantId: "bob" });
    end.resolve();
    await reading;
    expect(seen.map(({ type, meta }) => [type, meta.tenant_id])).toEqual([
      ["TASK", "ann"],
      ["AGENT_OUTPUT", "ann"],
    ]);
  });
});

test("a run, and a dead letter, of another tenant is not there to come back to or to send again", async () => {
  await using fleet = await withFleet("memory");
  const failing = new Axon({ neuronId: "failing", neuron: () => Promise.reject(new NeuronFailure("NO", "no")) });
  const worker = await fleet.worker([echoAxon(), failing]);
  const { runId } = await worker.dispatch({ neuron: "echo", input: { prompt: "hi" }, tenantId: "ann" });
  expect((await worker.reattach(runId, { tenantId: "ann" })).payload.output).toEqual({ response: "hi" });
  await expect(worker.reattach(runId, { tenantId: "bob" })).rejects.toBeInstanceOf(RunNotFoundError);
  const failed = worker.dispatchAndWait({ neuron: "failing", input: {}, tenantId: "ann" });
  const { signal } = await failed.then(
    () => Promise.reject(new Error("it succeeded")),
    (error: { signal: Signal }) => error,
  );
  await expect(worker.replayDeadLetter(signal.id, { tenantId: "bob" })).rejects.toBeInstanceOf(DeadLetterNotFoundError);
  expect(await worker.replayDeadLetter(signal.id, { tenantId: "ann" })).toMatchObject({ traceId: signal.trace_id });
});

test.each([
  ["empty", ""],
  ["too long", "x".repeat(256)],
])("a tenant that is %s is refused", async (_what, tenantId) => {
  await using fleet = await withFleet("memory");
  const caller = fleet.dendrite();
  await expect(caller.stopTrace(newTraceId(), { tenantId })).rejects.toMatchObject({ kind: "INVALID_OPTION" });
});

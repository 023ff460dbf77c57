import { describe, expect, test } from "@jest/globals";
import { isRunId, newTraceId, type Bus, type Signal, type SignalOf } from "@myelin/bus";
import { Axon, IdempotencyConflictError, NeuronError, RecordsUnavailableError, runRecords } from "@myelin/dendrite";
import { defineNeuron, NeuronFailure } from "@myelin/neuron";
import { z } from "zod";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { leveredSynapse } from "../../helpers/levered-synapse.ts";
import { deferred, echoAxon, TRANSPORTS, until, withFleet, type Fleet } from "../../helpers/with-fleet.ts";

expectNoLeaks();

/** Counts its starts; answers with its input and which start it was. */
function counter(neuronId = "count", hold: Promise<void> = Promise.resolve()) {
  const starts: unknown[] = [];
  const neuron = async (input: Record<string, unknown>) => {
    const n = starts.push(input);
    await hold;
    return { ...input, n };
  };
  return { starts, axon: new Axon({ neuronId, concurrency: 100, neuron }) };
}

async function tasks(fleet: Fleet): Promise<SignalOf<"TASK">[]> {
  const found: SignalOf<"TASK">[] = [];
  for await (const { parsed } of (await fleet.bus()).read({ type: "TASK" })) {
    if (parsed.ok && parsed.signal.type === "TASK") found.push(parsed.signal);
  }
  return found;
}

/** A connection that claims, and dies before it sends: its TASKs are lost on the way. */
const losesTasks = (bus: Bus): Bus["append"] => {
  return (signal, options) =>
    signal.type === "TASK" ? Promise.reject(new Error("the process died here")) : bus.append(signal, options);
};

async function claimAndDie(
  fleet: Fleet,
  request: { neuron: string; input: Record<string, unknown>; timeoutMs?: number },
) {
  const synapse = leveredSynapse(await fleet.connect(), { append: losesTasks });
  const claimer = fleet.dendrite({ synapse });
  await expect(claimer.dispatchAndWait({ ...request, idempotencyKey: "k" })).rejects.toThrow("the process died here");
  expect(await tasks(fleet)).toHaveLength(0);
}

describe.each(TRANSPORTS)("idempotency keys over %s", (transport) => {
  test("50 concurrent callers in five processes' Dendrites: one execution, 50 equal replies", async () => {
    await using fleet = await withFleet(transport);
    const { starts, axon } = counter();
    await fleet.worker([axon]);
    const dispatchers = await Promise.all(
      Array.from({ length: 5 }, async () => fleet.dendrite({ synapse: await fleet.connect() })),
    );
    const request = { neuron: "count", input: { order: 17 }, idempotencyKey: "order 17" };
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, at) => dispatchers[at % 5]!.dispatchAndWait(request)),
    );
    expect(starts).toHaveLength(1);
    for (const reply of replies) expect(reply).toEqual(replies[0]);
    expect(replies[0]!.payload.output).toEqual({ order: 17, n: 1 });
    const [task, ...more] = await tasks(fleet);
    expect(more).toEqual([]);
    expect(task!.meta).toMatchObject({ run_id: replies[0]!.meta.run_id, idempotency_key: "order 17" });
    for (const dispatcher of dispatchers) expect(dispatcher.stats().waiting).toBe(0);
  });

  test("a later caller, whose first is gone, gets the reply; also by call, and dispatch names the run", async () => {
    await using fleet = await withFleet(transport);
    const { starts, axon } = counter();
    await fleet.worker([axon]);
    const first = fleet.dendrite();
    const request = { neuron: "count", input: { a: 1, b: { c: 2, d: 3 } }, idempotencyKey: "k" };
    const reply = await first.dispatchAndWait(request);
    await first.stop();
    const later = fleet.dendrite({ synapse: await fleet.connect() });
    const sameInput = { b: { d: 3, c: 2 }, a: 1 };
    expect(await later.dispatchAndWait({ ...request, input: sameInput })).toEqual(reply);
    const { runId, traceId, taskId } = await later.dispatch({ ...request, traceId: newTraceId() });
    expect({ runId, traceId, taskId }).toEqual({
      runId: reply.meta.run_id,
      traceId: reply.trace_id,
      taskId: reply.parent_id,
    });
    const contract = defineNeuron({ neuronId: "count", input: z.looseObject({}), output: z.object({ n: z.number() }) });
    expect(await later.call(contract, sameInput, { idempotencyKey: "k" })).toEqual({ n: 1 });
    expect(starts).toHaveLength(1);
  });

  test("another input is a conflict that says the key and the run, before, while and after it runs", async () => {
    await using fleet = await withFleet(transport);
    const hold = deferred();
    const { starts, axon } = counter("count", hold.promise);
    await fleet.worker([axon]);
    const dispatcher = fleet.dendrite();
    const key = { neuron: "count", idempotencyKey: "k" };
    const waiting = dispatcher.dispatchAndWait({ ...key, input: { n: 1 } });
    await until(() => starts.length === 1);
    const conflict = await dispatcher.dispatchAndWait({ ...key, input: { n: 2 } }).catch((error: unknown) => error);
    hold.resolve();
    const { run_id } = (await waiting).meta;
    expect(conflict).toBeInstanceOf(IdempotencyConflictError);
    expect(conflict).toMatchObject({ kind: "IDEMPOTENCY_CONFLICT", idempotencyKey: "k", runId: run_id });
    expect((conflict as Error).message).toContain(`"k" stands for run ${run_id}`);
    await expect(dispatcher.dispatch({ ...key, input: { n: 2 } })).rejects.toThrow(IdempotencyConflictError);
    expect(starts).toHaveLength(1);
  });

  test("another tenant, neuron or list of capabilities is another key; the order of capabilities is not", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon("one", { capabilities: ["a", "b"] }), echoAxon("two")]);
    const dispatcher = fleet.dendrite();
    const ask = async (request: object) => {
      const reply = await dispatcher.dispatchAndWait({ input: {}, idempotencyKey: "k", ...request });
      return reply.meta.run_id;
    };
    const runs = [
      await ask({ neuron: "one" }),
      await ask({ neuron: "two" }),
      await ask({ neuron: "one", tenantId: "acme" }),
      await ask({ capabilities: ["a", "b"] }),
    ];
    expect(new Set(runs).size).toBe(4);
    expect(await ask({ neuron: "one", tenantId: "acme" })).toBe(runs[2]);
    expect(await ask({ capabilities: ["b", "a"] })).toBe(runs[3]);
  });

  test("a run that failed has failed for all who have its key", async () => {
    await using fleet = await withFleet(transport);
    let starts = 0;
    const neuron = () => {
      throw new NeuronFailure("OUT_OF_PAPER", `start ${++starts}`);
    };
    await fleet.worker([new Axon({ neuronId: "fails", neuron })]);
    const dispatcher = fleet.dendrite();
    const request = { neuron: "fails", input: {}, idempotencyKey: "k" };
    const failures = await Promise.all(
      [1, 2, 3].map(() => dispatcher.dispatchAndWait(request).catch((error: unknown) => error)),
    );
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(NeuronError);
      expect((failure as Error).message).toMatch(/OUT_OF_PAPER: start 1/);
    }
    expect(starts).toBe(1);
  });

  test("A1: a claimer that died before it sent: of many who find its claim one sends, and all get the reply", async () => {
    await using fleet = await withFleet(transport);
    const { starts, axon } = counter();
    await fleet.worker([axon]);
    const request = { neuron: "count", input: { n: 5 } };
    await claimAndDie(fleet, request);
    const dispatchers = await Promise.all(
      Array.from({ length: 3 }, async () => fleet.dendrite({ synapse: await fleet.connect() })),
    );
    const replies = await Promise.all(
      Array.from({ length: 15 }, (_, at) => dispatchers[at % 3]!.dispatchAndWait({ ...request, idempotencyKey: "k" })),
    );
    expect(starts).toHaveLength(1);
    for (const reply of replies) expect(reply).toEqual(replies[0]);
    expect(await tasks(fleet)).toHaveLength(1);
  });

  test("a claim that was never sent and is past its deadline is claimed anew", async () => {
    await using fleet = await withFleet(transport);
    const { starts, axon } = counter();
    await fleet.worker([axon]);
    const request = { neuron: "count", input: { n: 5 } };
    await claimAndDie(fleet, { ...request, timeoutMs: 1 });
    const diedAt = Date.now();
    while (Date.now() <= diedAt + 1) await new Promise((resolve) => setTimeout(resolve, 1));
    const reply = await fleet.dendrite().dispatchAndWait({ ...request, idempotencyKey: "k" });
    expect(reply.payload.output).toEqual({ n: 1 });
    expect(starts).toHaveLength(1);
  });

  test("what is too large for one message has a key all the same", async () => {
    await using fleet = await withFleet(transport);
    const { starts, axon } = counter();
    await fleet.worker([axon]);
    const request = { neuron: "count", input: { text: "x".repeat(2_000_000) }, idempotencyKey: "k" };
    const reply = await fleet.dendrite().dispatchAndWait(request);
    expect(await fleet.dendrite().dispatchAndWait(request)).toEqual(reply);
    await expect(fleet.dendrite().dispatch({ ...request, input: {} })).rejects.toThrow(IdempotencyConflictError);
    expect(starts).toHaveLength(1);
  });

  test("a key is free again idempotencyKeepMs after its run ended, and not before", async () => {
    await using fleet = await withFleet(transport);
    const { starts, axon } = counter();
    await fleet.worker([axon]);
    const request = { neuron: "count", idempotencyKey: "k" };
    const dispatcher = fleet.dendrite({ idempotencyKeepMs: 1 });
    const first = await dispatcher.dispatchAndWait({ ...request, input: {} });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect((await fleet.dendrite().dispatchAndWait({ ...request, input: {} })).id).toBe(first.id);
    // Many at once: the key passes to one of them.
    const again = await Promise.all(
      Array.from({ length: 10 }, () => fleet.dendrite().dispatch({ ...request, input: {} })),
    );
    expect(new Set(again.map((one) => one.runId))).toEqual(new Set([first.meta.run_id]));
    const anew = await dispatcher.dispatchAndWait({ ...request, input: { other: true } });
    expect(anew.meta.run_id).not.toBe(first.meta.run_id);
    expect(starts).toHaveLength(2);
  });

  test("giving up leaves the run to the others; stopTrace stops it for all", async () => {
    await using fleet = await withFleet(transport);
    const started = deferred<string>();
    const neuron = (_input: unknown, ctx: { signal: AbortSignal; traceId: string }) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error));
        started.resolve(ctx.traceId);
      });
    await fleet.worker([new Axon({ neuronId: "long", neuron })]);
    const dispatcher = fleet.dendrite();
    const request = { neuron: "long", input: {}, idempotencyKey: "k" };
    const abort = new AbortController();
    const first = dispatcher.dispatchAndWait({ ...request, signal: abort.signal });
    const traceId = await started.promise;
    const second = dispatcher.dispatchAndWait(request).catch((error: unknown) => error);
    await until(() => dispatcher.stats().waiting === 2);
    const reason = new Error("the client went away");
    abort.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(dispatcher.stats().waiting).toBe(1);
    await dispatcher.stopTrace(traceId);
    expect(await second).toMatchObject({ code: "STOPPED" });
    await expect(dispatcher.dispatchAndWait(request)).rejects.toMatchObject({ code: "STOPPED" });
  });

  test("a stream with a key shows the trace of the run it stands for", async () => {
    await using fleet = await withFleet(transport);
    const second = deferred();
    const starts: string[] = [];
    const neuron = async (_input: unknown, ctx: { thought: (text: string) => void; runId: string }) => {
      starts.push(ctx.runId);
      await second.promise;
      ctx.thought("hello");
      return { response: "done" };
    };
    await fleet.worker([new Axon({ neuronId: "talks", neuron })]);
    const request = { neuron: "talks", input: {}, idempotencyKey: "k" };
    const [one, two] = [fleet.dendrite(), fleet.dendrite({ synapse: await fleet.connect() })];
    const waiting = one.dispatchAndWait(request);
    await until(() => starts.length === 1);
    const seen: Signal[] = [];
    const streaming = (async () => {
      for await (const signal of two.stream(request)) seen.push(signal);
    })();
    await until(() => two.stats().waiting === 1);
    second.resolve();
    const reply = await waiting;
    await streaming;
    expect(seen.map((signal) => signal.type)).toEqual(["THOUGHT_DELTA", "AGENT_OUTPUT"]);
    expect(seen.at(-1)).toEqual(reply);
    expect(starts).toEqual([reply.meta.run_id]);
  });

  test("past the log the records answer; without them the error says so, and nothing runs twice", async () => {
    await using fleet = await withFleet(transport);
    const { starts, axon } = counter();
    await fleet.worker([axon]);
    const request = { neuron: "count", input: {}, idempotencyKey: "k" };
    const first = fleet.dendrite({ discoverMs: 50 });
    const reply = await first.dispatchAndWait(request);
    const [task] = await tasks(fleet);
    const bus = await fleet.bus();
    await bus.purge((await bus.info()).lastSeq + 1);
    const failure = await first.dispatchAndWait(request).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RecordsUnavailableError);
    expect((failure as Error).message).toMatch(/log does not hold run run_\w+ .*no recorder answers.*start one/);
    await expect(first.dispatch({ ...request, input: { other: 1 } })).rejects.toThrow(RecordsUnavailableError);

    const answer = (signal: Signal) => ({ signal: { ...signal }, storedAt: new Date().toISOString() });
    await fleet.worker([new Axon({ ...runRecords, neuron: ({ ask }) => answer(ask === "reply" ? reply : task!) })]);
    expect(await first.dispatchAndWait(request)).toEqual(reply);
    await expect(first.dispatch({ ...request, input: { other: 1 } })).rejects.toThrow(IdempotencyConflictError);
    expect(starts).toHaveLength(1);
  });

  test("a claim in a log that was emptied before it is still sent by who finds it: nothing was removed since", async () => {
    await using fleet = await withFleet(transport);
    const { starts, axon } = counter();
    await fleet.worker([axon]);
    const bus = await fleet.bus();
    await bus.purge((await bus.info()).lastSeq + 1);
    await claimAndDie(fleet, { neuron: "count", input: {} });
    await fleet.dendrite().dispatchAndWait({ neuron: "count", input: {}, idempotencyKey: "k" });
    expect(starts).toHaveLength(1);
  });

  test.each([
    ["an empty key", { idempotencyKey: "" }, /idempotencyKey must be 1 to 255 characters, got ""/],
    [
      "one that is too long",
      { idempotencyKey: "x".repeat(256) },
      /idempotencyKey must be 1 to 255 characters, got "xxx.*\(256\)/,
    ],
    [
      "one that is no text",
      { idempotencyKey: 5 as unknown as string },
      /idempotencyKey must be 1 to 255 characters, got 5/,
    ],
    [
      "one of a transient dispatch",
      { idempotencyKey: "k", delivery: "transient" as const },
      /idempotencyKey needs delivery "durable"/,
    ],
  ])("refuses %s", async (_what, options, message) => {
    await using fleet = await withFleet(transport);
    const dispatcher = fleet.dendrite();
    await expect(dispatcher.dispatch({ neuron: "echo", input: {}, ...options })).rejects.toThrow(message);
    await expect(dispatcher.dispatchAndWait({ neuron: "echo", input: {}, ...options })).rejects.toThrow(message);
  });

  test("nobody there claims nothing: the key is free for the next", async () => {
    await using fleet = await withFleet(transport);
    const dispatcher = fleet.dendrite({ discoverMs: 20 });
    const request = { neuron: "count", input: {}, idempotencyKey: "k" };
    await expect(dispatcher.dispatchAndWait(request)).rejects.toMatchObject({ kind: "NO_WORKER" });
    const { axon } = counter();
    await fleet.worker([axon]);
    const { runId } = await dispatcher.dispatch({ ...request, input: { other: true }, whenAbsent: "wait" });
    expect(isRunId(runId)).toBe(true);
  });
});

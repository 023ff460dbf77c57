import { describe, expect, test } from "@jest/globals";
import { newTraceId, PayloadTooLargeError, type Signal, type SignalOf } from "@myelin/bus";
import { Axon, DispatchTimeoutError, InputValidationError, NeuronError, NoWorkerError } from "@myelin/dendrite";
import { defineNeuron, NeuronFailure } from "@myelin/neuron";
import { z } from "zod";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { deferred, echoAxon, TRANSPORTS, until, withFleet } from "../../helpers/with-fleet.ts";

expectNoLeaks();

const summarize = defineNeuron({
  neuronId: "summarize",
  capabilities: ["text"],
  input: z.object({ text: z.string(), words: z.number().default(3) }),
  output: z.object({ summary: z.string() }),
});

describe.each(TRANSPORTS)("dispatch over %s", (transport) => {
  test.each(["durable", "transient"] as const)("resolves with the neuron's output (%s)", async (delivery) => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon("echo", { capabilities: ["text"] })]);
    const traceId = newTraceId();
    const reply = await fleet
      .dendrite()
      .dispatchAndWait({ neuron: "echo", input: { prompt: "hi" }, traceId, delivery });
    expect(reply).toMatchObject({
      type: "AGENT_OUTPUT",
      trace_id: traceId,
      directed: { id: "echo", capabilities: ["text"] },
      payload: { output: { response: "hi" } },
    });
  });

  test("a durable dispatch is in the log with its metadata, tenant and deadline; a transient one leaves no trace there", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon()]);
    const dispatcher = fleet.dendrite();
    const request = {
      neuron: "echo",
      input: { prompt: "hi" },
      metadata: { thread_id: "t1" },
      tenantId: "acme",
      timeoutMs: 5_000,
    };
    await dispatcher.dispatchAndWait({ ...request, delivery: "transient" });
    const before = Date.now();
    await dispatcher.dispatchAndWait(request);
    const after = Date.now();
    const signals: Signal[] = [];
    for await (const entry of (await fleet.bus()).read({})) if (entry.parsed.ok) signals.push(entry.parsed.signal);
    const stored = signals.filter((one) => one.type === "TASK" || one.type === "AGENT_OUTPUT");
    expect(stored.map((one) => one.type)).toEqual(["TASK", "AGENT_OUTPUT"]);
    const [task, output] = stored as [SignalOf<"TASK">, SignalOf<"AGENT_OUTPUT">];
    expect(task.payload.metadata).toEqual({ thread_id: "t1" });
    expect(task.meta).toMatchObject({ tenant_id: "acme", reply_to: dispatcher.instance });
    expect(Date.parse(task.payload.deadline!)).toBeGreaterThanOrEqual(before + 5_000);
    expect(Date.parse(task.payload.deadline!)).toBeLessThanOrEqual(after + 5_000);
    expect(output.parent_id).toBe(task.id);
    expect(output.meta).toMatchObject({ run_id: task.meta.run_id, tenant_id: "acme", attempt: 1 });
  });

  test("a capability call runs once, on a neuron that has all of them", async () => {
    await using fleet = await withFleet(transport);
    const ran: string[] = [];
    const named = (neuronId: string, capabilities: string[]) =>
      new Axon({ neuronId, capabilities, neuron: () => ({ by: ran.push(neuronId) }) });
    await fleet.worker([named("small", ["a"]), named("both", ["a", "b"]), named("more", ["a", "b", "c"])]);
    const dispatcher = fleet.dendrite();
    for (let n = 0; n < 20; n++) await dispatcher.dispatchAndWait({ capabilities: ["b", "a"], input: {} });
    expect(ran).toHaveLength(20);
    expect(new Set(ran)).toEqual(new Set(["both", "more"]));
    await expect(dispatcher.dispatchAndWait({ capabilities: ["a", "z"], input: {} })).rejects.toThrow(NoWorkerError);
  });

  test("nobody there: NoWorkerError says whom it looked for; whenAbsent waits for the worker that comes", async () => {
    await using fleet = await withFleet(transport);
    const dispatcher = fleet.dendrite();
    await expect(dispatcher.dispatchAndWait({ neuron: "late", input: {} })).rejects.toThrow(
      new RegExp(`no worker for neuron "late" in namespace "${fleet.namespace}"`),
    );
    const waiting = dispatcher.dispatchAndWait({ neuron: "late", input: { prompt: "x" }, whenAbsent: "wait" });
    const byCapability = dispatcher.dispatchAndWait({ capabilities: ["rare"], input: {}, whenAbsent: "wait" });
    await fleet.worker([echoAxon("late", { capabilities: ["rare"] })]);
    await expect(waiting).resolves.toMatchObject({ payload: { output: { response: "x" } } });
    await expect(byCapability).resolves.toMatchObject({ directed: { id: "late" } });
  });

  test("waiting for a worker that never comes ends with the caller's signal, and with stop", async () => {
    await using fleet = await withFleet(transport);
    const dispatcher = fleet.dendrite();
    await dispatcher.start();
    const abort = new AbortController();
    const request = { capabilities: ["rare"], input: {}, whenAbsent: "wait" } as const;
    const aborted = dispatcher.dispatchAndWait({ ...request, signal: abort.signal });
    const waiting = dispatcher.dispatchAndWait(request).catch((error: unknown) => error);
    const reason = new Error("enough");
    abort.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await dispatcher.stop();
    expect(await waiting).toBeInstanceOf(NoWorkerError);
  });

  test.each([
    ["an Error", () => new Error("boom"), { code: "NEURON_EXCEPTION", recoverable: false, message: /boom/ }],
    [
      "a NeuronFailure",
      () => new NeuronFailure("QUOTA", "later", { recoverable: true }),
      { code: "QUOTA", recoverable: true, message: /later/ },
    ],
    ["text", () => "just text", { code: "NEURON_EXCEPTION", recoverable: false, message: /just text/ }],
  ])("a neuron that throws %s rejects with NeuronError", async (_what, thrown, expected) => {
    await using fleet = await withFleet(transport);
    await fleet.worker([
      new Axon({
        neuronId: "fails",
        neuron: () => {
          throw thrown();
        },
      }),
    ]);
    const failed = await fleet
      .dendrite()
      .dispatchAndWait({ neuron: "fails", input: {} })
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(NeuronError);
    expect(failed).toMatchObject({ code: expected.code, recoverable: expected.recoverable, signal: { type: "ERROR" } });
    expect((failed as Error).message).toMatch(expected.message);
  });

  test.each([
    ["cannot be JSON", () => ({ big: 1n }), "OUTPUT_NOT_JSON"],
    ["is above the limit", () => ({ text: "x".repeat(100_000) }), "PAYLOAD_TOO_LARGE"],
  ])("an output that %s is an error for the caller, not a silence", async (_what, output, code) => {
    await using fleet = await withFleet(transport, { maxPayloadBytes: 100_000 });
    await fleet.worker([new Axon({ neuronId: "odd", neuron: output })]);
    for (const delivery of ["durable", "transient"] as const) {
      await expect(fleet.dendrite().dispatchAndWait({ neuron: "odd", input: {}, delivery })).rejects.toMatchObject({
        code,
      });
    }
  });

  test("an input above the limit is refused before anything is sent", async () => {
    await using fleet = await withFleet(transport, { maxPayloadBytes: 100_000 });
    await fleet.worker([echoAxon()]);
    const dispatcher = fleet.dendrite();
    await dispatcher.start();
    const before = (await (await fleet.bus()).info()).lastSeq;
    const refused = dispatcher.dispatchAndWait({ neuron: "echo", input: { prompt: "x".repeat(100_000) } });
    await expect(refused).rejects.toThrow(PayloadTooLargeError);
    expect((await (await fleet.bus()).info()).lastSeq).toBe(before);
    expect(dispatcher.stats().waiting).toBe(0);
  });

  test("D1: a timeout rejects once, leaves no waiter, and the late reply reaches nobody", async () => {
    await using fleet = await withFleet(transport);
    const finish = deferred();
    await fleet.worker([new Axon({ neuronId: "slow", neuron: () => finish.promise })]);
    const dispatcher = fleet.dendrite();
    const failed = await dispatcher
      .dispatchAndWait({ neuron: "slow", input: {}, timeoutMs: 100 })
      .catch((e: unknown) => e);
    expect(failed).toBeInstanceOf(DispatchTimeoutError);
    expect(failed).toMatchObject({ timeoutMs: expect.any(Number), runId: expect.stringMatching(/^run_/) });
    expect(dispatcher.stats().waiting).toBe(0);
    const late = deferred<Signal>();
    await dispatcher.onAgentOutput({ neuron: "slow" }, (signal) => late.resolve(signal)).ready;
    finish.resolve();
    expect((await late.promise).meta.run_id).toBe((failed as DispatchTimeoutError).runId);
  });

  test("a neuron that ends at the deadline is a timeout for its caller, whoever is faster", async () => {
    await using fleet = await withFleet(transport);
    const neuron = (_input: unknown, ctx: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error));
      });
    await fleet.worker([new Axon({ neuronId: "obeys", concurrency: 20, neuron })]);
    const dispatcher = fleet.dendrite();
    const codes: string[] = [];
    await dispatcher.onErrorSignal((signal) => void codes.push(signal.payload.code)).ready;
    const waits = Array.from({ length: 20 }, () =>
      dispatcher.dispatchAndWait({ neuron: "obeys", input: {}, timeoutMs: 100 }),
    );
    for (const wait of await Promise.allSettled(waits)) {
      expect((wait as PromiseRejectedResult).reason).toBeInstanceOf(DispatchTimeoutError);
    }
    await until(() => codes.length === 20);
    expect(new Set(codes)).toEqual(new Set(["DEADLINE_EXCEEDED"]));
  });

  test("D1: aborting rejects with the signal's reason, stops the run and leaves nothing behind", async () => {
    await using fleet = await withFleet(transport);
    const started = deferred<AbortSignal>();
    const neuron = (_input: unknown, ctx: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error));
        started.resolve(ctx.signal);
      });
    await fleet.worker([new Axon({ neuronId: "long", neuron })]);
    const dispatcher = fleet.dendrite();
    const stopped = deferred<SignalOf<"STOPPED">>();
    await dispatcher.onStopped((signal) => stopped.resolve(signal)).ready;
    const abort = new AbortController();
    const waiting = dispatcher.dispatchAndWait({ neuron: "long", input: {}, signal: abort.signal });
    const ctxSignal = await started.promise;
    const reason = new Error("the client went away");
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(dispatcher.stats().waiting).toBe(0);
    expect((await stopped.promise).payload.reason).toBe("the caller gave up");
    expect(ctxSignal.aborted).toBe(true);
    await expect(
      dispatcher.dispatchAndWait({ neuron: "long", input: {}, signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });

  test("stopTrace stops every run of the trace, and their waiters hear it", async () => {
    await using fleet = await withFleet(transport);
    let running = 0;
    const neuron = (_input: unknown, ctx: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => {
        running++;
        ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error));
      });
    await fleet.worker([new Axon({ neuronId: "long", neuron })]);
    const dispatcher = fleet.dendrite();
    const traceId = newTraceId();
    const waits = [1, 2].map(() =>
      dispatcher.dispatchAndWait({ neuron: "long", input: {}, traceId }).catch((e: unknown) => e),
    );
    await until(() => running === 2);
    await dispatcher.stopTrace(traceId, { reason: "enough" });
    for (const failed of await Promise.all(waits)) expect(failed).toMatchObject({ code: "STOPPED", message: /enough/ });
  });

  test("D1: a reply nobody heard live is fetched from the log", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon()]);
    // A connection whose live delivery of replies is lost, as it is for one that is down at that moment.
    const deaf = new Proxy(await fleet.connect(), {
      get: (synapse, key) =>
        key === "open"
          ? async (...args: Parameters<typeof synapse.open>) => {
              const bus = await synapse.open(...args);
              return new Proxy(bus, {
                get: (target, name) => {
                  const value = Reflect.get(target, name) as unknown;
                  if (name === "subscribe") {
                    return (channel: "log" | "live", filter: { to?: string }, handler: () => void) =>
                      target.subscribe(channel, filter, filter.to?.startsWith("dnd_") ? () => {} : handler);
                  }
                  return typeof value === "function" ? (value.bind(target) as unknown) : value;
                },
              });
            }
          : (Reflect.get(synapse, key) as () => unknown).bind?.(synapse),
    });
    const dispatcher = fleet.dendrite({ synapse: deaf });
    const reply = await dispatcher.dispatchAndWait({ neuron: "echo", input: { prompt: "found" }, timeoutMs: 10_000 });
    expect(reply.payload.output).toEqual({ response: "found" });
  });

  test("a task past its deadline is not started", async () => {
    await using fleet = await withFleet(transport);
    let starts = 0;
    const dispatcher = fleet.dendrite();
    const { runId } = await dispatcher.dispatch({ neuron: "late", input: {}, timeoutMs: 20, whenAbsent: "wait" });
    const failed = deferred<SignalOf<"ERROR">>();
    await dispatcher.onErrorSignal((signal) => failed.resolve(signal)).ready;
    await new Promise((resolve) => setTimeout(resolve, 30));
    await fleet.worker([new Axon({ neuronId: "late", neuron: () => starts++ })]);
    expect(await failed.promise).toMatchObject({ payload: { code: "DEADLINE_EXCEEDED" }, meta: { run_id: runId } });
    expect(starts).toBe(0);
  });

  test("call: typed on both sides, checked on both sides", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([
      new Axon({ ...summarize, neuron: ({ text, words }) => ({ summary: text.split(" ").slice(0, words).join(" ") }) }),
    ]);
    const dispatcher = fleet.dendrite();
    expect(await dispatcher.call(summarize, { text: "a b c d e" })).toEqual({ summary: "a b c" });
    const wrong = dispatcher.call(summarize, { text: 5 } as unknown as { text: string });
    await expect(wrong).rejects.toThrow(InputValidationError);
    await expect(wrong).rejects.toThrow(/input of "summarize" is invalid: text: .*string/);
    // A caller without the contract is refused by the worker, with the same error.
    const blind = await dispatcher
      .dispatchAndWait({ neuron: "summarize", input: { text: 5 } })
      .catch((e: unknown) => e);
    expect(blind).toBeInstanceOf(InputValidationError);
    expect(blind).toMatchObject({ issues: [{ path: "text" }] });
  });

  test("an output that does not fit its schema is the worker's error", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([new Axon({ ...summarize, neuron: () => ({ summary: 5 }) as unknown as { summary: string } })]);
    await expect(fleet.dendrite().call(summarize, { text: "a" })).rejects.toMatchObject({ code: "OUTPUT_INVALID" });
  });

  test("an output that is no object travels as { value }", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([
      new Axon({ neuronId: "plain", neuron: () => 42 }),
      new Axon({ neuronId: "void", neuron: () => {} }),
    ]);
    const dispatcher = fleet.dendrite();
    expect((await dispatcher.dispatchAndWait({ neuron: "plain", input: {} })).payload.output).toEqual({ value: 42 });
    expect((await dispatcher.dispatchAndWait({ neuron: "void", input: {} })).payload.output).toEqual({ value: null });
  });

  test("any number of Dendrites may share a dendriteId, also the neuron's name", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon()], { dendriteId: "echo" });
    const two = [fleet.dendrite({ dendriteId: "echo" }), fleet.dendrite({ dendriteId: "echo" })];
    const replies = await Promise.all(
      [0, 1, 2, 3].map((n) => two[n % 2]!.dispatchAndWait({ neuron: "echo", input: { prompt: n } })),
    );
    expect(replies.map((reply) => reply.payload.output.response)).toEqual([0, 1, 2, 3]);
  });

  test.each([
    [{ input: {} }, /either a neuron or capabilities/],
    [{ neuron: "a", capabilities: ["b"], input: {} }, /either a neuron or capabilities/],
    [{ capabilities: [], input: {} }, /at least one/],
    [{ neuron: "a b", input: {} }, /neuron id must be .*got "a b"/],
    [{ neuron: "a", input: "text" }, /input must be a JSON object, got string/],
    [{ neuron: "a", input: {}, timeoutMs: -5 }, /timeoutMs must be > 0 .*got -5/],
    [{ neuron: "a", input: {}, timeoutMs: "5" }, /timeoutMs must be > 0 .*got "5"/],
    [{ neuron: "a", input: {}, onPause: "ask" }, /onPause must be "reject", "return" or "wait", got "ask"/],
    [{ neuron: "a", input: {}, timeoutMs: 1e12 }, /<= 604800000, got 1000000000000/],
    [{ neuron: "a", input: {}, traceId: "x" }, /trace id must be/],
    [{ neuron: "a", input: {}, delivery: "fast" }, /delivery must be .*got "fast"/],
    [{ neuron: "a", input: {}, whenAbsent: "maybe" }, /whenAbsent must be/],
    [{ neuron: "a", input: {}, metadata: [] }, /metadata must be a JSON object/],
    [{ neuron: "a", input: {}, tenantId: "" }, /tenantId must be/],
    [{ neuron: "a", input: {}, parentId: "x" }, /parentId must be/],
  ])("refuses %j with the value and the rule", async (request, message) => {
    await using fleet = await withFleet(transport);
    await expect(fleet.dendrite().dispatchAndWait(request as never)).rejects.toThrow(message);
  });
});

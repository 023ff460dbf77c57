import { describe, expect, test } from "@jest/globals";
import { connectSynapse, type Synapse } from "@myelin/bus";
import { Axon, Dendrite, DendriteError } from "@myelin/dendrite";
import { deferred, echoAxon, TRANSPORTS, until, withFleet } from "../../helpers/with-fleet.ts";

describe.each(TRANSPORTS)("lifecycle over %s", (transport) => {
  test("S1: stop finishes what runs, takes nothing more, and says so to the roster", async () => {
    await using fleet = await withFleet(transport);
    const [started, finish] = [deferred(), deferred()];
    let ended = false;
    const worker = await fleet.worker([
      new Axon({
        neuronId: "slow",
        concurrency: 1,
        neuron: async () => {
          started.resolve();
          await finish.promise;
          ended = true;
          return { by: "first" };
        },
      }),
    ]);
    const dispatcher = fleet.dendrite();
    const left = deferred<string | undefined>();
    await dispatcher.onDeregisterSignal({ neuron: "slow" }, (signal) => left.resolve(signal.payload.reason)).ready;
    const running = dispatcher.dispatchAndWait({ neuron: "slow", input: {} });
    await started.promise;
    const queued = dispatcher.dispatchAndWait({ neuron: "slow", input: {} });
    const stopping = worker.stop("deploy");
    await fleet.worker([new Axon({ neuronId: "slow", neuron: () => ({ by: "second" }) })]);
    expect((await queued).payload.output).toEqual({ by: "second" });
    finish.resolve();
    await stopping;
    expect(ended).toBe(true);
    expect((await running).payload.output).toEqual({ by: "first" });
    expect(await left.promise).toBe("deploy");
    expect(worker.stats().running).toBe(0);
  });

  test("what does not finish within drainMs is aborted and handed to another worker at once", async () => {
    await using fleet = await withFleet(transport);
    const started = deferred();
    const stuck = new Axon({
      neuronId: "stuck",
      neuron: (_input, ctx) =>
        new Promise((_resolve, reject) => {
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error));
          started.resolve();
        }),
    });
    const worker = await fleet.worker([stuck], { drainMs: 50 });
    const waiting = fleet.dendrite().dispatchAndWait({ neuron: "stuck", input: {}, timeoutMs: 10_000 });
    await started.promise;
    await fleet.worker([new Axon({ neuronId: "stuck", neuron: (_input, ctx) => ({ attempt: ctx.attempt }) })]);
    await worker.stop();
    expect((await waiting).payload.output).toEqual({ attempt: 2 });
  });

  test("what waits is rejected with STOPPED, and so is what comes later", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([new Axon({ neuronId: "never", neuron: () => new Promise(() => {}) })], { drainMs: 10 });
    const dispatcher = fleet.dendrite();
    const waiting = dispatcher.dispatchAndWait({ neuron: "never", input: {} }).catch((error: unknown) => error);
    await until(() => dispatcher.stats().waiting === 1);
    await Promise.all([dispatcher.stop(), dispatcher.stop()]);
    expect(await waiting).toMatchObject({ kind: "STOPPED" });
    await expect(dispatcher.dispatchAndWait({ neuron: "never", input: {} })).rejects.toMatchObject({ kind: "STOPPED" });
    await expect(dispatcher.start()).rejects.toBeInstanceOf(DendriteError);
    expect(dispatcher.isRunning).toBe(false);
  });

  test("starting twice is one start; a Dendrite drains only itself", async () => {
    await using fleet = await withFleet(transport);
    const worker = fleet.dendrite();
    worker.attachAxon(echoAxon());
    let registered = 0;
    const watcher = fleet.dendrite();
    await watcher.onRegisterSignal(() => void registered++).ready;
    await Promise.all([worker.start(), worker.start()]);
    await worker.start();
    await until(() => registered === 1);
    await worker.stop();
    await expect(fleet.worker([echoAxon("other")])).resolves.toBeInstanceOf(Dendrite);
    expect(registered).toBeGreaterThanOrEqual(1);
  });

  test("a start that fails says why and may be tried again", async () => {
    await using fleet = await withFleet(transport);
    let broken = true;
    const flaky: Synapse = new Proxy(fleet.synapse, {
      get: (target, key) => {
        if (key === "open" && broken) return () => Promise.reject(new Error("not yet"));
        const value = Reflect.get(target, key) as unknown;
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const dendrite = fleet.dendrite({ synapse: flaky });
    await expect(dendrite.start()).rejects.toThrow("not yet");
    broken = false;
    await dendrite.start();
    expect(dendrite.isRunning).toBe(true);
  });

  test("untilStopped ends with SIGTERM, and with a stop from elsewhere", async () => {
    await using fleet = await withFleet(transport);
    const first = await fleet.worker([echoAxon()]);
    const byStop = first.untilStopped();
    await first.stop();
    await byStop;
    const second = await fleet.worker([echoAxon()]);
    const bySignal = second.untilStopped();
    process.emit("SIGTERM", "SIGTERM");
    await bySignal;
    expect(second.isRunning).toBe(false);
    expect(process.listenerCount("SIGTERM")).toBe(0);
  });

  test("untilStopped takes a Ctrl-C for one, though npm passes it on once more", async () => {
    await using fleet = await withFleet(transport);
    const worker = await fleet.worker([echoAxon()]);
    const stopped = worker.untilStopped();
    process.emit("SIGINT", "SIGINT");
    expect(process.emit("SIGINT", "SIGINT")).toBe(true); // heard, so the default action does not end the process
    await stopped;
    expect(process.emit("SIGINT", "SIGINT")).toBe(true);
  });
});

describe("roster", () => {
  test.each(TRANSPORTS)(
    "three replicas show as three, with what they do; one that leaves is gone (%s)",
    async (transport) => {
      await using fleet = await withFleet(transport);
      const workers = [];
      for (const version of ["1.0", "1.1", "1.1"]) {
        const axon = new Axon({
          neuronId: "echo",
          capabilities: ["text"],
          concurrency: 3,
          version,
          neuron: () => ({}),
        });
        workers.push(await fleet.worker([axon], { dendriteId: "same-label" }));
      }
      const dispatcher = fleet.dendrite();
      for (let n = 0; n < 9; n++) await dispatcher.dispatchAndWait({ neuron: "echo", input: {} });
      const roster = await dispatcher.roster();
      expect(roster).toHaveLength(3);
      expect(new Set(roster.map((one) => one.instance)).size).toBe(3);
      expect(roster.map((one) => one.version).sort()).toEqual(["1.0", "1.1", "1.1"]);
      expect(roster[0]).toMatchObject({
        neuronId: "echo",
        label: "same-label",
        capabilities: ["text"],
        concurrency: 3,
      });
      expect(roster.reduce((sum, one) => sum + one.processed, 0)).toBe(9);
      expect(roster.find((one) => one.processed > 0)!.lastProcessedAt).toBeInstanceOf(Date);
      await workers[0]!.stop();
      expect(await dispatcher.roster()).toHaveLength(2);
      await workers[1]!.stop();
      await workers[2]!.stop();
      await until(async () => (await dispatcher.roster()).length === 0);
      await expect(dispatcher.dispatchAndWait({ neuron: "echo", input: {} })).rejects.toMatchObject({
        kind: "NO_WORKER",
      });
    },
  );
});

describe("options", () => {
  test.each([
    [{ synapse: undefined }, /synapse must be a Synapse/],
    [{ namespace: "a.b" }, /namespace must be .*got "a\.b"/],
    [{ heartbeatMs: 0 }, /heartbeatMs must be > 0 .*got 0/],
    [{ ackWaitMs: Number.NaN }, /ackWaitMs must be > 0 .*got NaN/],
    [{ dendriteId: "" }, /dendriteId must be 1 to 255 characters/],
  ])("refuses %j", async (wrong, message) => {
    await using synapse = await connectSynapse("memory://");
    expect(() => new Dendrite({ synapse, ...wrong } as never)).toThrow(message);
  });

  test("an Axon refuses wrong options, and a Dendrite a second Axon of one id or a late one", async () => {
    expect(() => new Axon({ neuronId: "dnd_x", neuron: () => 1 })).toThrow(/may not begin with dnd_/);
    expect(() => new Axon({ neuronId: "a", neuron: "no" as never })).toThrow(
      /neuron of Axon "a" must be a function .*got string/,
    );
    expect(() => new Axon({ neuronId: "a", concurrency: 0, neuron: () => 1 })).toThrow(/concurrency must be .*got 0/);
    expect(() => new Axon({ neuronId: "a", capabilities: ["a b"], neuron: () => 1 })).toThrow(/capability must be/);
    expect(() => new Axon({ neuronId: "a", concurrency: "4" as never, neuron: () => 1 })).toThrow(/got "4"/);
    expect(() => new Axon({ neuronId: "a", capabilities: "b" as never, neuron: () => 1 })).toThrow(/must be a list/);
    expect(() => new Axon({ neuronId: "a", recordDeltas: "all" as never, neuron: () => 1 })).toThrow(
      /recordDeltas must/,
    );
    await using fleet = await withFleet("memory");
    const dendrite = fleet.dendrite();
    expect(() => dendrite.attachAxon({ neuronId: "a" } as never)).toThrow(/takes a new Axon/);
    dendrite.attachAxon(echoAxon());
    expect(() => dendrite.attachAxon(echoAxon())).toThrow(/attached already/);
    await dendrite.start();
    expect(() => dendrite.attachAxon(echoAxon("late"))).toThrow(/before start/);
  });
});

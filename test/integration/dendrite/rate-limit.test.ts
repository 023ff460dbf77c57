/** Rate limits of an Axon: how many tasks start per time, what waits meanwhile and where. */
import { describe, expect, test } from "@jest/globals";
import { Axon, type RateLimitOptions } from "@myelin/dendrite";
import { z } from "zod";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { TRANSPORTS, until, withFleet, type Fleet } from "../../helpers/with-fleet.ts";

const MINUTE_MS = 60_000;

interface Started {
  readonly by: string;
  readonly tenant: string;
  readonly at: number;
}

/** Replicas of one neuron that note what they start. */
function replicas(fleet: Fleet) {
  const started: Started[] = [];
  const axon = (by: string, rateLimit?: RateLimitOptions, concurrency = 2) =>
    new Axon({
      neuronId: "limited",
      concurrency,
      rateLimit,
      neuron: (input) => {
        started.push({ by, tenant: String(input.tenant), at: performance.now() });
        return { by };
      },
    });
  const dispatcher = fleet.dendrite();
  const send = (tenant: string, count = 1) =>
    Promise.all(
      Array.from({ length: count }, () =>
        dispatcher.dispatch({ neuron: "limited", input: { tenant }, whenAbsent: "wait" }),
      ),
    );
  const of = (by: string) => started.filter((one) => one.by === by);
  return { axon, started, of, send, dispatcher };
}

const byTenant = (input: { tenant?: unknown }) => String(input.tenant);

describe.each(TRANSPORTS)("rateLimit, %s", (transport) => {
  test("starts `count` at once and then one every perMs / count", async () => {
    await using fleet = await withFleet(transport);
    const { axon, started, send } = replicas(fleet);
    await send("any", 9);
    await fleet.worker([axon("a", { count: 3, perMs: 300 }, 10)]);
    await until(() => started.length === 9);
    const [first] = started;
    for (const [at, one] of started.entries()) {
      // A timer may be a millisecond early, and the first may have started late.
      if (at >= 3) expect(one.at - first!.at).toBeGreaterThan((at - 2) * 100 - 50);
    }
  });

  test("a task is not taken before there is a token for it: another replica does what this one may not", async () => {
    await using fleet = await withFleet(transport);
    const { axon, started, of, send } = replicas(fleet);
    await fleet.worker([axon("slow", { count: 1, perMs: MINUTE_MS })]);
    await fleet.worker([axon("free")], { synapse: await fleet.connect() });
    await send("any", 20);
    await until(() => started.length === 20);
    expect(of("slow").length).toBeLessThanOrEqual(1);
  });

  test("keyBy: a key without a token waits without a slot, and other keys go on", async () => {
    await using fleet = await withFleet(transport);
    const { axon, started, send } = replicas(fleet);
    await fleet.worker([axon("a", { count: 1, perMs: MINUTE_MS, keyBy: byTenant })]);
    await send("busy", 6);
    for (const tenant of ["b", "c", "d"]) await send(tenant);
    await until(() => started.length === 4);
    expect(started.map(({ tenant }) => tenant)).toEqual(["busy", "b", "c", "d"]);
  });

  test("keyBy: at most four per slot wait so, and nothing more is taken; a drain hands them back at once", async () => {
    await using fleet = await withFleet(transport);
    const { axon, started, of, send } = replicas(fleet);
    const limited = await fleet.worker([axon("a", { count: 1, perMs: MINUTE_MS, keyBy: byTenant }, 1)]);
    await send("busy", 10);
    await until(() => started.length === 1);
    // Behind ten of `busy`: the limit is at the head of the line, and says so in the docs.
    await send("b");
    await fleet.worker([axon("free")], { synapse: await fleet.connect() });
    await until(() => of("free").length === 6);
    expect(of("free").map(({ tenant }) => tenant)).toContain("b");
    await limited.stop();
    await until(() => started.length === 11);
    expect(of("a")).toHaveLength(1);
  });

  test("A2: a task that waits for its key longer than its lease stays here", async () => {
    await using fleet = await withFleet(transport);
    const { axon, started, of, send } = replicas(fleet);
    const lease = { ackWaitMs: 1_000 };
    await fleet.worker([axon("a", { count: 1, perMs: 2_500, keyBy: byTenant })], lease);
    await send("busy", 2);
    await until(() => started.length === 1);
    await fleet.worker([axon("free")], { ...lease, synapse: await fleet.connect() });
    await until(() => started.length === 2);
    expect(of("a")).toHaveLength(2);
    expect(started[1]!.at - started[0]!.at).toBeGreaterThan(2_400);
  });

  test("a task whose deadline passes while it waits is answered then, and makes room", async () => {
    await using fleet = await withFleet(transport);
    const { axon, started, dispatcher, send } = replicas(fleet);
    const worker = await fleet.worker([axon("a", { count: 1, perMs: MINUTE_MS, keyBy: byTenant }, 1)]);
    const codes: string[] = [];
    await worker.onErrorSignal((signal) => void codes.push(signal.payload.code)).ready;
    await send("busy");
    await until(() => started.length === 1);
    await Promise.all(
      Array.from({ length: 4 }, () =>
        expect(
          dispatcher.dispatchAndWait({ neuron: "limited", input: { tenant: "busy" }, timeoutMs: 300 }),
        ).rejects.toMatchObject({ kind: "DISPATCH_TIMEOUT" }),
      ),
    );
    await until(() => codes.length === 4);
    expect(new Set(codes)).toEqual(new Set(["DEADLINE_EXCEEDED"]));
    await send("b");
    await until(() => started.length === 2);
  });

  test("keyBy that throws, or gives no string, is ERROR KEY_INVALID for that task, and the worker goes on", async () => {
    await using fleet = await withFleet(transport);
    const keyBy = ({ tenant }: { tenant?: unknown }) => {
      if (tenant === "bad") throw new Error("no such tenant");
      return tenant as string;
    };
    const { axon, dispatcher } = replicas(fleet);
    await fleet.worker([axon("a", { count: 1, perMs: MINUTE_MS, keyBy })]);
    const ask = (tenant: unknown, delivery: "durable" | "transient") =>
      dispatcher.dispatchAndWait({ neuron: "limited", input: { tenant }, delivery });
    for (const delivery of ["durable", "transient"] as const) {
      await expect(ask("bad", delivery)).rejects.toMatchObject({
        code: "KEY_INVALID",
        message: "limited: KEY_INVALID: keyBy of the rate limit of limited: no such tenant",
      });
      await expect(ask(1, delivery)).rejects.toMatchObject({ code: "KEY_INVALID" });
      await expect(ask(`fine ${delivery}`, delivery)).resolves.toMatchObject({ payload: { output: { by: "a" } } });
    }
  });

  test("keyBy gets the input as its schema reads it; what the schema refuses counts against nobody", async () => {
    await using fleet = await withFleet(transport);
    const keys: string[] = [];
    const input = z.object({ tenant: z.string().default("nobody") });
    await fleet.worker([
      new Axon({
        neuronId: "typed",
        input,
        rateLimit: {
          count: 1,
          perMs: MINUTE_MS,
          keyBy: ({ tenant }) => {
            keys.push(tenant);
            return tenant;
          },
        },
        neuron: () => ({}),
      }),
    ]);
    const dispatcher = fleet.dendrite();
    await dispatcher.dispatchAndWait({ neuron: "typed", input: {} });
    await expect(dispatcher.dispatchAndWait({ neuron: "typed", input: { tenant: 1 } })).rejects.toMatchObject({
      kind: "INPUT_INVALID",
    });
    expect(keys).toEqual(["nobody"]);
  });

  test("transient tasks are limited too; beyond 100 per slot they are OVERLOADED, and a stop ends the wait", async () => {
    await using fleet = await withFleet(transport);
    const { axon, started, dispatcher } = replicas(fleet);
    const worker = await fleet.worker([axon("a", { count: 1, perMs: MINUTE_MS }, 1)]);
    const ask = () => dispatcher.dispatchAndWait({ neuron: "limited", input: {}, delivery: "transient" });
    const outcomes: string[] = [];
    const all = Array.from({ length: 103 }, () =>
      ask().then(
        () => outcomes.push("output"),
        (error: { code: string }) => outcomes.push(error.code),
      ),
    );
    await until(() => outcomes.length === 3);
    expect(outcomes.sort()).toEqual(["OVERLOADED", "OVERLOADED", "output"]);
    await worker.stop();
    await Promise.all(all);
    expect(outcomes.filter((one) => one === "WORKER_STOPPED")).toHaveLength(100);
    expect(started).toHaveLength(1);
  });
});

expectNoLeaks();

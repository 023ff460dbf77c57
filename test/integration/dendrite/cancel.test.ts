/** Deadlines and cancelling, three levels of nested dispatch deep, each level in a Dendrite and on a connection of its own. */
import { describe, expect, test } from "@jest/globals";
import { isEndType, newTraceId, type Signal } from "@myelin/bus";
import { Axon, DispatchTimeoutError, type Dendrite } from "@myelin/dendrite";
import type { JsonObject, NeuronContext } from "@myelin/neuron";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { TRANSPORTS, until, withFleet, type Fleet } from "../../helpers/with-fleet.ts";

expectNoLeaks();

const LEVELS = ["top", "middle", "bottom"] as const;
type Level = (typeof LEVELS)[number];

interface Chain {
  readonly contexts: Map<Level, NeuronContext>;
  /** The levels whose signals aborted, in the order they did. */
  readonly aborts: { level: Level; reason: unknown }[];
}

const aborted = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    else signal.addEventListener("abort", () => reject(signal.reason as Error));
  });

/** Top asks middle, middle asks bottom, bottom waits for its signal. `timeoutMs` is what each asks its child to take. */
async function withChain(fleet: Fleet, timeoutMs?: number): Promise<Chain> {
  const chain: Chain = { contexts: new Map(), aborts: [] };
  const axon = (level: Level, child: Level | undefined) =>
    new Axon({
      neuronId: level,
      neuron: (_input: JsonObject, ctx) => {
        const { signal } = ctx;
        signal.addEventListener("abort", () => {
          chain.aborts.push({ level, reason: signal.reason as unknown });
        });
        chain.contexts.set(level, ctx);
        return child ? ctx.dispatchAndWait({ neuron: child, input: {}, timeoutMs }) : aborted(signal);
      },
    });
  await Promise.all(
    LEVELS.map(async (level, at) =>
      fleet.worker([axon(level, LEVELS[at + 1])], { dendriteId: level, synapse: await fleet.connect() }),
    ),
  );
  return chain;
}

/** The replies in the log, by who made them. */
async function replies(fleet: Fleet): Promise<Map<string, Signal[]>> {
  const found = new Map<string, Signal[]>();
  for await (const { parsed } of (await fleet.bus()).read({ lane: "_" })) {
    if (!parsed.ok || !isEndType(parsed.signal.type)) continue;
    const by = parsed.signal.directed?.id ?? "";
    found.set(by, [...(found.get(by) ?? []), parsed.signal]);
  }
  return found;
}

/** Every level answered once, with STOPPED. */
async function expectAllStopped(fleet: Fleet, reason: string): Promise<void> {
  await until(async () => (await replies(fleet)).size === 3);
  const all = await replies(fleet);
  for (const level of LEVELS) {
    const [stopped, ...more] = all.get(level)!;
    expect([level, stopped]).toMatchObject([level, { type: "STOPPED", payload: { cancelled: 1, reason } }]);
    expect(more).toEqual([]);
  }
}

const CANCELS: [string, string, (dendrite: Dendrite, traceId: string, abort: AbortController) => Promise<void>][] = [
  [
    "the caller's signal aborts",
    "the caller gave up",
    async (_dendrite, _traceId, abort) => abort.abort(new Error("the client went away")),
  ],
  ["stopTrace", "an operator said so", (dendrite, id) => dendrite.stopTrace(id, { reason: "an operator said so" })],
];

describe.each(TRANSPORTS)("three levels deep over %s", (transport) => {
  test.each(CANCELS)(
    "%s: every level aborts, answers STOPPED once, and the caller rejects",
    async (_what, reason, cancel) => {
      await using fleet = await withFleet(transport);
      const chain = await withChain(fleet);
      const caller = fleet.dendrite();
      const traceId = newTraceId();
      const abort = new AbortController();
      const request = { neuron: "top", input: {}, traceId, signal: abort.signal };
      const waiting = caller.dispatchAndWait(request).catch((error: unknown) => error);
      await until(() => chain.contexts.size === 3);
      await cancel(caller, traceId, abort);
      const failure = await waiting;
      if (abort.signal.aborted) expect(failure).toBe(abort.signal.reason);
      else expect(failure).toMatchObject({ code: "STOPPED", message: expect.stringContaining(reason) as unknown });
      await until(() => chain.aborts.length === 3);
      expect(new Set(chain.aborts.map(({ level }) => level))).toEqual(new Set(LEVELS));
      for (const { reason: why } of chain.aborts) expect(why).toMatchObject({ name: "AbortError" });
      // A STOP names a run and reaches its children too: the levels hear of it in any order.
      await until(async () => (await replies(fleet)).size === 3);
      await expectAllStopped(fleet, reason);
      expect(caller.stats().waiting).toBe(0);
    },
  );

  test("a child's deadline is never later than its parent's, whatever it asks for; at the deadline all end", async () => {
    await using fleet = await withFleet(transport);
    const chain = await withChain(fleet, 3_600_000);
    const caller = fleet.dendrite();
    const failure = await caller
      .dispatchAndWait({ neuron: "top", input: {}, timeoutMs: 1_000 })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DispatchTimeoutError);
    // The others may hear of it from below before their own timer says so.
    await until(() => chain.aborts.some(({ level }) => level === "bottom"));
    const [top, middle, bottom] = LEVELS.map((level) => chain.contexts.get(level)!.deadline!.getTime());
    expect(middle).toBe(top);
    expect(bottom).toBe(top);
    await until(async () => (await replies(fleet)).size === 3);
    for (const [level, [reply, ...more]] of await replies(fleet)) {
      // A child's parent may be faster to stop it than its own timer.
      const ends = level === "top" ? ["DEADLINE_EXCEEDED"] : ["DEADLINE_EXCEEDED", "STOPPED"];
      expect(ends).toContain(reply!.type === "ERROR" ? reply!.payload.code : reply!.type);
      expect(more).toEqual([]);
    }
  });

  test("a child that asks for less has less, and its children no more than that", async () => {
    await using fleet = await withFleet(transport);
    const chain = await withChain(fleet, 300);
    const caller = fleet.dendrite();
    const startedAt = Date.now();
    await expect(caller.dispatchAndWait({ neuron: "top", input: {}, timeoutMs: 20_000 })).rejects.toMatchObject({
      code: "DISPATCH_TIMEOUT",
    });
    const [top, middle, bottom] = LEVELS.map((level) => chain.contexts.get(level)!.deadline!.getTime());
    expect(top! - startedAt).toBeGreaterThan(19_000);
    expect(middle).toBeLessThan(top!);
    expect(bottom).toBeLessThanOrEqual(middle!);
  });
});

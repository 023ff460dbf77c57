/** Section of describeSynapse: taking TASKs together with others. */
import { describe, expect, test } from "@jest/globals";
import type { Bus, Consumption, TaskDelivery, TaskOutcome } from "../../src/synapse/synapse.ts";
import { collect } from "../collect.ts";
import { sampleTask } from "../sample-signals.ts";
import { gate, roundTrips, sleep, type OpenSpace } from "./suite.ts";

const ECHO = { neuronId: "echo", lane: "normal" } as const;
const DONE: TaskOutcome = { type: "done" };
/** Short, so that a lapse can be waited for. */
const LEASE_MS = 1_000;

/** A consumer with room for `room`, which it gets back after each task. */
async function consume(
  bus: Bus,
  room: number,
  handler: (delivery: TaskDelivery) => Promise<TaskOutcome> | TaskOutcome,
): Promise<Consumption> {
  const consumption: Consumption = await bus.consume(
    ECHO,
    async (delivery) => {
      try {
        return await handler(delivery);
      } finally {
        consumption.request(1);
      }
    },
    { ackWaitMs: LEASE_MS },
  );
  consumption.request(room);
  return consumption;
}

/** Resolves when one task was polled: a server may store a task a moment before its consumer knows of it. */
async function settledLog(bus: Bus, consumption: Consumption, taken: { items: readonly unknown[] }): Promise<void> {
  while ((await consumption.poll(1)) === 0) await bus.info();
  expect(taken.items).toHaveLength(1);
  await sleep(50);
}

export function describeConsume(space: OpenSpace): void {
  describe("consume", () => {
    test("a TASK is delivered with its Signal, its place and the time it was stored", async () => {
      await using here = await space();
      const deliveries = collect<TaskDelivery>();
      const task = sampleTask({ input: { n: 1 } });
      const before = Date.now();
      const { seq } = await here.bus.append(task);
      await consume(here.bus, 1, (delivery) => {
        deliveries.push(delivery);
        return DONE;
      });
      const [delivery] = await deliveries.first(1);
      expect(delivery).toMatchObject({ signal: task, seq, deliveryCount: 1 });
      expect(delivery!.isLost).toBe(false);
      expect(delivery!.lost.aborted).toBe(false);
      expect(Math.abs(delivery!.storedAt.getTime() - before)).toBeLessThan(5_000);
    });

    test("A2: of two consumers on two connections each TASK goes to one, and both get some", async () => {
      await using here = await space();
      const other = await here.open();
      const taken = collect<{ by: string; n: unknown }>();
      for (const [by, bus] of Object.entries({ a: here.bus, b: other.bus })) {
        await consume(bus, 4, async ({ signal }) => {
          // Long enough for the other to have room while this one has none.
          await sleep(5);
          taken.push({ by, n: (signal.payload as { input: { n: number } }).input.n });
          return DONE;
        });
      }
      await Promise.all(Array.from({ length: 100 }, (_, n) => here.bus.append(sampleTask({ input: { n } }))));
      const all = await taken.first(100);
      expect(all.map(({ n }) => n as number).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
      expect([...new Set(all.map(({ by }) => by))].sort()).toEqual(["a", "b"]);
    });

    test("nothing is taken before it is requested, and never more than was", async () => {
      await using here = await space();
      await Promise.all(Array.from({ length: 30 }, () => here.bus.append(sampleTask())));
      const started = collect<number>();
      const waiting = gate();
      const consumption = await here.bus.consume(ECHO, async ({ seq }) => {
        started.push(seq);
        await waiting.opened;
        return DONE;
      });
      await sleep(200);
      expect(started.items).toHaveLength(0);
      expect(consumption.pulls).toBe(0);
      consumption.request(3);
      await started.first(3);
      await sleep(200);
      expect(started.items).toHaveLength(3);
      consumption.request(2);
      await started.first(5);
      await sleep(200);
      expect(started.items).toHaveLength(5);
      waiting.open();
    });

    test("only the TASKs of the neuron and the lane are taken", async () => {
      await using here = await space();
      const taken = collect<string>();
      for (const [neuronId, lane] of [
        ["echo", "high"],
        ["echo", "normal"],
        ["other", "normal"],
      ] as const) {
        const consumption = await here.bus.consume({ neuronId, lane }, ({ seq }) => {
          taken.push(`${neuronId} ${lane} ${seq}`);
          return Promise.resolve(DONE);
        });
        consumption.request(10);
      }
      await here.bus.append(sampleTask({ neuronId: "echo", lane: "high" }));
      await here.bus.append(sampleTask({ neuronId: "echo" }));
      await here.bus.append(sampleTask({ neuronId: "other", lane: "low" }));
      await here.bus.append(sampleTask({ neuronId: "other", lane: "normal" }));
      expect((await taken.first(3)).sort()).toEqual(["echo high 1", "echo normal 2", "other normal 4"]);
      expect(taken.items).toHaveLength(3);
    });

    test("retry delivers again after the delay, and counts", async () => {
      await using here = await space();
      const deliveries = collect<{ count: number; at: number }>();
      await consume(here.bus, 1, ({ deliveryCount }) => {
        deliveries.push({ count: deliveryCount, at: performance.now() });
        return deliveryCount < 3 ? { type: "retry", delayMs: deliveryCount === 1 ? 300 : 0 } : DONE;
      });
      await here.bus.append(sampleTask());
      const [first, second, third] = await deliveries.first(3);
      expect([first!.count, second!.count, third!.count]).toEqual([1, 2, 3]);
      expect(second!.at - first!.at).toBeGreaterThanOrEqual(290);
      expect(third!.at - second!.at).toBeLessThan(LEASE_MS);
    });

    test("S2: a handler that throws is reported, and its TASK comes again after a second", async () => {
      await using here = await space();
      const at: number[] = [];
      const done = collect<number>();
      await consume(here.bus, 1, ({ seq }) => {
        at.push(performance.now());
        if (at.length === 1) throw new Error("thrown");
        done.push(seq);
        return DONE;
      });
      await here.bus.append(sampleTask());
      await done.first(1);
      expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(950);
      expect(here.problems.items).toMatchObject([{ type: "handler-error", error: { message: "thrown" } }]);
    });

    test("A2: a handler that runs longer than the lease keeps its TASK, and so does one that is done", async () => {
      await using here = await space();
      const other = await here.open();
      const deliveries = collect<TaskDelivery>();
      const done = collect<number>();
      for (const bus of [here.bus, other.bus]) {
        await consume(bus, 4, async (delivery) => {
          deliveries.push(delivery);
          await sleep(LEASE_MS * 2.5);
          done.push(delivery.seq);
          return DONE;
        });
      }
      await here.bus.append(sampleTask());
      await done.first(1);
      await sleep(LEASE_MS * 1.5);
      expect(deliveries.items).toHaveLength(1);
      expect(deliveries.items[0]!.lost.aborted).toBe(false);
    });

    test("abandon says nothing: the TASK comes again when its lease is over", async () => {
      await using here = await space();
      const deliveries = collect<{ count: number; at: number }>();
      await consume(here.bus, 1, ({ deliveryCount }) => {
        deliveries.push({ count: deliveryCount, at: performance.now() });
        return deliveryCount === 1 ? { type: "abandon" } : DONE;
      });
      await here.bus.append(sampleTask());
      const [first, second] = await deliveries.first(2);
      expect(second!.count).toBe(2);
      expect(second!.at - first!.at).toBeGreaterThanOrEqual(LEASE_MS - 50);
    });

    test("A2: the TASK of a process that dies goes to another when the lease is over", async () => {
      await using here = await space();
      const mortal = await here.openMortal();
      const started = collect<number>();
      const never = gate();
      await consume(mortal.bus, 1, async ({ seq }) => {
        started.push(seq);
        await never.opened;
        return DONE;
      });
      await here.bus.append(sampleTask());
      await started.first(1);
      const diedAt = performance.now();
      await mortal.crash();
      const taken = collect<TaskDelivery>();
      await consume(here.bus, 1, (delivery) => {
        taken.push(delivery);
        return DONE;
      });
      const [delivery] = await taken.first(1);
      expect(delivery).toMatchObject({ seq: 1, deliveryCount: 2 });
      expect(performance.now() - diedAt).toBeLessThan(LEASE_MS * 3);
      never.open();
    });

    test("bytes that are no Signal are reported once, take no room, and the next TASK is served", async () => {
      await using here = await space();
      const taken = collect<number>();
      await here.inject("put.TASK.echo.normal.00._", "not json");
      await here.bus.append(sampleTask());
      await consume(here.bus, 1, ({ seq }) => {
        taken.push(seq);
        return DONE;
      });
      expect(await taken.first(1)).toEqual([2]);
      await sleep(LEASE_MS * 1.5);
      expect(here.problems.items).toMatchObject([
        { type: "bad-message", subject: `myelin.${here.namespace}.put.TASK.echo.normal.00._` },
      ]);
    });

    test("S1: a drained consumption has no handler running and starts none, and what it left goes to others at once", async () => {
      await using here = await space();
      const other = await here.open();
      const started = collect<number>();
      const waiting = gate();
      let running = 0;
      const leaving = await here.bus.consume(
        ECHO,
        async ({ seq }) => {
          running++;
          started.push(seq);
          await waiting.opened;
          running--;
          return DONE;
        },
        { ackWaitMs: 30_000 },
      );
      leaving.request(2);
      for (let n = 0; n < 4; n++) await here.bus.append(sampleTask());
      await started.first(2);
      let isDrained = false;
      const drained = leaving.drain().then(() => (isDrained = true));
      const again = leaving.drain();
      leaving.request(10);

      const taken = collect<number>();
      const staying = await other.bus.consume(
        ECHO,
        ({ seq }) => {
          taken.push(seq);
          return Promise.resolve(DONE);
        },
        { ackWaitMs: 30_000 },
      );
      staying.request(10);
      expect((await taken.first(2)).sort()).toEqual([3, 4]);
      expect(isDrained).toBe(false);
      waiting.open();
      await Promise.all([drained, again]);
      expect(running).toBe(0);
      expect(started.items).toEqual([1, 2]);
      expect(taken.items).toHaveLength(2);
    });

    test("a drain under load leaves no TASK to wait for its lease", async () => {
      await using here = await space();
      const other = await here.open();
      const taken = collect<number>();
      const options = { ackWaitMs: 30_000 };
      const take = async (bus: Bus): Promise<Consumption> => {
        const consumption: Consumption = await bus.consume(
          ECHO,
          ({ seq }) => {
            taken.push(seq);
            consumption.request(1);
            return Promise.resolve(DONE);
          },
          options,
        );
        consumption.request(20);
        return consumption;
      };
      const leaving = await take(here.bus);
      const appending = Promise.all(Array.from({ length: 500 }, () => other.bus.append(sampleTask())));
      await taken.first(50);
      await leaving.drain();
      await take(other.bus);
      await appending;
      await taken.first(500);
      expect([...taken.items].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, n) => n + 1));
    });

    test("poll takes what is there now, says how many came, and leaves what was not polled", async () => {
      await using here = await space();
      const taken = collect<number>();
      const consumption = await here.bus.consume(ECHO, ({ seq }) => {
        taken.push(seq);
        return Promise.resolve(DONE);
      });
      expect(await consumption.poll(3)).toBe(0);
      for (let n = 0; n < 5; n++) await here.bus.append(sampleTask());
      await settledLog(here.bus, consumption, taken);
      expect(await consumption.poll(3)).toBe(3);
      // Called before the poll resolves, so that whoever polls knows what it has.
      expect(taken.items).toEqual([1, 2, 3, 4]);
      expect(await consumption.poll(3)).toBe(1);
      expect(await consumption.poll(3)).toBe(0);
      expect(await consumption.poll(0)).toBe(0);
      expect(taken.items).toEqual([1, 2, 3, 4, 5]);
      await here.bus.append(sampleTask());
      await sleep(200);
      expect(taken.items).toHaveLength(5);
    });

    test("a poll takes no room from what was requested", async () => {
      await using here = await space();
      const taken = collect<number>();
      const consumption = await here.bus.consume(
        ECHO,
        ({ seq }) => {
          taken.push(seq);
          return Promise.resolve(DONE);
        },
        { ackWaitMs: LEASE_MS },
      );
      for (let n = 0; n < 2; n++) await here.bus.append(sampleTask());
      await settledLog(here.bus, consumption, taken);
      const polling = consumption.poll(1);
      consumption.request(2);
      expect(await polling).toBe(1);
      // A pull is shorter than half the lease: from here on it is the next one, for the room there is.
      await sleep(LEASE_MS / 2 + 100);
      for (let n = 0; n < 3; n++) await here.bus.append(sampleTask());
      await taken.first(4);
      await sleep(200);
      expect(taken.items).toEqual([1, 2, 3, 4]);
    });

    test("a poll passes over bytes that are no Signal", async () => {
      await using here = await space();
      const taken = collect<number>();
      const consumption = await here.bus.consume(ECHO, ({ seq }) => {
        taken.push(seq);
        return Promise.resolve(DONE);
      });
      await here.bus.append(sampleTask());
      await settledLog(here.bus, consumption, taken);
      await here.inject("put.TASK.echo.normal.00._", "not json");
      await here.inject("put.TASK.echo.normal.00._", "not json either");
      await here.bus.append(sampleTask());
      await sleep(50);
      expect(await consumption.poll(1)).toBe(1);
      expect(taken.items).toEqual([1, 4]);
      expect(here.problems.items).toHaveLength(2);
    });

    test("room that is taken back is not filled once the pull that asked for it has ended", async () => {
      await using here = await space();
      const taken = collect<number>();
      const consumption = await here.bus.consume(
        ECHO,
        ({ seq }) => {
          taken.push(seq);
          return Promise.resolve(DONE);
        },
        { ackWaitMs: LEASE_MS },
      );
      consumption.request(3);
      await roundTrips(here.bus);
      consumption.request(-2);
      // A pull is shorter than half the lease.
      await sleep(LEASE_MS / 2 + 100);
      for (let n = 0; n < 3; n++) await here.bus.append(sampleTask());
      await taken.first(1);
      await sleep(200);
      expect(taken.items).toEqual([1]);
      consumption.request(-5);
      consumption.request(1);
      expect(await taken.first(2)).toEqual([1, 2]);
    });

    test("S1: a poll of a drained consumption takes nothing, and one that is under way ends with it", async () => {
      await using here = await space();
      const taken = collect<number>();
      const { synapse, bus } = await here.open();
      const consume = () =>
        bus.consume(ECHO, ({ seq }) => {
          taken.push(seq);
          return Promise.resolve(DONE);
        });
      const [left, leaving] = [await consume(), await consume()];
      await left.drain();
      await here.bus.append(sampleTask());
      expect(await left.poll(1)).toBe(0);
      const polling = leaving.poll(5);
      await Promise.all([leaving.drain(), polling]);
      const came = await polling;
      expect(taken.items).toHaveLength(came);
      await synapse.drain();
      expect(await leaving.poll(1)).toBe(0);
      // What was on its way was handed back.
      const other = await here.bus.consume(ECHO, ({ seq }) => {
        taken.push(seq);
        return Promise.resolve(DONE);
      });
      other.request(1);
      if (came === 0) await taken.first(1);
    });

    test("a neuron id that cannot be one is INVALID_ID", async () => {
      await using here = await space();
      const handler = () => Promise.resolve(DONE);
      await expect(here.bus.consume({ neuronId: "a.b", lane: "normal" }, handler)).rejects.toMatchObject({
        code: "INVALID_ID",
      });
      await expect(here.bus.consume({ neuronId: "dnd_1", lane: "normal" }, handler)).rejects.toMatchObject({
        code: "INVALID_ID",
      });
    });
  });
}

/** Priority lanes: what runs next, and that no lane starves. */
import { describe, expect, test } from "@jest/globals";
import type { Bus } from "@myelin/bus";
import { Axon } from "@myelin/dendrite";
import { defineNeuron, type NeuronContext } from "@myelin/neuron";
import { z } from "zod";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { deferred, TRANSPORTS, until, withFleet, type Fleet } from "../../helpers/with-fleet.ts";

type Priority = "high" | "normal" | "low";

/** A neuron that notes the order in which its tasks start, and waits for `gate` first. */
function orderedAxon({ concurrency = 1, workMs = 0 } = {}) {
  const started: string[] = [];
  const gate = deferred();
  const axon = new Axon({
    neuronId: "ordered",
    concurrency,
    neuron: async ({ name }) => {
      started.push(String(name));
      if (name === "first") await gate.promise;
      if (workMs > 0) await new Promise((resolve) => setTimeout(resolve, workMs));
      return {};
    },
  });
  return { axon, started, gate };
}

/** Queue tasks named after their lane. */
async function queue(fleet: Fleet, counts: Partial<Record<Priority, number>>, delivery?: "transient"): Promise<void> {
  const dispatcher = fleet.dendrite();
  for (const [priority, count] of Object.entries(counts) as [Priority, number][]) {
    await Promise.all(
      Array.from({ length: count }, (_, n) =>
        dispatcher.dispatch({
          neuron: "ordered",
          input: { name: `${priority} ${n}` },
          priority,
          delivery,
          whenAbsent: "wait",
        }),
      ),
    );
  }
}

/** Resolves when what was sent before has arrived, and what waits for it alone has gone on. */
async function roundTrips(bus: Bus): Promise<void> {
  for (let n = 0; n < 3; n++) await bus.info();
}

const lanesOf = (names: readonly string[]) => names.map((name) => name.split(" ")[0]);
const countOf = (names: readonly string[], lane: Priority) => lanesOf(names).filter((one) => one === lane).length;

describe.each(TRANSPORTS)("priority, %s", (transport) => {
  test("a high task is the next to run behind a flood of normal ones, and the rest follows in order", async () => {
    await using fleet = await withFleet(transport);
    const { axon, started, gate } = orderedAxon();
    await fleet.worker([axon]);
    const dispatcher = fleet.dendrite();
    await dispatcher.dispatch({ neuron: "ordered", input: { name: "first" } });
    await until(() => started.length === 1);
    await queue(fleet, { normal: 50, low: 2 });
    await dispatcher.dispatch({ neuron: "ordered", input: { name: "urgent" }, priority: "high" });
    await roundTrips(await fleet.bus());
    gate.resolve();
    await until(() => started.length === 54);
    expect(started.slice(0, 2)).toEqual(["first", "urgent"]);
    // One of the low ones among the first sixteen, so that they do not wait for all.
    expect(countOf(started.slice(2, 12), "low")).toBeGreaterThanOrEqual(1);
  });

  test("a flood of high tasks starves neither the normal nor the low lane", async () => {
    await using fleet = await withFleet(transport);
    const { axon, started } = orderedAxon();
    await queue(fleet, { high: 60, normal: 5, low: 5 });
    await fleet.worker([axon]);
    await until(() => started.length === 70);
    expect(lanesOf(started.slice(0, 7))).toEqual(Array(7).fill("high"));
    expect(countOf(started.slice(0, 50), "normal")).toBe(5);
    expect(countOf(started.slice(0, 50), "low")).toBe(5);
    expect(new Set(started).size).toBe(70);
  });

  test("a worker that starts late serves high before normal before low", async () => {
    await using fleet = await withFleet(transport);
    const { axon, started } = orderedAxon();
    await queue(fleet, { low: 2, normal: 2, high: 2 });
    await fleet.worker([axon]);
    await until(() => started.length === 6);
    expect(started).toEqual(["high 0", "high 1", "normal 0", "normal 1", "low 0", "low 1"]);
  });

  test.each(["high", "low"] as const)("%s tasks use every slot of an idle worker, at once", async (priority) => {
    await using fleet = await withFleet(transport);
    let running = 0;
    let most = 0;
    const gate = deferred();
    const axon = new Axon({
      neuronId: "ordered",
      concurrency: 10,
      neuron: async () => {
        most = Math.max(most, ++running);
        await gate.promise;
        running--;
        return {};
      },
    });
    await fleet.worker([axon]);
    await queue(fleet, { [priority]: 20 });
    await until(() => running === 10);
    await queue(fleet, { normal: 5 });
    gate.resolve();
    await until(async () => running === 0 && (await fleet.bus().then((bus) => bus.info())).lastSeq >= 50);
    expect(most).toBe(10);
  });

  test("transient tasks that wait for a slot are taken in the same order", async () => {
    await using fleet = await withFleet(transport);
    const { axon, started, gate } = orderedAxon();
    await fleet.worker([axon]);
    const dispatcher = fleet.dendrite();
    const transient = { neuron: "ordered", delivery: "transient" } as const;
    await dispatcher.dispatch({ ...transient, input: { name: "first" } });
    await until(() => started.length === 1);
    const rest = (["low", "normal", "high"] as const).map((priority) =>
      dispatcher.dispatchAndWait({ ...transient, input: { name: priority }, priority }),
    );
    // Sent on the same connection before these, so delivered before they are answered.
    await roundTrips(await fleet.bus());
    gate.resolve();
    await Promise.all(rest);
    expect(started).toEqual(["first", "high", "normal", "low"]);
  });

  test("a child has its parent's priority unless it says otherwise, also through call and stream", async () => {
    await using fleet = await withFleet(transport);
    const seen: (string | undefined)[] = [];
    const child = new Axon({ neuronId: "child", neuron: () => ({}) });
    const parent = new Axon({
      neuronId: "parent",
      neuron: async (_input, ctx: NeuronContext) => {
        await ctx.dispatchAndWait({ neuron: "child", input: {} });
        await ctx.dispatchAndWait({ neuron: "child", input: {}, priority: "low" });
        return {};
      },
    });
    const worker = await fleet.worker([parent, child]);
    const handler = worker.onTaskSignal((task) => void seen.push(`${task.directed.id} ${task.payload.priority}`));
    await handler.ready;
    const end = [];
    for await (const signal of fleet.dendrite().stream({ neuron: "parent", input: {}, priority: "high" })) {
      end.push(signal.type);
    }
    expect(end.at(-1)).toBe("AGENT_OUTPUT");
    await until(() => seen.length === 3);
    expect(seen).toEqual(["parent high", "child high", "child low"]);
    const contract = defineNeuron({ neuronId: "child", input: z.object({}), output: z.object({}) });
    await fleet.dendrite().call(contract, {}, { priority: "high" });
    await until(() => seen.length === 4);
    expect(seen.at(-1)).toBe("child high");
  });
});

test("a priority that is none is INVALID_OPTION, and names the value", async () => {
  await using fleet = await withFleet("memory");
  const wrong = { neuron: "ordered", input: {}, priority: "urgent" as "high" };
  await expect(fleet.dendrite().dispatch(wrong)).rejects.toMatchObject({
    kind: "INVALID_OPTION",
    message: 'priority must be "high", "normal" or "low", got "urgent"',
  });
});

expectNoLeaks();

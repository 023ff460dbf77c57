import { describe, expect, test } from "@jest/globals";
import type { Signal } from "@myelin/bus";
import { Axon, DispatchTimeoutError, NoWorkerError } from "@myelin/dendrite";
import { clarify } from "@myelin/neuron";
import { deferred, TRANSPORTS, withFleet } from "../../helpers/with-fleet.ts";

const talking = new Axon({
  neuronId: "talks",
  neuron: async (input, ctx) => {
    for (const word of ["one ", "two ", "three"]) ctx.thought(word);
    await Promise.resolve();
    if (input.fail) throw new Error("boom");
    if (input.ask && ctx.answers.length === 0) return clarify("Sure?");
    return { response: "one two three" };
  },
});

async function collect(stream: AsyncIterable<Signal>): Promise<Signal[]> {
  const signals: Signal[] = [];
  for await (const signal of stream) signals.push(signal);
  return signals;
}
const textOf = (signals: Signal[]) =>
  signals.map((one) => (one.type === "THOUGHT_DELTA" ? one.payload.delta : "")).join("");

describe.each(TRANSPORTS)("stream over %s", (transport) => {
  test.each(["durable", "transient"] as const)(
    "yields the trace, tokens in order, to the terminal Signal (%s)",
    async (delivery) => {
      await using fleet = await withFleet(transport);
      await fleet.worker([talking]);
      const signals = await collect(fleet.dendrite().stream({ neuron: "talks", input: {}, delivery }));
      expect(textOf(signals)).toBe("one two three");
      expect(signals.map((one) => one.type).filter((type) => type !== "THOUGHT_DELTA")).toEqual([
        "TASK",
        "AGENT_OUTPUT",
      ]);
      expect(signals.at(-1)).toMatchObject({
        type: "AGENT_OUTPUT",
        payload: { output: { response: "one two three" } },
      });
    },
  );

  test("the text said is stored joined, and not streamed twice", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([talking]);
    const signals = await collect(fleet.dendrite().stream({ neuron: "talks", input: {} }));
    expect(signals.filter((one) => one.type === "THOUGHT_DELTA")).toHaveLength(3);
    const stored: Signal[] = [];
    for await (const entry of (await fleet.bus()).read({ type: "THOUGHT_DELTA" })) {
      if (entry.parsed.ok) stored.push(entry.parsed.signal);
    }
    expect(stored.map((one) => one.payload)).toEqual([{ delta: "one two three", seq: 0, joined: true }]);
  });

  test("a failed run ends its stream with the ERROR; a paused one with its question", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([talking]);
    const dispatcher = fleet.dendrite();
    expect((await collect(dispatcher.stream({ neuron: "talks", input: { fail: true } }))).at(-1)).toMatchObject({
      type: "ERROR",
    });
    const asked = await collect(dispatcher.stream({ neuron: "talks", input: { ask: true } }));
    expect(asked.filter((one) => one.type === "CLARIFICATION")).toHaveLength(1);
    expect(asked.at(-1)).toMatchObject({ type: "CLARIFICATION" });
  });

  test('onPause "wait" streams through the pause to the end, which comes once', async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([talking]);
    const dispatcher = fleet.dendrite();
    await dispatcher.onClarification((signal) => dispatcher.respondToClarification(signal, { answer: "yes" })).ready;
    const signals = await collect(dispatcher.stream({ neuron: "talks", input: { ask: true }, onPause: "wait" }));
    const types = signals.map((one) => one.type).filter((type) => type !== "THOUGHT_DELTA");
    expect(types).toEqual(["TASK", "CLARIFICATION", "TASK", "AGENT_OUTPUT"]);
  });

  test("what has no Signal is thrown: no worker, a timeout", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([new Axon({ neuronId: "never", neuron: () => new Promise(() => {}) })], { drainMs: 10 });
    const dispatcher = fleet.dendrite();
    await expect(collect(dispatcher.stream({ neuron: "nobody", input: {} }))).rejects.toThrow(NoWorkerError);
    const timedOut = collect(dispatcher.stream({ neuron: "never", input: {}, timeoutMs: 50, delivery: "transient" }));
    await expect(timedOut).rejects.toThrow(DispatchTimeoutError);
  });

  test("leaving the loop stops the run", async () => {
    await using fleet = await withFleet(transport);
    const aborted = deferred();
    await fleet.worker([
      new Axon({
        neuronId: "endless",
        neuron: (_input, ctx) =>
          new Promise((_resolve, reject) => {
            ctx.signal.addEventListener("abort", () => {
              aborted.resolve();
              reject(ctx.signal.reason as Error);
            });
            ctx.thought("first");
          }),
      }),
    ]);
    const dispatcher = fleet.dendrite();
    for await (const signal of dispatcher.stream({ neuron: "endless", input: {} })) {
      if (signal.type === "THOUGHT_DELTA") break;
    }
    await aborted.promise;
    expect(dispatcher.stats().waiting).toBe(0);
  });
});

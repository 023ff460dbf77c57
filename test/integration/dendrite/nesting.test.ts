import { describe, expect, test } from "@jest/globals";
import { Axon } from "@myelin/dendrite";
import type { Signal } from "@myelin/bus";
import { deferred, echoAxon, TRANSPORTS, withFleet } from "../../helpers/with-fleet.ts";

describe.each(TRANSPORTS)("nesting over %s", (transport) => {
  const countdown = (neuronId: string, delivery: "durable" | "transient") =>
    new Axon({
      neuronId,
      concurrency: 1,
      neuron: async (input, ctx) => {
        if (input.n === 0) return { depth: 0 };
        const child = await ctx.dispatchAndWait({ neuron: neuronId, input: { n: Number(input.n) - 1 }, delivery });
        return { depth: 1 + Number(child.payload.output.depth) };
      },
    });

  test.each(["durable", "transient"] as const)(
    "D2: a neuron with one slot that dispatches itself, five deep and four at once, does not deadlock (%s)",
    async (delivery) => {
      await using fleet = await withFleet(transport);
      await fleet.worker([countdown("rec", delivery)]);
      const dispatcher = fleet.dendrite();
      const replies = await Promise.all(
        [1, 2, 3, 4].map(() =>
          dispatcher.dispatchAndWait({ neuron: "rec", input: { n: 5 }, delivery, timeoutMs: 10_000 }),
        ),
      );
      expect(replies.map((one) => one.payload.output)).toEqual([1, 2, 3, 4].map(() => ({ depth: 5 })));
    },
  );

  test("D2: a dispatch inside a handler of the same type does not deadlock", async () => {
    await using fleet = await withFleet(transport);
    const dendrite = await fleet.worker([echoAxon("first"), echoAxon("second")]);
    const nested = deferred<Signal>();
    await dendrite.onAgentOutput({ neuron: "first" }, async (signal) => {
      nested.resolve(
        await dendrite.dispatchAndWait({ neuron: "second", input: { prompt: signal.payload.output.response } }),
      );
    }).ready;
    await dendrite.dispatchAndWait({ neuron: "first", input: { prompt: "x" } });
    expect((await nested.promise).payload).toEqual({ output: { response: "x" } });
  });

  test("a child is on its parent's trace, under its task, within its deadline, for its tenant", async () => {
    await using fleet = await withFleet(transport);
    const child = deferred<unknown>();
    await fleet.worker([
      new Axon({
        neuronId: "parent",
        neuron: async (_input, ctx) => {
          await ctx.dispatchAndWait({ neuron: "child", input: {}, timeoutMs: 3_600_000 });
          return { parent: { runId: ctx.runId, taskId: ctx.taskId, deadline: ctx.deadline } };
        },
      }),
      new Axon({
        neuronId: "child",
        neuron: (_input, { signal: _signal, ...ctx }) => child.resolve(ctx),
      }),
    ]);
    const dispatcher = fleet.dendrite();
    const tasks: Signal[] = [];
    await dispatcher.onTaskSignal((signal) => void tasks.push(signal)).ready;
    const reply = await dispatcher.dispatchAndWait({ neuron: "parent", input: {}, tenantId: "acme", timeoutMs: 5_000 });
    const parent = reply.payload.output.parent as { runId: string; taskId: string; deadline: string };
    expect(await child.promise).toMatchObject({
      traceId: reply.trace_id,
      tenantId: "acme",
      deadline: new Date(parent.deadline),
    });
    expect(tasks[1]).toMatchObject({ parent_id: parent.taskId, meta: { parent_run_id: parent.runId } });
  });

  test("a child that fails is an error its parent can catch", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([
      new Axon({
        neuronId: "parent",
        neuron: (_input, ctx) =>
          ctx
            .dispatchAndWait({ neuron: "child", input: {} })
            .catch((error: unknown) => ({ caught: (error as { code: string }).code })),
      }),
      new Axon({
        neuronId: "child",
        neuron: () => {
          throw new Error("no");
        },
      }),
    ]);
    const reply = await fleet.dendrite().dispatchAndWait({ neuron: "parent", input: {} });
    expect(reply.payload.output).toEqual({ caught: "NEURON_EXCEPTION" });
  });

  test("a caller that gives up stops the child of its run too", async () => {
    await using fleet = await withFleet(transport);
    const started = deferred();
    const childAborted = deferred();
    await fleet.worker([
      new Axon({ neuronId: "parent", neuron: (_input, ctx) => ctx.dispatchAndWait({ neuron: "child", input: {} }) }),
    ]);
    await fleet.worker([
      new Axon({
        neuronId: "child",
        neuron: (_input, ctx) =>
          new Promise((_resolve, reject) => {
            ctx.signal.addEventListener("abort", () => {
              childAborted.resolve();
              reject(ctx.signal.reason as Error);
            });
            started.resolve();
          }),
      }),
    ]);
    const abort = new AbortController();
    const waiting = fleet.dendrite().dispatchAndWait({ neuron: "parent", input: {}, signal: abort.signal });
    await started.promise;
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    await childAborted.promise;
  });
});

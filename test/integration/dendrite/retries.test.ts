/** Retries: a failed start is followed by another, later, and what fails for good says why each start failed. */
import { describe, expect, test } from "@jest/globals";
import { Axon, NeuronError } from "@myelin/dendrite";
import { NeuronFailure } from "@myelin/neuron";
import { deferred, TRANSPORTS, withFleet, type Fleet } from "../../helpers/with-fleet.ts";

const busy = () => new NeuronFailure("BUSY", "come back later", { recoverable: true });
const caught = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

async function journalOf(fleet: Fleet, runId: string): Promise<string[]> {
  const types: string[] = [];
  for await (const { parsed } of (await fleet.bus()).read({ type: "RUN_EVENT", to: runId })) {
    if (parsed.ok && parsed.signal.type === "RUN_EVENT") {
      for (const entry of parsed.signal.payload.entries) {
        expect(entry.sequence_index).toBe(types.length);
        types.push(entry.event_type);
      }
    }
  }
  return types;
}

describe.each(TRANSPORTS)("%s", (transport) => {
  test("a recoverable failure is started again until it succeeds; ctx.attempt counts, and the journal has each start", async () => {
    await using fleet = await withFleet(transport);
    const attempts: number[] = [];
    const neuron = (_input: unknown, ctx: { attempt: number; runId: string }) => {
      attempts.push(ctx.attempt);
      if (ctx.attempt < 3) throw busy();
      return { runId: ctx.runId };
    };
    const worker = await fleet.worker([
      new Axon({ neuronId: "flaky", neuron, retry: { maxAttempts: 5, backoffMs: 10, jitter: 0 } }),
    ]);
    const reply = await worker.dispatchAndWait({ neuron: "flaky", input: {} });
    expect(attempts).toEqual([1, 2, 3]);
    expect(reply.meta.attempt).toBe(3);
    expect(await journalOf(fleet, reply.meta.run_id!)).toEqual([
      "attempt.started",
      "attempt.failed",
      "attempt.started",
      "attempt.failed",
      "attempt.started",
    ]);
  });

  test("what fails every time ends in one ERROR that has each start's failure", async () => {
    await using fleet = await withFleet(transport);
    let starts = 0;
    const neuron = () => {
      throw new NeuronFailure("BUSY", `start ${++starts}`, { recoverable: true });
    };
    const worker = await fleet.worker([
      new Axon({ neuronId: "hopeless", neuron, retry: { maxAttempts: 3, backoffMs: 10 } }),
    ]);
    const error = await caught(worker.dispatchAndWait({ neuron: "hopeless", input: {} }));
    expect(error).toBeInstanceOf(NeuronError);
    const { payload } = (error as NeuronError).signal as {
      payload: { attempts: { message: string; attempt: number }[] };
    };
    expect(payload.attempts.map(({ attempt, message }) => [attempt, message])).toEqual([
      [1, "start 1"],
      [2, "start 2"],
      [3, "start 3"],
    ]);
    expect(starts).toBe(3);
  });

  test("without retry an error is final, and says so of its one start", async () => {
    await using fleet = await withFleet(transport);
    let starts = 0;
    const neuron = () => {
      starts++;
      throw busy();
    };
    const worker = await fleet.worker([new Axon({ neuronId: "once", neuron })]);
    const error = (await caught(worker.dispatchAndWait({ neuron: "once", input: {} }))) as NeuronError;
    expect(error.signal.payload).toMatchObject({ code: "BUSY", attempts: [{ attempt: 1, code: "BUSY" }] });
    expect(starts).toBe(1);
  });

  test("a retry is the log's: another worker does it when the first is gone", async () => {
    await using fleet = await withFleet(transport);
    const failed = deferred();
    const axon = (neuron: () => unknown) =>
      new Axon({ neuronId: "moved", neuron, retry: { maxAttempts: 2, backoffMs: 300, jitter: 0 } });
    const first = await fleet.worker([
      axon(() => {
        failed.resolve();
        throw busy();
      }),
    ]);
    const caller = fleet.dendrite();
    await caller.start();
    const reply = caller.dispatchAndWait({ neuron: "moved", input: {} });
    await failed.promise;
    await first.stop();
    await fleet.worker([axon(() => ({ by: "second" }))]);
    expect((await reply).payload.output).toEqual({ by: "second" });
    expect((await reply).meta.attempt).toBe(2);
  });

  test("a start that a drain handed back does not count against maxAttempts", async () => {
    await using fleet = await withFleet(transport);
    const started = deferred();
    const attempts: number[] = [];
    const axon = (isSlow: boolean) =>
      new Axon({
        neuronId: "drained",
        retry: { maxAttempts: 1 },
        neuron: async (_input, ctx) => {
          attempts.push(ctx.attempt);
          started.resolve();
          if (isSlow) await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(busy())));
          return {};
        },
      });
    const first = await fleet.worker([axon(true)], { drainMs: 1 });
    const caller = fleet.dendrite();
    await caller.start();
    const reply = caller.dispatchAndWait({ neuron: "drained", input: {} });
    await started.promise;
    await fleet.worker([axon(false)], { synapse: await fleet.connect() });
    await first.stop();
    await reply;
    expect(attempts).toEqual([1, 2]);
    expect(await journalOf(fleet, (await reply).meta.run_id!)).toEqual([
      "attempt.started",
      "attempt.released",
      "attempt.started",
    ]);
  });
});

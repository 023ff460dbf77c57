/** Steps: what a neuron did once is not done again, in whichever start and whichever worker. */
import { describe, expect, test } from "@jest/globals";
import { Axon, type NeuronError } from "@myelin/dendrite";
import { clarify, NeuronFailure, StepInDoubtError, type NeuronContext } from "@myelin/neuron";
import { TRANSPORTS, withFleet } from "../../helpers/with-fleet.ts";

const again = () => new NeuronFailure("BUSY", "come back later", { recoverable: true });
const caught = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const retry = { maxAttempts: 3, backoffMs: 10, jitter: 0 };

describe.each(TRANSPORTS)("%s", (transport) => {
  test("J2: a step whose result is stored does not run in a later start; its result comes from the journal", async () => {
    await using fleet = await withFleet(transport);
    const effects: string[] = [];
    const neuron = async (_input: unknown, ctx: NeuronContext) => {
      const a = await ctx.step("a", () => {
        effects.push("a");
        return { n: 1, at: new Date(0) };
      });
      if (ctx.attempt === 1) throw again();
      const b = await ctx.step("b", ({ key }) => {
        effects.push("b");
        expect(ctx.stepKey).toBe(key);
        return key;
      });
      return { a, b, runId: ctx.runId };
    };
    const worker = await fleet.worker([new Axon({ neuronId: "stepper", neuron, retry })]);
    const { output } = (await worker.dispatchAndWait({ neuron: "stepper", input: {} })).payload;
    expect(effects).toEqual(["a", "b"]);
    expect(output).toEqual({
      a: { n: 1, at: "1970-01-01T00:00:00.000Z" },
      b: `${String(output.runId)}:b`,
      runId: output.runId,
    });
  });

  test("a step's own failure is repeated while a retry follows, and kept once it is final", async () => {
    await using fleet = await withFleet(transport);
    let tries = 0;
    const neuron = async (_input: unknown, ctx: NeuronContext) => {
      const error = await caught(
        ctx.step("charge", () => {
          tries++;
          throw new NeuronFailure("CARD_DECLINED", "no money");
        }),
      );
      if (ctx.attempt < 3) throw again();
      return { code: (error as NeuronFailure).code, isFailure: error instanceof NeuronFailure };
    };
    const worker = await fleet.worker([new Axon({ neuronId: "charger", neuron, retry })]);
    const reply = await worker.dispatchAndWait({ neuron: "charger", input: {} });
    expect(reply.payload.output).toEqual({ code: "CARD_DECLINED", isFailure: true });
    expect(tries).toBe(1);
  });

  test("J3: an announced step without a result is in doubt in the next start, and its key is in the error", async () => {
    await using fleet = await withFleet(transport);
    let effects = 0;
    const neuron = async (_input: unknown, ctx: NeuronContext) => {
      try {
        await ctx.step(
          "pay",
          () => {
            effects++;
            throw again();
          },
          { repeatable: false },
        );
      } catch (error) {
        if (error instanceof StepInDoubtError) return { key: error.stepKey, runId: ctx.runId };
        throw error;
      }
      return {};
    };
    const worker = await fleet.worker([new Axon({ neuronId: "payer", neuron, retry })]);
    const { output } = (await worker.dispatchAndWait({ neuron: "payer", input: {} })).payload;
    expect(output).toEqual({ key: `${String(output.runId)}:pay`, runId: output.runId });
    expect(effects).toBe(1);
  });

  test("a doubt that nobody catches ends the run in ERROR STEP_IN_DOUBT, and is not retried", async () => {
    await using fleet = await withFleet(transport);
    const neuron = async (_input: unknown, ctx: NeuronContext) =>
      ctx.step("pay", () => Promise.reject(again()), { repeatable: false });
    const worker = await fleet.worker([
      new Axon({ neuronId: "payer", neuron, retry: { ...retry, retryOn: () => true } }),
    ]);
    const error = (await caught(worker.dispatchAndWait({ neuron: "payer", input: {} }))) as NeuronError;
    expect(error.signal.payload).toMatchObject({ code: "STEP_IN_DOUBT", attempts: [{ code: "BUSY" }, { attempt: 2 }] });
  });

  test("steps in another order than the journal's are refused", async () => {
    await using fleet = await withFleet(transport);
    const neuron = async (_input: unknown, ctx: NeuronContext) => {
      await ctx.step(ctx.attempt === 1 ? "a" : "b", () => 1);
      throw again();
    };
    const worker = await fleet.worker([new Axon({ neuronId: "mover", neuron, retry })]);
    expect(await caught(worker.dispatchAndWait({ neuron: "mover", input: {} }))).toMatchObject({
      code: "STEP_ORDER_CHANGED",
      message: expect.stringContaining('step 0 is "b" now, but the journal of the run has "a" as step 0') as unknown,
    });
  });

  test("two steps of one name, a name that is none, and a result that is no JSON are refused", async () => {
    await using fleet = await withFleet(transport);
    const neuron = async (input: { mode?: unknown }, ctx: NeuronContext) => {
      if (input.mode === "empty") await ctx.step("", () => 1);
      if (input.mode === "json") await ctx.step("big", () => 1n);
      await ctx.step("a", () => 1);
      await ctx.step("a", () => 2);
      return {};
    };
    const worker = await fleet.worker([new Axon({ neuronId: "clumsy", neuron })]);
    const codeOf = async (mode: string) =>
      ((await caught(worker.dispatchAndWait({ neuron: "clumsy", input: { mode } }))) as NeuronError).code;
    expect(await codeOf("twice")).toBe("STEP_NAME_TAKEN");
    expect(await codeOf("empty")).toBe("STEP_NAME_INVALID");
    expect(await codeOf("json")).toBe("STEP_RESULT_NOT_JSON");
  });

  test("steps that run at once have a key each, and ctx.stepKey refuses to guess", async () => {
    await using fleet = await withFleet(transport);
    const neuron = async (_input: unknown, ctx: NeuronContext) => {
      let refused: unknown;
      const slow = (key: string) => new Promise<string>((resolve) => setImmediate(() => resolve(key.split(":")[1]!)));
      const results = await Promise.all([
        ctx.step("a", ({ key }) => slow(key)),
        ctx.step("b", async ({ key }) => {
          const result = await slow(key);
          return result;
        }),
        ctx.step("c", ({ key }) => {
          try {
            void ctx.stepKey;
          } catch (error) {
            refused = error;
          }
          return slow(key);
        }),
      ]);
      return { results, code: (refused as NeuronFailure).code };
    };
    const worker = await fleet.worker([new Axon({ neuronId: "parallel", neuron })]);
    const reply = await worker.dispatchAndWait({ neuron: "parallel", input: {} });
    expect(reply.payload.output).toEqual({ results: ["a", "b", "c"], code: "STEP_KEY_OUTSIDE" });
  });

  test("J2: a run that was paused goes on behind its steps", async () => {
    await using fleet = await withFleet(transport);
    let effects = 0;
    const neuron = async (_input: unknown, ctx: NeuronContext) => {
      const n = await ctx.step("a", () => ++effects);
      return ctx.answers.length === 0 ? clarify("which?") : { n, answer: ctx.answers[0]!.answer };
    };
    const worker = await fleet.worker([new Axon({ neuronId: "asker", neuron })]);
    worker.onClarification(async (sig) => void (await worker.respondToClarification(sig, { answer: "blue" })));
    const reply = await worker.dispatchAndWait({ neuron: "asker", input: {}, onPause: "wait" });
    expect(reply.payload).toEqual({ output: { n: 1, answer: "blue" } });
  });

  test("a transient run keeps nothing, and its steps just run", async () => {
    await using fleet = await withFleet(transport);
    const neuron = async (_input: unknown, ctx: NeuronContext) => ({ n: await ctx.step("a", () => 7) });
    const worker = await fleet.worker([new Axon({ neuronId: "brief", neuron })]);
    const reply = await worker.dispatchAndWait({ neuron: "brief", input: {}, delivery: "transient" });
    expect(reply.payload.output).toEqual({ n: 7 });
  });
});

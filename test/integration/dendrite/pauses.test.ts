import { describe, expect, test } from "@jest/globals";
import type { SignalOf } from "@myelin/bus";
import { AlreadyAnsweredError, Axon, DendriteError, NeuronPausedError } from "@myelin/dendrite";
import { clarify, defineNeuron, escalate, permission, type NeuronContext } from "@myelin/neuron";
import { z } from "zod";
import { TRANSPORTS, withFleet } from "../../helpers/with-fleet.ts";

const asking = (neuronId = "asks") =>
  new Axon({
    neuronId,
    neuron: (input, ctx) =>
      ctx.answers.length === 0 ? clarify("Which style?", { draft: 1 }) : { input, answers: ctx.answers },
  });

describe.each(TRANSPORTS)("pauses over %s", (transport) => {
  test("a pause rejects with NeuronPausedError: the run and the Signal that asks", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([asking()]);
    const paused = await fleet
      .dendrite()
      .dispatchAndWait({ neuron: "asks", input: {} })
      .catch((e: unknown) => e);
    expect(paused).toBeInstanceOf(NeuronPausedError);
    const { runId, signal } = paused as NeuronPausedError;
    expect(runId).toMatch(/^run_/);
    expect(signal).toMatchObject({
      type: "CLARIFICATION",
      payload: { question: "Which style?", context: { draft: 1 } },
    });
  });

  test('onPause "return" resolves with the pause', async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([asking()]);
    const reply = await fleet.dendrite().dispatchAndWait({ neuron: "asks", input: {}, onPause: "return" });
    expect(reply.type).toBe("CLARIFICATION");
  });

  test('onPause "wait" goes through to the output, with the original input and the answer', async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([asking()]);
    const dispatcher = fleet.dendrite();
    await dispatcher.onClarification((signal) =>
      dispatcher.respondToClarification(signal, { answer: "Plain.", by: "ann" }),
    ).ready;
    const request = { neuron: "asks", input: { q: 1 }, metadata: { thread_id: "t" }, onPause: "wait" } as const;
    const reply = await dispatcher.dispatchAndWait(request);
    expect(reply.payload.output).toEqual({
      input: { q: 1, clarification: { question: "Which style?", answer: "Plain." } },
      answers: [{ kind: "clarification", question: "Which style?", answer: "Plain.", by: "ann" }],
    });
  });

  test("another process may answer; the run keeps its id and trace, and the second answer is refused", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([asking()]);
    const paused = await fleet.dendrite().dispatchAndWait({ neuron: "asks", input: { q: 2 }, onPause: "return" });
    const question = paused as SignalOf<"CLARIFICATION">;
    const other = fleet.dendrite({ synapse: await fleet.connect() });
    const output = new Promise<SignalOf<"AGENT_OUTPUT">>((resolve) => void other.onAgentOutput(resolve));
    await other.start();
    const task = await other.respondToClarification(question, { answer: "a", extra: { tone: "dry" } });
    expect(task).toMatchObject({
      trace_id: question.trace_id,
      parent_id: question.id,
      meta: { run_id: question.meta.run_id },
    });
    await expect(other.respondToClarification(question, { answer: "b" })).rejects.toThrow(AlreadyAnsweredError);
    expect((await output).meta.run_id).toBe(question.meta.run_id);
    expect((await output).payload.output).toMatchObject({
      input: { q: 2, clarification: { answer: "a", tone: "dry" } },
    });
    await expect(other.respondToClarification(question, { answer: "c" })).rejects.toThrow(AlreadyAnsweredError);
  });

  test("of twenty answers that race from two connections, one counts", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([asking()]);
    const dispatchers = [fleet.dendrite(), fleet.dendrite({ synapse: await fleet.connect() })];
    const question = await dispatchers[0]!.dispatchAndWait({ neuron: "asks", input: {}, onPause: "return" });
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        dispatchers[n % 2]!.respondToClarification(question as SignalOf<"CLARIFICATION">, { answer: n }),
      ),
    );
    expect(answers.filter((one) => one.status === "fulfilled")).toHaveLength(1);
    for (const one of answers) if (one.status === "rejected") expect(one.reason).toBeInstanceOf(AlreadyAnsweredError);
  });

  test("a run may ask more than once; every answer so far is in ctx.answers", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([
      new Axon({
        neuronId: "twice",
        neuron: (_input, ctx) =>
          ctx.answers.length < 2
            ? clarify(`Question ${ctx.answers.length + 1}?`)
            : { said: ctx.answers.map((one) => one.answer) },
      }),
    ]);
    const dispatcher = fleet.dendrite();
    await dispatcher.onClarification((signal) =>
      dispatcher.respondToClarification(signal, { answer: signal.payload.question.toLowerCase() }),
    ).ready;
    const reply = await dispatcher.dispatchAndWait({ neuron: "twice", input: {}, onPause: "wait" });
    expect(reply.payload.output).toEqual({ said: ["question 1?", "question 2?"] });
  });

  test("a contract's schema sees the original input; the answer is in ctx.answers", async () => {
    await using fleet = await withFleet(transport);
    const strict = defineNeuron({
      neuronId: "strict",
      capabilities: [],
      input: z.strictObject({ text: z.string() }),
      output: z.object({ text: z.string(), answers: z.number() }),
    });
    const neuron = ({ text }: { text: string }, ctx: NeuronContext) =>
      ctx.answers.length === 0 ? clarify("Sure?") : { text, answers: ctx.answers.length };
    await fleet.worker([new Axon({ ...strict, neuron })]);
    const dispatcher = fleet.dendrite();
    await dispatcher.onClarification((signal) => dispatcher.respondToClarification(signal, { answer: "yes" })).ready;
    const reply = await dispatcher.dispatchAndWait({ neuron: "strict", input: { text: "t" }, onPause: "wait" });
    expect(reply.payload.output).toEqual({ text: "t", answers: 1 });
  });

  test("permission: granted or refused, with its reason", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([
      new Axon({
        neuronId: "deletes",
        neuron: (input, ctx) =>
          ctx.answers.length === 0
            ? permission("delete", { reason: "asked to" })
            : { input, granted: ctx.answers[0]!.granted },
      }),
    ]);
    const dispatcher = fleet.dendrite();
    await dispatcher.onPermission((signal) => dispatcher.respondToPermission(signal, { granted: false, reason: "no" }))
      .ready;
    const reply = await dispatcher.dispatchAndWait({ neuron: "deletes", input: {}, onPause: "wait" });
    expect(reply.payload.output).toEqual({
      input: { permission: { action: "delete", granted: false, reason: "no" } },
      granted: false,
    });
  });

  test("escalation: the run goes on at its target, with the original input", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([
      new Axon({ neuronId: "junior", neuron: () => escalate("too hard", { target: "senior" }) }),
      new Axon({ neuronId: "senior", neuron: (input) => ({ solved: input }) }),
      new Axon({ neuronId: "lost", neuron: () => escalate("whom?") }),
    ]);
    const dispatcher = fleet.dendrite();
    await dispatcher.onEscalation({ neuron: "junior" }, (signal) => dispatcher.respondToEscalation(signal)).ready;
    const reply = await dispatcher.dispatchAndWait({ neuron: "junior", input: { q: 1 }, onPause: "wait" });
    expect(reply.directed.id).toBe("senior");
    expect(reply.payload.output).toEqual({
      solved: { q: 1, escalation: { reason: "too hard", context: {}, from: "junior" } },
    });
  });

  test("a transient task that paused is not in the log: its answer needs the input", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([asking()]);
    const dispatcher = fleet.dendrite();
    const request = { neuron: "asks", input: { q: 3 }, delivery: "transient", onPause: "return" } as const;
    const question = (await dispatcher.dispatchAndWait(request)) as SignalOf<"CLARIFICATION">;
    await expect(dispatcher.respondToClarification(question, { answer: "a" })).rejects.toThrow(
      /not in the log.*pass its input/,
    );
    const output = new Promise<SignalOf<"AGENT_OUTPUT">>((resolve) => void dispatcher.onAgentOutput(resolve));
    await dispatcher.respondToClarification(question, { answer: "a", input: { q: 3 } });
    expect((await output).payload.output).toMatchObject({ input: { q: 3, clarification: { answer: "a" } } });
  });

  test("the wrong kind of Signal is refused by name", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([asking()]);
    const dispatcher = fleet.dendrite();
    const question = await dispatcher.dispatchAndWait({ neuron: "asks", input: {}, onPause: "return" });
    const wrong = dispatcher.respondToPermission(question as never, { granted: true });
    await expect(wrong).rejects.toThrow(DendriteError);
    await expect(wrong).rejects.toThrow(/expected a PERMISSION Signal, got CLARIFICATION/);
    await expect(dispatcher.respondToClarification(undefined as never, { answer: 1 })).rejects.toThrow(/got undefined/);
  });
});

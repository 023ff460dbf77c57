import { describe, expect, test } from "@jest/globals";
import { newRunId, type Signal, type SignalOf } from "@myelin/bus";
import { Axon, RunNotFoundError, type NeuronError } from "@myelin/dendrite";
import { clarify } from "@myelin/neuron";
import { Recorder, RunStore } from "@myelin/runs";
import { fakeAgent } from "../../../test/helpers/fake-agent.ts";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";
import { withDatabase } from "../../../test/helpers/with-database.ts";
import { echoAxon, withFleet, type Fleet } from "../../../test/helpers/with-fleet.ts";
import { recordsAxon } from "./records.ts";

expectNoLeaks();

/** A fleet whose log is recorded, and whose records answer. */
async function withRecordedFleet() {
  const stack: AsyncDisposable[] = [];
  const keep = <T extends AsyncDisposable>(one: T): T => (stack.unshift(one), one);
  const database = keep(await withDatabase());
  const fleet = keep(await withFleet("memory"));
  const bus = await fleet.bus();
  const recorder = keep(new Recorder({ bus, synapse: fleet.synapse, databaseUrl: database.url }));
  await recorder.start();
  const store = keep(RunStore.fromDatabaseUrl(database.url));
  await fleet.worker([recordsAxon(store)], { dendriteId: "recorder" });
  return {
    fleet,
    store,
    /** Let the recorder catch up, then remove everything from the log, as it does with what is old. */
    async purge() {
      const { lastSeq } = await bus.info();
      await recorder.waitFor(lastSeq);
      await bus.purge(lastSeq + 1);
    },
    async [Symbol.asyncDispose]() {
      for (const one of stack) await one[Symbol.asyncDispose]();
    },
  };
}

const failing = () =>
  new Axon({
    neuronId: "fails",
    neuron: (input) => {
      if (input.mended === true || fixed.has("fails")) return { response: "mended" };
      throw new Error("broken");
    },
  });
const fixed = new Set<string>();

async function failureOf(fleet: Fleet): Promise<SignalOf<"ERROR">> {
  const failure: unknown = await fleet
    .dendrite()
    .dispatchAndWait({ neuron: "fails", input: { n: 1 }, metadata: { thread_id: "t" } })
    .catch((error: unknown) => error);
  return (failure as NeuronError).signal as SignalOf<"ERROR">;
}

describe("what the log no longer holds", () => {
  test("reattach, a key, and its conflict are answered from Postgres, and nothing runs again", async () => {
    await using here = await withRecordedFleet();
    const { fleet } = here;
    await fleet.worker([echoAxon()]);
    const request = { neuron: "echo", input: { prompt: "hi" }, idempotencyKey: "k" };
    const reply = await fleet.dendrite().dispatchAndWait(request);
    await here.purge();
    const later = fleet.dendrite();
    expect(await later.reattach(reply.meta.run_id!)).toEqual(reply);
    expect(await later.reattach({ neuron: "echo", idempotencyKey: "k" })).toEqual(reply);
    expect(await later.dispatchAndWait(request)).toEqual(reply);
    await expect(later.dispatch({ ...request, input: {} })).rejects.toMatchObject({ kind: "IDEMPOTENCY_CONFLICT" });
    await expect(later.reattach(newRunId())).rejects.toThrow(RunNotFoundError);
    expect((await (await fleet.bus()).lastOf({ type: "TASK" })) === null).toBe(true);
  });

  test("a question is answered once, with the original input, also when question and task are past the log", async () => {
    await using here = await withRecordedFleet();
    const { fleet } = here;
    const neuron = (input: Record<string, unknown>, ctx: { answers: readonly unknown[] }) =>
      ctx.answers.length === 0 ? clarify("which?") : { got: input };
    await fleet.worker([new Axon({ neuronId: "asks", neuron })]);
    const dendrite = fleet.dendrite();
    const question = await dendrite.dispatchAndWait({ neuron: "asks", input: { n: 5 }, onPause: "return" });
    const runId = question.meta.run_id!;
    await here.purge();
    expect(await fleet.dendrite().reattach(runId, { onPause: "return" })).toEqual(question);
    // Less than the 2 s after which it would ask again: the end is heard, or found at once.
    const waiting = fleet.dendrite().reattach(runId, { onPause: "wait", timeoutMs: 1_900 });
    const clarification = question as SignalOf<"CLARIFICATION">;
    await dendrite.respondToClarification(clarification, { answer: "this" });
    const reply = await waiting;
    expect(reply.payload.output).toEqual({ got: { n: 5, clarification: { question: "which?", answer: "this" } } });
    await here.purge();
    await expect(dendrite.respondToClarification(clarification, { answer: "that" })).rejects.toMatchObject({
      kind: "ALREADY_ANSWERED",
    });
    expect(await dendrite.reattach(runId)).toEqual(reply);
  });

  test("a paused run is shown, answered in part, answered, watched and run again from Postgres alone", async () => {
    await using here = await withRecordedFleet();
    const { fleet, store } = here;
    const pauses = [{ status: "waiting_client_tool", calls: { call_x: "result", call_y: "result" } }] as const;
    await fleet.worker([fakeAgent({ pauses })]);
    const paused = await fleet.dendrite().run("fake", { text: "hi", tenantId: "acme" });
    const { runId } = paused;
    await here.purge();
    const dendrite = fleet.dendrite();
    expect(await dendrite.runs.wait(runId)).toEqual(paused);
    await dendrite.submitToolResults(runId, { results: [{ callId: "call_x", result: 1 }], tenantId: "acme" });
    expect(await dendrite.runs.wait(runId)).toMatchObject({ pause: { pending: [{ callId: "call_y" }] } });
    await here.purge();
    const taken = await dendrite.submitToolResults(runId, { results: [{ callId: "call_y", result: 2 }] });
    const result = await taken.result();
    expect(result).toMatchObject({ status: "success", answer: '{"call_x":1,"call_y":2}' });
    await here.purge();
    expect(await fleet.dendrite().runs.wait(runId)).toEqual(result);
    const indexes: unknown[] = [];
    for await (const { sequenceIndex } of fleet.dendrite().runs.follow(runId)) indexes.push(sequenceIndex);
    expect(indexes).toEqual(indexes.map((_, at) => at));
    expect(indexes).toHaveLength((await store.getEvents(runId)).length);
    expect(await dendrite.retry(runId)).toMatchObject({ status: "waiting_client_tool", traceId: paused.traceId });
    expect(await store.getRun(runId)).toMatchObject({ status: "success" });
  });

  test("a dead letter of the tables is sent again", async () => {
    await using here = await withRecordedFleet();
    const { fleet, store } = here;
    await fleet.worker([failing()]);
    const error = await failureOf(fleet);
    await here.purge();
    const { deadLetters } = await store.listDeadLetters();
    expect(deadLetters.map(({ id }) => id)).toEqual([error.id]);
    fixed.add("fails");
    const dendrite = fleet.dendrite();
    const { runId } = await dendrite.replayDeadLetter(error.id);
    const reply: Signal = await dendrite.reattach(runId);
    expect(reply.payload).toEqual({ output: { response: "mended" } });
    await here.purge();
    expect(await store.getRun(runId)).toMatchObject({
      input: { n: 1 },
      metadata: { thread_id: "t" },
      status: "success",
    });
    expect(await store.getDeadLetter(error.id)).toMatchObject({ replayedRunId: runId });
    await expect(dendrite.replayDeadLetter(reply.id)).rejects.toMatchObject({ kind: "DEAD_LETTER_NOT_FOUND" });
  });
});

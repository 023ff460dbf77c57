import { describe, expect, test } from "@jest/globals";
import { createSignal, newSignalId, type Signal, type SignalOf } from "@myelin/bus";
import {
  Axon,
  DeadLetterNotFoundError,
  NeuronError,
  NoWorkerError,
  RecordsUnavailableError,
  runRecords,
} from "@myelin/dendrite";
import { clarify } from "@myelin/neuron";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { TRANSPORTS, withFleet, type Fleet } from "../../helpers/with-fleet.ts";

expectNoLeaks();

/** Fails until it is mended. Says what it was given. */
function mendable() {
  const given: { input: unknown; metadata: unknown; tenantId: string }[] = [];
  const state = { isMended: false };
  const neuron = (input: unknown, ctx: { metadata: unknown; tenantId: string }) => {
    given.push({ input, metadata: ctx.metadata, tenantId: ctx.tenantId });
    if (!state.isMended) throw new Error("broken");
    return { response: "mended" };
  };
  return { given, state, axon: new Axon({ neuronId: "mendable", neuron }) };
}

async function failing(fleet: Fleet, request: object = {}): Promise<SignalOf<"ERROR">> {
  const waiting = fleet.dendrite().dispatchAndWait({ neuron: "mendable", input: { n: 7 }, ...request });
  const failure: unknown = await waiting.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(NeuronError);
  return (failure as NeuronError).signal as SignalOf<"ERROR">;
}

async function logOf(fleet: Fleet): Promise<Signal[]> {
  const signals: Signal[] = [];
  for await (const { parsed } of (await fleet.bus()).read({})) if (parsed.ok) signals.push(parsed.signal);
  return signals;
}

describe.each(TRANSPORTS)("replayDeadLetter over %s", (transport) => {
  test("sends the task again as a new run: same input, metadata, tenant and neuron, a fresh deadline, the ERROR as parent", async () => {
    await using fleet = await withFleet(transport);
    const { given, state, axon } = mendable();
    await fleet.worker([axon]);
    const request = { metadata: { thread_id: "t" }, tenantId: "acme", timeoutMs: 5_000, idempotencyKey: "k" };
    const error = await failing(fleet, request);
    state.isMended = true;
    const operator = fleet.dendrite();
    const replayed = await operator.replayDeadLetter(error.id, { timeoutMs: 60_000 });
    const reply = await operator.reattach(replayed.runId);
    expect(reply).toMatchObject({ trace_id: error.trace_id, payload: { output: { response: "mended" } } });
    expect(replayed.runId).not.toBe(error.meta.run_id);
    expect(given[1]).toEqual({ input: { n: 7 }, metadata: { thread_id: "t" }, tenantId: "acme" });
    expect(given[1]).toEqual(given[0]);
    const task = (await logOf(fleet)).find((one) => one.id === replayed.taskId) as SignalOf<"TASK">;
    expect(task).toMatchObject({ parent_id: error.id, trace_id: replayed.traceId, directed: { id: "mendable" } });
    expect(Date.parse(task.payload.deadline!) - Date.parse(task.ts)).toBeGreaterThan(50_000);
    // The key stands for the run that failed, not for this one.
    expect(task.meta.idempotency_key).toBeUndefined();
  });

  test("of a run that was woken by an answer, what it began with is sent", async () => {
    await using fleet = await withFleet(transport);
    const inputs: unknown[] = [];
    const neuron = (input: unknown, ctx: { answers: readonly unknown[] }) => {
      inputs.push(input);
      if (ctx.answers.length === 0) return clarify("which?");
      throw new Error("broken");
    };
    await fleet.worker([new Axon({ neuronId: "asks", neuron })]);
    const dendrite = fleet.dendrite();
    const question = await dendrite.dispatchAndWait({ neuron: "asks", input: { n: 1 }, onPause: "return" });
    await dendrite.respondToClarification(question as SignalOf<"CLARIFICATION">, { answer: "this" });
    const failure = await dendrite.reattach(question.meta.run_id!).catch((error: unknown) => error);
    const replayed = await dendrite.replayDeadLetter((failure as NeuronError).signal.id);
    expect(await dendrite.reattach(replayed.runId, { onPause: "return" })).toMatchObject({ type: "CLARIFICATION" });
    expect(inputs).toMatchObject([{ n: 1 }, { n: 1, clarification: { answer: "this" } }, { n: 1 }]);
    expect(inputs[2]).toEqual({ n: 1 });
  });

  test("what ended without its worker is found by whom it answers", async () => {
    await using fleet = await withFleet(transport);
    const sender = fleet.dendrite();
    const { runId, traceId, taskId } = await sender.dispatch({
      neuron: "mendable",
      input: { n: 3 },
      whenAbsent: "wait",
    });
    // As a sweeper writes it: it has not had the task delivered.
    const swept = createSignal({
      type: "ERROR",
      trace_id: traceId,
      parent_id: taskId,
      directed: { id: "mendable", type: null, capabilities: [] },
      payload: { code: "DEADLINE_EXCEEDED", message: "nobody came", recoverable: true },
      meta: { run_id: runId, reply_to: sender.instance },
    });
    await (await fleet.bus()).append(swept);
    await expect(sender.replayDeadLetter(swept.id)).rejects.toThrow(NoWorkerError);
    const { given, state, axon } = mendable();
    state.isMended = true;
    await fleet.worker([axon]);
    const replayed = await sender.replayDeadLetter(swept.id);
    expect((await sender.reattach(replayed.runId)).payload.output).toEqual({ response: "mended" });
    expect(given).toContainEqual({ input: { n: 3 }, metadata: {}, tenantId: "" });
  });

  test("no such dead letter: an unknown id, another Signal's, or an ERROR that came after the end", async () => {
    await using fleet = await withFleet(transport);
    const { state, axon } = mendable();
    await fleet.worker([axon]);
    state.isMended = true;
    const dendrite = fleet.dendrite();
    const output = await dendrite.dispatchAndWait({ neuron: "mendable", input: {} });
    const { trace_id, parent_id, directed, meta } = output;
    const payload = { code: "LATE", message: "a zombie", recoverable: false };
    const late = createSignal({ type: "ERROR", trace_id, parent_id, directed, meta, payload });
    await (await fleet.bus()).append(late);
    for (const id of [newSignalId(), output.id, "msg_1_17"]) {
      await expect(dendrite.replayDeadLetter(id)).rejects.toThrow(DeadLetterNotFoundError);
    }
    await expect(dendrite.replayDeadLetter(late.id)).rejects.toThrow(
      `there is no dead letter ${late.id}: run ${meta.run_id} had ended before, with AGENT_OUTPUT ${output.id}`,
    );
  });

  test("past the log the records have ERROR and TASK; without them RecordsUnavailableError", async () => {
    await using fleet = await withFleet(transport);
    const { state, axon } = mendable();
    await fleet.worker([axon]);
    const error = await failing(fleet);
    const task = (await logOf(fleet)).find((one) => one.type === "TASK")!;
    const bus = await fleet.bus();
    await bus.purge((await bus.info()).lastSeq + 1);
    state.isMended = true;
    const dendrite = fleet.dendrite({ discoverMs: 50 });
    await expect(dendrite.replayDeadLetter(error.id)).rejects.toThrow(RecordsUnavailableError);
    const known = { deadLetter: error, task, reply: error, journal: error };
    await fleet.worker([
      new Axon({
        ...runRecords,
        neuron: ({ ask }) => ({ signal: { ...known[ask] }, storedAt: new Date().toISOString() }),
      }),
    ]);
    const { runId } = await fleet.dendrite().replayDeadLetter(error.id);
    expect((await dendrite.reattach(runId)).parent_id).not.toBeNull();
  });
});

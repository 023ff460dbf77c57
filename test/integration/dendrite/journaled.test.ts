/** The host of a neuron whose run is a journal: what it says for it, and what it leaves to others. */
import { describe, expect, test } from "@jest/globals";
import { createSignal, LogUnavailableError, type Bus, type Signal, type TraceId } from "@myelin/bus";
import { Axon, NeuronError } from "@myelin/dendrite";
import { superseded } from "@myelin/neuron";
import { APPROVAL, fakeAgent } from "../../helpers/fake-agent.ts";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { leveredSynapse } from "../../helpers/levered-synapse.ts";
import { TRANSPORTS, until, withFleet } from "../../helpers/with-fleet.ts";

expectNoLeaks();

async function signalsOf(bus: Bus, runId: string): Promise<Signal[]> {
  const signals: Signal[] = [];
  for await (const { parsed } of bus.read({})) {
    if (parsed.ok && parsed.signal.meta.run_id === runId) signals.push(parsed.signal);
  }
  return signals;
}
const entriesOf = (signals: readonly Signal[]): string[] =>
  signals.flatMap((one) => (one.type === "RUN_EVENT" ? one.payload.entries.map(({ event_type }) => event_type) : []));

describe.each(TRANSPORTS)("journaled runs over %s", (transport) => {
  test("a start that was superseded says nothing, and its task is done", async () => {
    await using fleet = await withFleet(transport);
    const outcomes: string[] = [];
    const observer = { taskEnded: ({ outcome }: { outcome: string }) => void outcomes.push(outcome) };
    const worker = await fleet.worker([new Axon({ neuronId: "silent", neuron: () => superseded() })], { observer });
    const { runId } = await fleet.dendrite().dispatch({ neuron: "silent", input: {} });
    await until(() => outcomes.length === 1);
    // Stopped, it would hand back what is not done; another would get it at once.
    await worker.stop();
    const another = await fleet.worker([new Axon({ neuronId: "silent", neuron: () => ({}) })]);
    await fleet.dendrite().dispatchAndWait({ neuron: "silent", input: {} });
    await until(() => another.stats().running === 0);
    expect(outcomes).toEqual(["superseded"]);
    expect((await signalsOf(await fleet.bus(), runId)).map(({ type }) => type)).toEqual(["TASK"]);
  });

  test("J2: an end that is on record and was not said is said by the next worker; the neuron does not run again", async () => {
    await using fleet = await withFleet(transport);
    let starts = 0;
    const failing = () =>
      fakeAgent({
        onStart: () => void starts++,
        work: () => {
          throw new Error("out of paper");
        },
      });
    let isRefused = false;
    const dumb = leveredSynapse(await fleet.connect(), {
      append: (bus) => (signal, options) => {
        if (signal.type !== "ERROR") return bus.append(signal, options);
        isRefused = true;
        return Promise.reject(new LogUnavailableError("no room"));
      },
    });
    const first = await fleet.worker([failing()], { synapse: dumb });
    const waiting = fleet
      .dendrite()
      .run("fake", { text: "hi" })
      .catch((error: unknown) => error);
    await until(() => isRefused);
    await first.stop();
    await fleet.worker([failing()]);
    const failure = (await waiting) as NeuronError;
    expect(failure).toMatchObject({ constructor: NeuronError, code: "NEURON_EXCEPTION" });
    expect(failure.message).toContain("out of paper");
    expect(starts).toBe(1);
    const entries = entriesOf(await signalsOf(await fleet.bus(), failure.signal.meta.run_id!));
    expect(entries).toEqual(["attempt.started", "run.started", "run.error"]);
  });

  test.each([
    ["its deadline has passed", {}, 1_000],
    ["no attempt is left", { retry: { maxAttempts: 1 } }, 60_000],
  ])(
    "J2: a pause on record that was not said is said by the next worker, though %s",
    async (_why, options, timeoutMs) => {
      await using fleet = await withFleet(transport);
      let isRefused = false;
      const dumb = leveredSynapse(await fleet.connect(), {
        append: (bus) => (signal, appendOptions) => {
          if (signal.type !== "PERMISSION") return bus.append(signal, appendOptions);
          isRefused = true;
          return Promise.reject(new LogUnavailableError("no room"));
        },
      });
      const agent = () => fakeAgent({ pauses: [APPROVAL], ...options });
      const first = await fleet.worker([agent()], { synapse: dumb });
      const startedAt = Date.now();
      const { runId } = await fleet.dendrite().runs.start("fake", { text: "hi", timeoutMs });
      await until(() => isRefused);
      await first.stop();
      await until(() => timeoutMs > 10_000 || Date.now() > startedAt + timeoutMs);
      await fleet.worker([agent()]);
      const bus = await fleet.bus();
      await until(async () =>
        (await signalsOf(bus, runId)).some(({ type }) => type === "PERMISSION" || type === "ERROR"),
      );
      const signals = await signalsOf(bus, runId);
      expect(signals.filter(({ type }) => type !== "RUN_EVENT").map(({ type }) => type)).toEqual([
        "TASK",
        "PERMISSION",
      ]);
      expect(entriesOf(signals)).not.toContain("run.error");
    },
  );

  test("a STOP that came while a run waited holds: what its answer wakes is not started", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([fakeAgent({ pauses: [APPROVAL] })]);
    const dendrite = fleet.dendrite();
    const { runId, traceId } = await dendrite.run("fake", { text: "hi" });
    const bus = await fleet.bus();
    await bus.append(createSignal({ type: "STOP", trace_id: traceId as TraceId, payload: { run_id: runId } }));
    const taken = await dendrite.submitApproval(runId, { approved: true });
    await expect(taken.result()).rejects.toMatchObject({ code: "STOPPED" });
  });

  test("the deadline, too, has its kind, and is on record", async () => {
    await using fleet = await withFleet(transport);
    const kinds: unknown[] = [];
    const work: Parameters<typeof fakeAgent>[0] = {
      work: (ctx) =>
        new Promise((_resolve, reject) => {
          ctx.signal.addEventListener("abort", () => {
            const reason = ctx.signal.reason as Error & { kind: unknown };
            kinds.push([reason.kind, reason.name]);
            reject(reason);
          });
        }),
    };
    await fleet.worker([fakeAgent(work)]);
    const dendrite = fleet.dendrite();
    const { runId } = await dendrite.runs.start("fake", { text: "hi", timeoutMs: 150 });
    await expect(dendrite.runs.wait(runId)).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(kinds).toEqual([["deadline", "TimeoutError"]]);
    expect(entriesOf(await signalsOf(await fleet.bus(), runId)).at(-1)).toBe("run.error");
  });
});

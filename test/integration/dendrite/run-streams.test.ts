/** Watching a run: what it does comes in order, each thing once, whoever watches and from when on. */
import { describe, expect, test } from "@jest/globals";
import type { Bus } from "@myelin/bus";
import { Axon, type Dendrite, type RunStreamEvent } from "@myelin/dendrite";
import { APPROVAL, fakeAgent } from "../../helpers/fake-agent.ts";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { leveredSynapse } from "../../helpers/levered-synapse.ts";
import { deferred, TRANSPORTS, until, withFleet } from "../../helpers/with-fleet.ts";

expectNoLeaks();

async function collect(events: AsyncIterable<RunStreamEvent>): Promise<RunStreamEvent[]> {
  const all: RunStreamEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}
const typesOf = (events: readonly RunStreamEvent[]) => events.map(({ type }) => type);
const indexes = (events: readonly RunStreamEvent[]) =>
  events.flatMap(({ sequenceIndex }) => (sequenceIndex === null ? [] : [sequenceIndex]));
const upTo = (last: number) => Array.from({ length: last + 1 }, (_, at) => at);

describe.each(TRANSPORTS)("streams of runs over %s", (transport) => {
  test("stream: text as it comes between the entries of the journal, to the result", async () => {
    await using fleet = await withFleet(transport);
    const work: Parameters<typeof fakeAgent>[0] = {
      work: (ctx) => {
        ctx.thought("let me see", "reasoning");
        ctx.thought("for");
        ctx.thought("ty-two");
        ctx.toolCall({ tool: "search", args: {} }); // a mirror of what the journal says, too
      },
    };
    await fleet.worker([fakeAgent(work)]);
    const events = await collect(fleet.dendrite().stream("fake", { text: "hi" }));
    expect(typesOf(events).filter((type) => type !== "event")).toEqual([
      "run_started",
      "reasoning_delta",
      "text_delta",
      "text_delta",
      "llm_completed",
      "run_completed",
    ]);
    expect(indexes(events)).toEqual(upTo(3));
    expect(events.flatMap((one) => (one.type === "text_delta" ? [one.text] : [])).join("")).toBe("forty-two");
    expect(events.find(({ type }) => type === "run_started")).toMatchObject({ agentName: "fake", model: "fake:one" });
    expect(events.at(-1)).toMatchObject({
      type: "run_completed",
      sequenceIndex: 3,
      result: { status: "success", usage: { inputTokens: 10 }, costUsd: 0.001 },
    });
  });

  test("stream: ends behind a pause, and leaving there leaves the run alone; follow goes on behind it", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([fakeAgent({ pauses: [APPROVAL, APPROVAL] })]);
    const dendrite = fleet.dendrite();
    const first = await collect(dendrite.stream("fake", { text: "hi" }));
    const paused = first.at(-1)!;
    expect(paused).toMatchObject({
      type: "run_paused",
      pause: { status: "waiting_approval", pending: [{ callId: "call_a" }] },
    });
    const { runId } = paused;
    await dendrite.submitApproval(runId, { approved: true, by: "ada" });

    // Whoever breaks off at the pause has not given the run up.
    for await (const event of dendrite.runs.follow(runId, { afterSequenceIndex: paused.sequenceIndex! })) {
      if (event.type === "run_paused") break;
    }
    await dendrite.submitApproval(runId, { approved: true });
    const other = fleet.dendrite({ synapse: await fleet.connect() });
    const rest = await collect(other.runs.follow(runId, { afterSequenceIndex: paused.sequenceIndex! }));
    expect(typesOf(rest).filter((type) => type !== "event")).toEqual([
      "run_resumed",
      "llm_completed",
      "run_paused",
      "run_resumed",
      "llm_completed",
      "run_completed",
    ]);
    const all = await collect(other.runs.follow(runId));
    expect(indexes(all)).toEqual(upTo(indexes(all).length - 1));
    expect(indexes([...first, ...rest])).toEqual(indexes(all));
    expect(await collect(other.runs.follow(runId, { afterSequenceIndex: indexes(all).length - 1 }))).toEqual([]);
  });

  test("follow: many readers that come, break off and come again each have every entry once", async () => {
    await using fleet = await withFleet(transport);
    const steps = 12;
    const gates = Array.from({ length: steps }, () => deferred());
    const agent = fakeAgent({
      work: async (ctx) => {
        for (const gate of gates) {
          await gate.promise;
          await ctx.journal.append([{ event_type: "skill.invoked", data: { skill_name: "one" } }]);
        }
      },
    });
    await fleet.worker([agent]);
    const dendrite = fleet.dendrite();
    const { runId } = await dendrite.runs.start("fake", { text: "hi" });
    // Every other entry is stored without anybody hearing of it.
    let heard = 0;
    const deaf =
      (bus: Bus): Bus["subscribe"] =>
      (channel, filter, handler, options) =>
        bus.subscribe(
          channel,
          filter,
          (signal, received) => {
            if (signal.type === "RUN_EVENT" && heard++ % 2 === 0) return;
            return handler(signal, received);
          },
          options,
        );
    const lossy = fleet.dendrite({ synapse: leveredSynapse(await fleet.connect(), { subscribe: deaf }) });
    const watch = async (reader: Dendrite, everyMany: number): Promise<number[]> => {
      const seen: number[] = [];
      for (;;) {
        let since = 0;
        let isOver = false;
        for await (const event of reader.runs.follow(runId, { afterSequenceIndex: seen.at(-1) ?? -1 })) {
          if (event.sequenceIndex !== null) seen.push(event.sequenceIndex);
          isOver = event.type === "run_completed";
          if (++since >= everyMany) break;
        }
        if (isOver || since === 0) return seen;
      }
    };
    const readers = [watch(dendrite, 100), watch(dendrite, 1), watch(lossy, 3), watch(lossy, 100)];
    for (const gate of gates) {
      gate.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [whole, ...others] = await Promise.all(readers);
    expect(whole).toEqual(upTo(steps + 3));
    for (const seen of others) expect(seen).toEqual(whole);
  });

  test("stream: leaving early stops the run; follow leaves it alone", async () => {
    await using fleet = await withFleet(transport);
    const gate = deferred();
    const kinds: unknown[] = [];
    const work: Parameters<typeof fakeAgent>[0] = {
      work: (ctx) =>
        new Promise<void>((resolve, reject) => {
          void gate.promise.then(resolve);
          ctx.signal.addEventListener("abort", () => {
            kinds.push((ctx.signal.reason as { kind: unknown }).kind);
            reject(ctx.signal.reason as Error);
          });
        }),
    };
    await fleet.worker([fakeAgent(work)]);
    const dendrite = fleet.dendrite();
    let runId = "";
    for await (const event of dendrite.stream("fake", { text: "hi" })) {
      ({ runId } = event);
      if (event.type === "run_started") break;
    }
    await until(() => kinds.length === 1);
    expect(kinds).toEqual(["stopped"]);
    expect((await collect(dendrite.runs.follow(runId))).at(-1)).toMatchObject({
      type: "run_cancelled",
      eventType: "run.cancelled",
      reason: "the reader of the stream left",
    });

    const abort = new AbortController();
    const streaming = collect(dendrite.stream("fake", { text: "hi", signal: abort.signal }));
    await until(async () => (await fleet.bus()).info().then(({ lastSeq }) => lastSeq > 0 && kinds.length === 1));
    const reason = new Error("enough");
    abort.abort(reason);
    await expect(streaming).rejects.toBe(reason);

    const started = await dendrite.runs.start("fake", { text: "hi" });
    for await (const event of dendrite.runs.follow(started.runId)) if (event.type === "run_started") break;
    const leaving = new AbortController();
    const following = collect(dendrite.runs.follow(started.runId, { signal: leaving.signal }));
    leaving.abort();
    await following;
    gate.resolve();
    expect(await dendrite.runs.wait(started.runId)).toMatchObject({ status: "success" });
  });

  test("a run that fails ends its stream with run_error, one without a journal too", async () => {
    await using fleet = await withFleet(transport);
    const fails = () => {
      throw new Error("out of paper");
    };
    await fleet.worker([fakeAgent({ work: fails }), new Axon({ neuronId: "plain", neuron: fails })]);
    const dendrite = fleet.dendrite();
    const events = await collect(dendrite.stream("fake", { text: "hi" }));
    expect(events.at(-1)).toMatchObject({
      type: "run_error",
      sequenceIndex: 2,
      code: "NEURON_EXCEPTION",
      message: "out of paper",
    });
    const { runId } = await dendrite.dispatch({ neuron: "plain", input: {} });
    expect(await collect(dendrite.runs.follow(runId))).toMatchObject([
      { type: "run_error", sequenceIndex: null, eventType: null },
    ]);
  });
});

test("a reader that is 10,000 events behind is told, and the run is stopped", async () => {
  await using fleet = await withFleet("memory");
  const said = deferred();
  const work: Parameters<typeof fakeAgent>[0] = {
    work: async (ctx) => {
      for (let at = 0; at < 10_100; at++) ctx.thought("a");
      said.resolve();
      await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
      ctx.signal.throwIfAborted();
    },
  };
  await fleet.worker([fakeAgent(work)]);
  const reading = (async () => {
    for await (const event of fleet.dendrite().stream("fake", { text: "hi" })) {
      if (event.type === "run_started") await said.promise;
    }
  })();
  await expect(reading).rejects.toMatchObject({ kind: "STREAM_OVERFLOW" });
});

/** Cancel against those who go on with the run: whatever falls between its STOP and its next look, a cancelled run is over. */
import { describe, expect, test } from "@jest/globals";
import { isEndType, type Signal } from "@myelin/bus";
import { RunAlreadyTerminalError, type Dendrite } from "@myelin/dendrite";
import { APPROVAL, fakeAgent } from "../../helpers/fake-agent.ts";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { TRANSPORTS, withFleet, type Fleet } from "../../helpers/with-fleet.ts";

expectNoLeaks();

const SEEDS = { memory: 50, nats: 6 } as const;
/** Longer than a test may take: a cancel that gives up is one that fails. */
const timeoutMs = 120_000;

/** mulberry32: the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Some turns of the event loop, at most so many. */
async function turns(random: () => number, most: number): Promise<void> {
  for (let left = Math.floor(random() * most); left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
}

/** Says yes to whatever the run asks, until it is over. */
async function approveOn(one: Dendrite, runId: string, random: () => number): Promise<void> {
  for (;;) {
    const refusal = await one.submitApproval(runId, { approved: true }).then(
      () => null,
      (error: unknown) => error,
    );
    if (refusal instanceof RunAlreadyTerminalError) return;
    await turns(random, 20);
  }
}

async function signalsOf(fleet: Fleet, runId: string): Promise<Signal[]> {
  const signals: Signal[] = [];
  for await (const { parsed } of (await fleet.bus()).read({})) {
    if (parsed.ok && parsed.signal.meta.run_id === runId) signals.push(parsed.signal);
  }
  return signals;
}

describe.each(TRANSPORTS)("%s", (transport) => {
  test("J1: a cancel that races with approvals holds: the run ends in it, once, and nobody goes on with it", async () => {
    await using fleet = await withFleet(transport);
    let asked = 0;
    // Pauses again and again, so that it ends in no other way.
    const pauses = Array.from({ length: 1_000 }, () => APPROVAL);
    await fleet.worker([fakeAgent({ pauses, concurrency: 8, onStart: () => void asked++ })]);
    const [submitter, canceller] = [fleet.dendrite(), fleet.dendrite({ synapse: await fleet.connect() })];
    for (let seed = 1; seed <= SEEDS[transport]; seed++) {
      const random = seeded(seed);
      const { runId } = await submitter.runs.start("fake", { text: "hi" });
      const approving = approveOn(submitter, runId, random);
      await turns(random, 60);
      const cancel = () => canceller.cancelRun(runId, { timeoutMs });
      const cancels = await Promise.all(seed % 3 === 0 ? [cancel(), cancel()] : [cancel()]);
      expect([seed, cancels.map(({ status }) => status)]).toEqual([seed, cancels.map(() => "cancelled")]);
      await approving;
      const signals = await signalsOf(fleet, runId);
      const journal = signals.flatMap((one) => (one.type === "RUN_EVENT" ? one.payload.entries : []));
      expect(journal.map(({ sequence_index }) => sequence_index)).toEqual(journal.map((_, at) => at));
      const ends = journal.filter(({ event_type }) => event_type === "run.cancelled");
      expect([seed, ends.length, journal.at(-1)?.event_type]).toEqual([seed, 1, "run.cancelled"]);
      expect(signals.find(({ type }) => isEndType(type))?.type).toBe("STOPPED");
    }
    expect(asked).toBeGreaterThan(SEEDS[transport]);
  });
});

/** Section of describeSynapse: Signals of several megabytes, which may travel otherwise than others; nobody may notice. */
import { describe, expect, test } from "@jest/globals";
import { encodeSignal, type Signal } from "../../src/protocol/index.ts";
import type { LogEntry } from "../../src/synapse/synapse.ts";
import { collect } from "../collect.ts";
import { sampleReply, sampleTask } from "../sample-signals.ts";
import { gate, toArray, type OpenSpace } from "./suite.ts";

const ECHO = { neuronId: "echo", lane: "normal" } as const;
const MB = 1_000_000;
const large = (mark = "x") => sampleTask({ input: { text: mark.repeat(3 * MB) } });

/** Not toEqual: it takes seconds for what fits no message. */
const isSame = (signal: Signal | undefined, expected: Signal): boolean =>
  signal !== undefined && Buffer.compare(encodeSignal(signal), encodeSignal(expected)) === 0;
const isWhole = (entry: LogEntry | null | undefined, expected: Signal): boolean =>
  entry?.parsed.ok === true &&
  isSame(entry.parsed.signal, expected) &&
  Buffer.compare(entry.bytes, encodeSignal(expected)) === 0;

export function describeLarge(space: OpenSpace): void {
  describe("large Signals", () => {
    test("one of 3 MB is stored and read as a whole: read, get, lastOf", async () => {
      await using here = await space();
      const other = await here.open();
      const task = large();
      await here.bus.append(sampleTask());
      expect(await here.bus.append(task, { expectLastSeq: 0 })).toEqual({ seq: 2, duplicate: false });
      await here.bus.append(sampleReply());
      const entries = await toArray(other.bus.read({}));
      expect(entries.map(({ seq }) => seq)).toEqual([1, 2, 3]);
      expect(isWhole(entries[1], task)).toBe(true);
      expect(isWhole(await other.bus.get(2), task)).toBe(true);
      expect(isWhole(await other.bus.lastOf({ type: "TASK", to: "echo" }), task)).toBe(true);
      expect(entries[1]!.subject).toBe(
        `myelin.${here.namespace}.put.TASK.echo.normal.${entries[1]!.subject.slice(-4)}`,
      );
    });

    test("is appended once under its dedup id", async () => {
      await using here = await space();
      const task = large();
      const first = await here.bus.append(task, { dedupId: "once" });
      expect(await here.bus.append(task, { dedupId: "once" })).toEqual({ seq: first.seq, duplicate: true });
    });

    test.each(["log", "live"] as const)(
      "is heard on %s as a whole, and no later one overtakes it there",
      async (channel) => {
        await using here = await space();
        const other = await here.open();
        const heard = collect<Signal>();
        const seqs: (number | null)[] = [];
        await other.bus.subscribe(channel, {}, (signal, { seq }) => {
          seqs.push(seq);
          heard.push(signal);
        });
        const [first, small, second, last] = [large("a"), sampleTask(), large("b"), sampleTask()];
        if (channel === "log") for (const one of [first, small, second, last]) await here.bus.append(one);
        else {
          here.bus.publish(first);
          await heard.first(1);
          // Stored in the background: a later one may be sent first. What was sent keeps its order.
          here.bus.publish(second);
          await heard.first(2);
          for (const one of [small, last]) here.bus.publish(one);
        }
        const all = await heard.first(4);
        const expected = channel === "log" ? [first, small, second, last] : [first, second, small, last];
        expect(all.map((one, at) => isSame(one, expected[at]!))).toEqual([true, true, true, true]);
        expect(seqs).toEqual(channel === "log" ? [1, 2, 3, 4] : [null, null, null, null]);
        expect(here.problems.items).toEqual([]);
      },
    );

    test("as a TASK goes to one worker, that asked for it or polls", async () => {
      await using here = await space();
      const other = await here.open();
      const tasks = [large("a"), large("b"), large("c")];
      for (const task of tasks) await here.bus.append(task);
      const taken = collect<Signal>();
      const consumption = await other.bus.consume(ECHO, ({ signal }) => {
        taken.push(signal);
        return Promise.resolve({ type: "done" });
      });
      expect(await consumption.poll(1)).toBe(1);
      expect(taken.items).toHaveLength(1);
      consumption.request(2);
      const all = await taken.first(3);
      const ids = (signals: readonly Signal[]) => signals.map(({ id }) => id).sort();
      expect(ids(all)).toEqual(ids(tasks));
      for (const one of all)
        expect(
          isSame(
            one,
            tasks.find(({ id }) => id === one.id)!,
          ),
        ).toBe(true);
      await consumption.drain();
    });

    test("a drain waits for what was published", async () => {
      await using here = await space();
      const other = await here.open();
      const heard = collect<Signal>();
      await here.bus.subscribe("live", {}, (signal) => heard.push(signal));
      const task = large();
      other.bus.publish(task);
      await other.synapse.drain();
      expect(isSame((await heard.first(1))[0], task)).toBe(true);
    });

    test("S1: a drain waits for the handlers of those that had arrived", async () => {
      await using here = await space();
      const { synapse, bus } = await here.open();
      const waiting = gate();
      const started = collect<string>();
      let running = 0;
      await bus.subscribe("log", {}, async () => {
        running++;
        started.push("");
        await waiting.opened;
        running--;
      });
      await here.bus.append(large());
      await here.bus.append(sampleTask());
      await started.first(1);
      const drained = synapse.drain();
      waiting.open();
      await drained;
      expect(running).toBe(0);
    });

    test("a key's value may be as large", async () => {
      await using here = await space();
      const other = await here.open();
      const bytes = encodeSignal(large());
      const revision = await here.bus.putKey("large", bytes, { expectRevision: 0 });
      await expect(other.bus.putKey("large", bytes, { expectRevision: 0 })).rejects.toMatchObject({
        code: "WRONG_LAST_SEQ",
        actualSeq: revision,
      });
      const found = await other.bus.getKey("large");
      expect(found?.revision).toBe(revision);
      expect(Buffer.compare(found!.bytes, bytes)).toBe(0);
    });
  });
}

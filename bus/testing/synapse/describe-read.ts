/** Section of describeSynapse: reading the log in order. */
import { describe, expect, test } from "@jest/globals";
import { encodeSignal, subjectOf } from "../../src/protocol/index.ts";
import { collect } from "../collect.ts";
import { sampleEvent, sampleReply, sampleTask } from "../sample-signals.ts";
import { gate, sleep, toArray, type OpenSpace } from "./suite.ts";

export function describeRead(space: OpenSpace): void {
  describe("read", () => {
    test("yields every entry in order, with its subject, bytes, time and Signal", async () => {
      await using here = await space();
      const signals = [sampleTask(), sampleReply(), sampleEvent({ runId: "run_1", traceId: "trc_1" })];
      const before = Date.now();
      for (const signal of signals) await here.bus.append(signal);
      const entries = await toArray(here.bus.read({}));
      expect(entries.map(({ seq, subject, bytes, parsed }) => ({ seq, subject, bytes, parsed }))).toEqual(
        signals.map((signal, at) => ({
          seq: at + 1,
          subject: subjectOf(here.namespace, "put", signal),
          bytes: encodeSignal(signal),
          parsed: { ok: true, signal },
        })),
      );
      for (const { storedAt } of entries) expect(Math.abs(storedAt.getTime() - before)).toBeLessThan(5_000);
    });

    test("an empty log, and a position behind the last entry, end at once", async () => {
      await using here = await space();
      expect(await toArray(here.bus.read({}))).toEqual([]);
      await here.bus.append(sampleTask());
      expect(await toArray(here.bus.read({}, { fromSeq: 2 }))).toEqual([]);
      expect(await toArray(here.bus.read({ type: "BID" }))).toEqual([]);
    });

    test("begins at a position and filters, also when the last entries are for others", async () => {
      await using here = await space();
      for (let n = 0; n < 5; n++) {
        await here.bus.append(sampleTask({ neuronId: "echo" }));
        await here.bus.append(sampleTask({ neuronId: "other" }));
        await here.bus.append(sampleReply());
      }
      const seqs = async (...args: Parameters<typeof here.bus.read>) =>
        (await toArray(here.bus.read(...args))).map(({ seq }) => seq);
      expect(await seqs({}, { fromSeq: 13 })).toEqual([13, 14, 15]);
      expect(await seqs({ type: "TASK", to: "echo" })).toEqual([1, 4, 7, 10, 13]);
      expect(await seqs({ type: "TASK", to: "other" }, { fromSeq: 6 })).toEqual([8, 11, 14]);
    });

    test("five thousand entries come without a gap, from a connection that stored none of them", async () => {
      await using here = await space();
      await Promise.all(Array.from({ length: 5_000 }, () => here.bus.append(sampleTask())));
      const { bus } = await here.open();
      const entries = await toArray(bus.read({}));
      expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 5_000 }, (_, at) => at + 1));
    });

    test("begins at a time of the log's clock", async () => {
      await using here = await space();
      await here.bus.append(sampleTask());
      await here.bus.append(sampleReply());
      await sleep(20);
      await here.bus.append(sampleTask());
      await here.bus.append(sampleReply());
      const [first, , third] = (await toArray(here.bus.read({}))).map(({ storedAt }) => storedAt.getTime());
      const seqs = async (...args: Parameters<typeof here.bus.read>) =>
        (await toArray(here.bus.read(...args))).map(({ seq }) => seq);
      expect(await seqs({}, { fromTime: new Date(first! - 60_000) })).toEqual([1, 2, 3, 4]);
      expect(await seqs({}, { fromTime: new Date(third!) })).toEqual([3, 4]);
      expect(await seqs({ type: "TASK" }, { fromTime: new Date(third!) })).toEqual([3]);
      expect(await seqs({}, { fromTime: new Date(third!), fromSeq: 4 })).toEqual([4]);
      expect(await seqs({}, { fromTime: new Date(third! + 60_000) })).toEqual([]);
    });

    test("ends at what was last when it was called", async () => {
      await using here = await space();
      for (let n = 0; n < 3; n++) await here.bus.append(sampleTask());
      const seen: number[] = [];
      for await (const { seq } of here.bus.read({})) {
        seen.push(seq);
        await here.bus.append(sampleTask());
      }
      expect(seen).toEqual([1, 2, 3]);
    });

    test("following goes on with what is appended later, until its signal aborts", async () => {
      await using here = await space();
      await here.bus.append(sampleTask());
      const abort = new AbortController();
      const seen = collect<number>();
      const reading = (async () => {
        for await (const { seq } of here.bus.read({ type: "TASK" }, { follow: true, signal: abort.signal }))
          seen.push(seq);
      })();
      await seen.first(1);
      await here.bus.append(sampleReply());
      await here.bus.append(sampleTask());
      expect(await seen.first(2)).toEqual([1, 3]);
      abort.abort();
      await reading;
      await here.bus.append(sampleTask());
      await here.bus.info();
      expect(seen.items).toEqual([1, 3]);
    });

    test("a signal that has aborted already ends it before it begins", async () => {
      await using here = await space();
      await here.bus.append(sampleTask());
      expect(await toArray(here.bus.read({}, { follow: true, signal: AbortSignal.abort() }))).toEqual([]);
    });

    test("a slow reader gets everything, once", async () => {
      await using here = await space();
      const seen: number[] = [];
      const full = gate();
      const reading = (async () => {
        for await (const { seq } of here.bus.read({}, { follow: true })) {
          seen.push(seq);
          if (seq % 100 === 0) await sleep(20);
          if (seq === 1_000) break;
        }
        full.open();
      })();
      await Promise.all(Array.from({ length: 1_000 }, () => here.bus.append(sampleTask())));
      await full.opened;
      await reading;
      expect(seen).toEqual(Array.from({ length: 1_000 }, (_, at) => at + 1));
    });

    test("bytes that are no Signal are yielded with their problem", async () => {
      await using here = await space();
      await here.inject("put.TASK.echo.normal.00._", "not json");
      await here.bus.append(sampleTask());
      const [bad, good] = await toArray(here.bus.read({}));
      expect(bad).toMatchObject({ seq: 1, parsed: { ok: false, problem: { code: "NOT_JSON" } } });
      expect(new TextDecoder().decode(bad!.bytes)).toBe("not json");
      expect(good).toMatchObject({ seq: 2, parsed: { ok: true } });
    });

    test("two readings of one log do not disturb each other", async () => {
      await using here = await space();
      for (let n = 0; n < 20; n++) await here.bus.append(sampleTask());
      const [all, some] = await Promise.all([toArray(here.bus.read({})), toArray(here.bus.read({}, { fromSeq: 11 }))]);
      expect([all.length, some.length]).toEqual([20, 10]);
    });
  });
}

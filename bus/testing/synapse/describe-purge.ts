/** Section of describeSynapse: deleting the beginning of the log. */
import { describe, expect, test } from "@jest/globals";
import { sampleEvent, sampleReply, sampleTask } from "../sample-signals.ts";
import { collect } from "../collect.ts";
import { roundTrips, toArray, type OpenSpace } from "./suite.ts";

export function describePurge(space: OpenSpace): void {
  describe("purge", () => {
    const seqs = (entries: { seq: number }[]) => entries.map(({ seq }) => seq);

    test("deletes what is below a sequence; the rest keeps its place, and the next one goes on", async () => {
      await using here = await space();
      for (let n = 0; n < 5; n++) await here.bus.append(sampleTask());
      const before = await here.bus.info();
      await here.bus.purge(4);
      const after = await here.bus.info();
      expect(after).toMatchObject({ firstSeq: 4, lastSeq: 5, createdAt: before.createdAt });
      expect(after.bytes).toBeLessThan(before.bytes);
      expect(await here.bus.get(3)).toBeNull();
      expect(await here.bus.get(4)).toMatchObject({ seq: 4 });
      expect(seqs(await toArray(here.bus.read({})))).toEqual([4, 5]);
      expect(seqs(await toArray(here.bus.read({}, { fromSeq: 2 })))).toEqual([4, 5]);
      expect(seqs(await toArray(here.bus.read({}, { fromSeq: 5 })))).toEqual([5]);
      expect(await here.bus.append(sampleTask())).toEqual({ seq: 6, duplicate: false });
    });

    test("of everything, and of more than there is, leaves no gap and gives no sequence twice", async () => {
      await using here = await space();
      for (let n = 0; n < 3; n++) await here.bus.append(sampleTask());
      await here.bus.purge(1_000);
      expect(await here.bus.info()).toMatchObject({ firstSeq: 4, lastSeq: 3, bytes: 0 });
      expect(await toArray(here.bus.read({}))).toEqual([]);
      expect(await here.bus.lastOf({})).toBeNull();
      expect((await here.bus.append(sampleTask())).seq).toBe(4);
      expect(seqs(await toArray(here.bus.read({})))).toEqual([4]);
    });

    test("of nothing changes nothing: up to 0, 1 or an earlier purge, twice, at once, and of an empty log", async () => {
      await using here = await space();
      await here.bus.purge(7);
      for (let n = 0; n < 3; n++) await here.bus.append(sampleTask());
      for (const upTo of [0, 1]) await here.bus.purge(upTo);
      expect(await here.bus.info()).toMatchObject({ firstSeq: 1, lastSeq: 3 });
      const other = await here.open();
      await Promise.all([here.bus.purge(3), other.bus.purge(2), other.bus.purge(3)]);
      await here.bus.purge(2);
      expect(await here.bus.info()).toMatchObject({ firstSeq: 3, lastSeq: 3 });
    });

    test("a subject that lost all its entries is at 0 again; one that kept its last is where it was", async () => {
      await using here = await space();
      const [gone, kept] = [
        { runId: "run_1", traceId: "trc_1" } as const,
        { runId: "run_2", traceId: "trc_2" } as const,
      ];
      const { seq: goneAt } = await here.bus.append(sampleEvent(gone), { expectLastSeq: 0 });
      const { seq: first } = await here.bus.append(sampleEvent(kept), { expectLastSeq: 0 });
      const { seq: head } = await here.bus.append(sampleEvent({ ...kept, index: 1 }), { expectLastSeq: first });
      await here.bus.purge(head);
      await expect(
        here.bus.append(sampleEvent({ ...gone, index: 1 }), { expectLastSeq: goneAt }),
      ).rejects.toMatchObject({ code: "WRONG_LAST_SEQ", expectedSeq: goneAt, actualSeq: 0 });
      await here.bus.append(sampleEvent(gone), { expectLastSeq: 0 });
      await here.bus.append(sampleEvent({ ...kept, index: 2 }), { expectLastSeq: head });
    });

    test("a TASK that was purged is delivered to nobody; those above it are", async () => {
      await using here = await space();
      const taken = collect<number>();
      const consumption = await here.bus.consume({ neuronId: "echo", lane: "normal" }, ({ seq }) => {
        taken.push(seq);
        return Promise.resolve({ type: "done" });
      });
      for (let n = 0; n < 3; n++) await here.bus.append(sampleTask());
      await here.bus.purge(3);
      consumption.request(10);
      expect(await taken.first(1)).toEqual([3]);
      await roundTrips(here.bus);
      expect(taken.items).toEqual([3]);
    });

    test("a following reading goes on above it", async () => {
      await using here = await space();
      const seen = collect<number>();
      const abort = new AbortController();
      for (let n = 0; n < 3; n++) await here.bus.append(sampleTask());
      const reading = (async () => {
        for await (const { seq } of here.bus.read({ type: "TASK" }, { follow: true, signal: abort.signal })) {
          seen.push(seq);
        }
      })();
      await seen.first(3);
      await here.bus.append(sampleReply());
      await here.bus.purge(5);
      await here.bus.append(sampleTask());
      expect(await seen.first(4)).toEqual([1, 2, 3, 5]);
      abort.abort();
      await reading;
    });

    test("below something that is no sequence is INVALID_OPTION", async () => {
      await using here = await space();
      for (const upTo of [-1, 1.5, Number.NaN]) {
        await expect(here.bus.purge(upTo)).rejects.toMatchObject({ code: "INVALID_OPTION" });
      }
    });
  });
}

/** Section of describeSynapse: putting Signals in the log. */
import { describe, expect, test } from "@jest/globals";
import {
  encodeSignal,
  newRunId,
  newTraceId,
  PayloadTooLargeError,
  WrongLastSeqError,
} from "../../src/protocol/index.ts";
import { sampleEvent, sampleReply, sampleTask } from "../sample-signals.ts";
import { toArray, type OpenSpace } from "./suite.ts";

export function describeAppend(space: OpenSpace): void {
  describe("append", () => {
    test("resolves with the place in the log, from 1 on", async () => {
      await using here = await space();
      expect(await here.bus.append(sampleTask())).toEqual({ seq: 1, duplicate: false });
      expect(await here.bus.append(sampleReply())).toEqual({ seq: 2, duplicate: false });
    });

    test("stores the Signal as it was given", async () => {
      await using here = await space();
      const task = sampleTask({ input: { text: "größer als 255: \u{1F9E0}", deep: [{ n: 1.5 }, null] } });
      const { seq } = await here.bus.append(task);
      const entry = await here.bus.get(seq);
      expect(entry?.parsed).toEqual({ ok: true, signal: task });
      expect(entry?.bytes).toEqual(encodeSignal(task));
    });

    test("a thousand at once are all stored, each once", async () => {
      await using here = await space();
      const tasks = Array.from({ length: 1_000 }, (_, n) => sampleTask({ input: { n } }));
      const appended = await Promise.all(tasks.map((task) => here.bus.append(task)));
      expect(new Set(appended.map(({ seq }) => seq)).size).toBe(1_000);
      const entries = await toArray(here.bus.read({}));
      const seqOf = new Map(entries.map(({ seq, parsed }) => [parsed.ok ? parsed.signal.id : "", seq]));
      expect(tasks.map((task) => seqOf.get(task.id))).toEqual(appended.map(({ seq }) => seq));
    });

    test("a second append under a dedup id stores nothing, and says where the first one is", async () => {
      await using here = await space();
      const other = await here.open();
      const first = await here.bus.append(sampleTask(), { dedupId: "once" });
      expect(await other.bus.append(sampleTask(), { dedupId: "once" })).toEqual({ seq: first.seq, duplicate: true });
      expect((await here.bus.info()).lastSeq).toBe(1);
    });

    test("of fifty that expect to be first on a subject one wins; the others learn its sequence", async () => {
      await using here = await space();
      const other = await here.open();
      const [runId, traceId] = [newRunId(), newTraceId()];
      const buses = [here.bus, other.bus];
      const results = await Promise.allSettled(
        Array.from({ length: 50 }, (_, n) =>
          buses[n % 2]!.append(sampleEvent({ runId, traceId }), { expectLastSeq: 0 }),
        ),
      );
      const won = results.filter((result) => result.status === "fulfilled");
      expect(won.map(({ value }) => value)).toEqual([{ seq: 1, duplicate: false }]);
      const lost = results.filter((result) => result.status === "rejected").map(({ reason }) => reason as unknown);
      expect(lost).toHaveLength(49);
      for (const error of lost) {
        expect(error).toBeInstanceOf(WrongLastSeqError);
        expect(error).toMatchObject({ code: "WRONG_LAST_SEQ", expectedSeq: 0, actualSeq: 1 });
      }
    });

    test("an expectation is about the subject, whatever else is appended", async () => {
      await using here = await space();
      const mine = { runId: newRunId(), traceId: newTraceId() };
      const theirs = { runId: newRunId(), traceId: newTraceId() };
      const first = await here.bus.append(sampleEvent(mine), { expectLastSeq: 0 });
      await here.bus.append(sampleEvent(theirs), { expectLastSeq: 0 });
      const second = await here.bus.append(sampleEvent({ ...mine, index: 1 }), { expectLastSeq: first.seq });
      expect(second.seq).toBe(3);
      await expect(
        here.bus.append(sampleEvent({ ...mine, index: 1 }), { expectLastSeq: first.seq }),
      ).rejects.toMatchObject({ code: "WRONG_LAST_SEQ", expectedSeq: 1, actualSeq: 3 });
      expect((await here.bus.info()).lastSeq).toBe(3);
    });

    test("a dedup id is looked at before an expectation", async () => {
      await using here = await space();
      const journal = { runId: newRunId(), traceId: newTraceId() };
      const options = { expectLastSeq: 0, dedupId: "claim" };
      await here.bus.append(sampleEvent(journal), options);
      expect(await here.bus.append(sampleEvent(journal), options)).toEqual({ seq: 1, duplicate: true });
    });

    test("takes a Signal of exactly the largest size, and refuses a larger one before sending it", async () => {
      await using here = await space();
      const { maxPayloadBytes } = here.bus;
      const padded = (text: string) => sampleTask({ traceId: "trc_1", input: { text } });
      const room = maxPayloadBytes - encodeSignal(padded("")).length;
      const fits = padded("x".repeat(room));
      expect(encodeSignal(fits).length).toBe(maxPayloadBytes);
      await here.bus.append(fits, { dedupId: "d".repeat(64), expectLastSeq: 0 });
      const tooLarge = padded("x".repeat(room + 1));
      const error = await here.bus.append(tooLarge).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(PayloadTooLargeError);
      expect(error).toMatchObject({
        code: "PAYLOAD_TOO_LARGE",
        bytes: maxPayloadBytes + 1,
        maxBytes: maxPayloadBytes,
      });
      expect(() => here.bus.publish(tooLarge)).toThrow(PayloadTooLargeError);
      expect((await here.bus.info()).lastSeq).toBe(1);
    });

    test("what cannot be written as JSON rejects with NOT_JSON", async () => {
      await using here = await space();
      const task = sampleTask({ input: { count: 1n } });
      await expect(here.bus.append(task)).rejects.toMatchObject({ code: "NOT_JSON" });
      expect(() => here.bus.publish(task)).toThrow(expect.objectContaining({ code: "NOT_JSON" }));
    });
  });
}

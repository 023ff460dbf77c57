/** Section of describeSynapse: the keys of a namespace. */
import { describe, expect, test } from "@jest/globals";
import { WrongLastSeqError } from "../../src/protocol/index.ts";
import { sampleTask } from "../sample-signals.ts";
import type { OpenSpace } from "./suite.ts";

const toBytes = (text: string) => new TextEncoder().encode(text);
const toText = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

export function describeKeys(space: OpenSpace): void {
  describe("keys", () => {
    test("a key nobody put is null; one that was put is what was put, for everybody in the namespace", async () => {
      await using here = await space();
      const other = await here.open();
      expect(await here.bus.getKey("claim")).toBeNull();
      const revision = await here.bus.putKey("claim", toBytes("größe"), { expectRevision: 0 });
      expect(revision).toBeGreaterThan(0);
      const found = await other.bus.getKey("claim");
      expect(found).toMatchObject({ revision });
      expect(toText(found?.bytes)).toBe("größe");
      expect(await other.bus.getKey("Claim")).toBeNull();
      const elsewhere = await here.synapse.open(`${here.namespace}-other`);
      expect(await elsewhere.getKey("claim")).toBeNull();
    });

    test("a value may be empty, and is the caller's own to change afterwards", async () => {
      await using here = await space();
      await here.bus.putKey("empty", new Uint8Array(), { expectRevision: 0 });
      expect((await here.bus.getKey("empty"))?.bytes).toHaveLength(0);
      const bytes = toBytes("as it was");
      const putting = here.bus.putKey("mine", bytes, { expectRevision: 0 });
      bytes.fill(0);
      await putting;
      (await here.bus.getKey("mine"))!.bytes.fill(0);
      expect(toText((await here.bus.getKey("mine"))?.bytes)).toBe("as it was");
    });

    test("of fifty that create a key one wins, also with the same bytes; the others learn its revision", async () => {
      await using here = await space();
      const other = await here.open();
      const buses = [here.bus, other.bus];
      const results = await Promise.allSettled(
        Array.from({ length: 50 }, (_, n) => buses[n % 2]!.putKey("claim", toBytes("same"), { expectRevision: 0 })),
      );
      const won = results.filter((result) => result.status === "fulfilled").map(({ value }) => value);
      expect(won).toHaveLength(1);
      expect((await here.bus.getKey("claim"))?.revision).toBe(won[0]);
      for (const result of results) {
        if (result.status === "fulfilled") continue;
        expect(result.reason).toBeInstanceOf(WrongLastSeqError);
        expect(result.reason).toMatchObject({ code: "WRONG_LAST_SEQ", expectedSeq: 0, actualSeq: won[0] });
      }
    });

    test("is changed only by who knows its revision, whatever else is put", async () => {
      await using here = await space();
      const first = await here.bus.putKey("a", toBytes("1"), { expectRevision: 0 });
      await here.bus.putKey("b", toBytes("1"), { expectRevision: 0 });
      const second = await here.bus.putKey("a", toBytes("2"), { expectRevision: first });
      expect(second).toBeGreaterThan(first);
      await expect(here.bus.putKey("a", toBytes("3"), { expectRevision: first })).rejects.toMatchObject({
        code: "WRONG_LAST_SEQ",
        expectedSeq: first,
        actualSeq: second,
      });
      await expect(here.bus.putKey("c", toBytes("3"), { expectRevision: first })).rejects.toMatchObject({
        expectedSeq: first,
        actualSeq: 0,
      });
      expect(toText((await here.bus.getKey("a"))?.bytes)).toBe("2");
    });

    test("sees one's own put, and is no entry of the log", async () => {
      await using here = await space();
      await here.bus.append(sampleTask());
      let revision = 0;
      for (let n = 0; n < 30; n++) {
        revision = await here.bus.putKey("mine", toBytes(String(n)), { expectRevision: revision });
        const found = await here.bus.getKey("mine");
        expect([found?.revision, toText(found?.bytes)]).toEqual([revision, String(n)]);
      }
      expect((await here.bus.info()).lastSeq).toBe(1);
    });

    test("a key that cannot be one is INVALID_ID, a revision that cannot be one INVALID_OPTION", async () => {
      await using here = await space();
      for (const key of ["", "a.b", "*", "x".repeat(65)]) {
        await expect(here.bus.getKey(key)).rejects.toMatchObject({ code: "INVALID_ID" });
        await expect(here.bus.putKey(key, toBytes("1"), { expectRevision: 0 })).rejects.toMatchObject({
          code: "INVALID_ID",
        });
      }
      await expect(here.bus.putKey("a", toBytes("1"), { expectRevision: -1 })).rejects.toMatchObject({
        code: "INVALID_OPTION",
      });
    });
  });
}

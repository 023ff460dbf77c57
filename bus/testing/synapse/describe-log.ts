/** Section of describeSynapse: asking the log, and objects beside it. */
import { createHash, randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { sampleEvent, sampleReply, sampleTask } from "../sample-signals.ts";
import type { OpenSpace } from "./suite.ts";

export function describeLog(space: OpenSpace): void {
  describe("open", () => {
    test("the same namespace is the same log, on any connection", async () => {
      await using here = await space();
      await here.bus.append(sampleTask());
      const again = await here.synapse.open(here.namespace);
      const other = await here.open();
      const info = await here.bus.info();
      expect(await again.info()).toEqual(info);
      expect(await other.bus.info()).toEqual(info);
      expect(again.namespace).toBe(here.namespace);
    });

    test("many may open a new namespace at once", async () => {
      await using here = await space();
      const synapses = await Promise.all(Array.from({ length: 5 }, () => here.open()));
      const name = `${here.namespace}-new`;
      const buses = await Promise.all(synapses.flatMap(({ synapse }) => [synapse.open(name), synapse.open(name)]));
      await buses[0]!.append(sampleTask());
      for (const bus of buses) expect((await bus.info()).lastSeq).toBe(1);
    });

    test("a namespace that cannot be one is INVALID_ID", async () => {
      await using here = await space();
      await expect(here.synapse.open("a.b")).rejects.toMatchObject({ code: "INVALID_ID" });
    });
  });

  describe("lastOf and get", () => {
    test("firstOf is the first entry that passes the filter, from a position on", async () => {
      await using here = await space();
      await here.bus.append(sampleTask());
      const pause = sampleReply({ runId: "run_1" });
      const end = sampleReply({ runId: "run_1" });
      await here.bus.append(pause);
      await here.bus.append(sampleReply({ runId: "run_2" }));
      await here.bus.append(end);
      const first = await here.bus.firstOf({ run: "run_1" });
      expect(first).toMatchObject({ seq: 2, parsed: { ok: true, signal: { id: pause.id } } });
      expect(await here.bus.firstOf({ run: "run_1" }, { fromSeq: 3 })).toMatchObject({
        seq: 4,
        parsed: { signal: { id: end.id } },
      });
      expect(await here.bus.firstOf({ run: "run_1" }, { fromSeq: 5 })).toBeNull();
      expect(await here.bus.firstOf({ run: "run_3" })).toBeNull();
    });

    test("lastOf is the last entry that passes the filter, with the run and without", async () => {
      await using here = await space();
      const event = (index: number) => sampleEvent({ runId: "run_1", traceId: "trc_1", index });
      await here.bus.append(event(0));
      const head = event(1);
      await here.bus.append(head);
      const end = sampleReply({ runId: "run_1" });
      await here.bus.append(end);
      await here.bus.append(sampleReply({ runId: "run_2" }));
      expect(await here.bus.lastOf({ type: "RUN_EVENT", to: "run_1", run: "run_1" })).toMatchObject({
        seq: 2,
        parsed: { ok: true, signal: { id: head.id } },
      });
      expect(await here.bus.lastOf({ run: "run_1" })).toMatchObject({ seq: 3, parsed: { signal: { id: end.id } } });
      expect(await here.bus.lastOf({ type: "AGENT_OUTPUT" })).toMatchObject({ seq: 4 });
      expect(await here.bus.lastOf({})).toMatchObject({ seq: 4 });
      expect(await here.bus.lastOf({ run: "run_3" })).toBeNull();
    });

    test("lastOf sees one's own append", async () => {
      await using here = await space();
      for (let n = 1; n <= 50; n++) {
        const { seq } = await here.bus.append(sampleTask());
        expect((await here.bus.lastOf({ type: "TASK" }))?.seq).toBe(seq);
      }
    });

    test("get is the entry of a sequence; null when there is none", async () => {
      await using here = await space();
      expect(await here.bus.get(1)).toBeNull();
      const task = sampleTask();
      await here.bus.append(task);
      expect(await here.bus.get(1)).toMatchObject({ seq: 1, parsed: { ok: true, signal: task } });
      expect(await here.bus.get(2)).toBeNull();
      expect(await here.bus.get(0)).toBeNull();
    });
  });

  describe("info", () => {
    test("says where the log begins and ends, how large it is, and when it was made", async () => {
      await using here = await space();
      const empty = await here.bus.info();
      expect(empty).toMatchObject({ stream: `MYELIN_${here.namespace}`, lastSeq: 0, bytes: 0 });
      expect(Math.abs(empty.createdAt.getTime() - Date.now())).toBeLessThan(10_000);
      await here.bus.append(sampleTask());
      await here.bus.append(sampleTask());
      const info = await here.bus.info();
      expect(info).toMatchObject({ firstSeq: 1, lastSeq: 2, createdAt: empty.createdAt });
      expect(info.bytes).toBeGreaterThan(200);
    });
  });

  describe("objects", () => {
    test("bytes of any size come back under the name of their content", async () => {
      await using here = await space();
      const other = await here.open();
      for (const size of [0, 1, 3_000_000]) {
        const bytes = new Uint8Array(randomBytes(size));
        const reference = await here.bus.putObject(bytes);
        expect(reference).toBe(`obj_${createHash("sha256").update(bytes).digest("hex")}`);
        // Not toEqual: it takes seconds for what fits no message.
        expect(Buffer.compare(await other.bus.getObject(reference), bytes)).toBe(0);
      }
    });

    test("storing the same bytes again, also at the same time, is harmless", async () => {
      await using here = await space();
      const other = await here.open();
      const bytes = new TextEncoder().encode("the same");
      const references = await Promise.all([
        here.bus.putObject(bytes),
        other.bus.putObject(bytes),
        here.bus.putObject(bytes),
      ]);
      references.push(await here.bus.putObject(bytes));
      expect(new Set(references).size).toBe(1);
      expect(await here.bus.getObject(references[0])).toEqual(bytes);
    });

    test("a reference to nothing is OBJECT_NOT_FOUND", async () => {
      await using here = await space();
      const nothing = `obj_${"0".repeat(64)}`;
      await expect(here.bus.getObject(nothing)).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
      await expect(here.bus.getObject("../secret")).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
    });
  });
}

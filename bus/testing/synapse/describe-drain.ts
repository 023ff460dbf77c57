/** Section of describeSynapse: how a Synapse ends. */
import { describe, expect, test } from "@jest/globals";
import type { SynapseStatus, TaskOutcome } from "../../src/synapse/synapse.ts";
import { collect } from "../collect.ts";
import { sampleHeartbeat, sampleReply, sampleTask } from "../sample-signals.ts";
import { gate, roundTrips, toArray, type OpenSpace } from "./suite.ts";

export function describeDrain(space: OpenSpace): void {
  describe("drain", () => {
    test("S1: waits for the handlers that run, which may still append and publish", async () => {
      await using here = await space();
      const { synapse, bus } = await here.open();
      const started = collect<string>();
      const waiting = gate();
      let running = 0;
      const run = async (): Promise<TaskOutcome> => {
        running++;
        started.push("started");
        await waiting.opened;
        await bus.append(sampleReply());
        bus.publish(sampleHeartbeat());
        running--;
        return { type: "done" };
      };
      await bus.subscribe("live", {}, async () => {
        await run();
      });
      const consumption = await bus.consume({ neuronId: "echo", lane: "normal" }, run);
      consumption.request(1);
      const live = collect<string>();
      await here.bus.subscribe("live", {}, (signal) => live.push(signal.type));
      here.bus.publish(sampleHeartbeat());
      await here.bus.append(sampleTask());
      await started.first(2);

      let isDrained = false;
      const drained = synapse.drain().then(() => (isDrained = true));
      const again = synapse.drain();
      await roundTrips(here.bus);
      expect(isDrained).toBe(false);
      waiting.open();
      await Promise.all([drained, again]);
      expect(running).toBe(0);
      expect((await here.bus.info()).lastSeq).toBe(3);
      await live.first(3);
    });

    test("appends in flight settle", async () => {
      await using here = await space();
      const { synapse, bus } = await here.open();
      const appending = Array.from({ length: 600 }, () => bus.append(sampleTask()));
      await synapse.drain();
      const results = await Promise.all(appending);
      expect(results).toHaveLength(600);
    });

    test("a following reading ends", async () => {
      await using here = await space();
      const { synapse, bus } = await here.open();
      await here.bus.append(sampleTask());
      const seen = collect<number>();
      const reading = (async () => {
        for await (const { seq } of bus.read({}, { follow: true })) seen.push(seq);
      })();
      await seen.first(1);
      await synapse.drain();
      await reading;
    });

    test("everything afterwards is CLOSED", async () => {
      await using here = await space();
      const { synapse, bus } = await here.open();
      await synapse.drain();
      const closed = { code: "CLOSED" };
      const done = () => Promise.resolve({ type: "done" } as const);
      await expect(synapse.open(here.namespace)).rejects.toMatchObject(closed);
      await expect(bus.append(sampleTask())).rejects.toMatchObject(closed);
      expect(() => bus.publish(sampleHeartbeat())).toThrow(expect.objectContaining(closed));
      await expect(bus.subscribe("log", {}, () => {})).rejects.toMatchObject(closed);
      await expect(bus.consume({ neuronId: "echo", lane: "normal" }, done)).rejects.toMatchObject(closed);
      await expect(toArray(bus.read({}))).rejects.toMatchObject(closed);
      await expect(bus.lastOf({})).rejects.toMatchObject(closed);
      await expect(bus.get(1)).rejects.toMatchObject(closed);
      await expect(bus.info()).rejects.toMatchObject(closed);
      await expect(bus.purge(1)).rejects.toMatchObject(closed);
      await expect(bus.getKey("key")).rejects.toMatchObject(closed);
      await expect(bus.putKey("key", new Uint8Array(1), { expectRevision: 0 })).rejects.toMatchObject(closed);
      await expect(bus.putObject(new Uint8Array(1))).rejects.toMatchObject(closed);
      await expect(bus.getObject(`obj_${"0".repeat(64)}`)).rejects.toMatchObject(closed);
      await synapse.drain();
    });

    test("a listener hears that it closed, unless it was disposed", async () => {
      await using here = await space();
      const { synapse } = await here.open();
      const heard: SynapseStatus[] = [];
      const unheard: SynapseStatus[] = [];
      synapse.onStatus((status) => heard.push(status));
      synapse.onStatus((status) => unheard.push(status))[Symbol.dispose]();
      await synapse.drain();
      expect(heard).toEqual([{ type: "closed" }]);
      expect(unheard).toEqual([]);
    });

    test("disposing is draining", async () => {
      await using here = await space();
      const { synapse, bus } = await here.open();
      await synapse[Symbol.asyncDispose]();
      await expect(bus.info()).rejects.toMatchObject({ code: "CLOSED" });
    });
  });
}

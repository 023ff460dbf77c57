/** Section of describeSynapse: hearing what is stored and what is live. */
import { describe, expect, test } from "@jest/globals";
import type { Signal } from "../../src/protocol/index.ts";
import type { Received } from "../../src/synapse/synapse.ts";
import { collect } from "../collect.ts";
import { sampleEvent, sampleHeartbeat, sampleReply, sampleTask } from "../sample-signals.ts";
import { gate, roundTrips, settling, type OpenSpace } from "./suite.ts";

export function describeSubscribe(space: OpenSpace): void {
  describe("subscribe", () => {
    test("T2: on log comes what is stored, in order, with its sequence; refused, duplicate and live ones do not", async () => {
      await using here = await space();
      const other = await here.open();
      const heard = collect<{ id: string; received: Received }>();
      await other.bus.subscribe("log", {}, (signal, received) => heard.push({ id: signal.id, received }));

      const first = sampleTask();
      const journal = { runId: "run_1", traceId: "trc_1" } as const;
      const event = sampleEvent(journal);
      const last = sampleReply();
      await here.bus.append(first, { dedupId: "a" });
      await here.bus.append(sampleTask(), { dedupId: "a" });
      await here.bus.append(event, { expectLastSeq: 0 });
      await settling(here.bus.append(sampleEvent(journal), { expectLastSeq: 0 }));
      here.bus.publish(sampleHeartbeat());
      await here.bus.append(last);

      expect(await heard.first(3)).toEqual([
        { id: first.id, received: { channel: "log", seq: 1 } },
        { id: event.id, received: { channel: "log", seq: 2 } },
        { id: last.id, received: { channel: "log", seq: 3 } },
      ]);
      for (const { id, received } of heard.items) {
        expect((await here.bus.get(received.seq!))?.parsed).toMatchObject({ signal: { id } });
      }
    });

    test("on live comes what is published, and none of it is stored", async () => {
      await using here = await space();
      const other = await here.open();
      const heard = collect<{ signal: Signal; received: Received }>();
      await other.bus.subscribe("live", {}, (signal, received) => heard.push({ signal, received }));
      const heartbeat = sampleHeartbeat();
      await here.bus.append(sampleTask());
      here.bus.publish(heartbeat);
      expect(await heard.first(1)).toEqual([{ signal: heartbeat, received: { channel: "live", seq: null } }]);
      expect((await here.bus.info()).lastSeq).toBe(1);
    });

    test("a filter lets through what it says: type, recipient, run", async () => {
      await using here = await space();
      const heard = collect<string>();
      await here.bus.subscribe("log", { type: "TASK" }, () => heard.push("type"));
      await here.bus.subscribe("log", { to: "dnd_1" }, () => heard.push("to"));
      await here.bus.subscribe("log", { run: "run_1" }, () => heard.push("run"));
      await here.bus.append(sampleTask());
      await here.bus.append(sampleReply({ replyTo: "dnd_1", runId: "run_2" }));
      await here.bus.append(sampleReply({ replyTo: "dnd_2", runId: "run_1" }));
      expect((await heard.first(3)).sort()).toEqual(["run", "to", "type"]);
      expect(heard.items).toHaveLength(3);
    });

    test("another namespace is not heard", async () => {
      await using here = await space();
      await using there = await space();
      const heard = collect<string>();
      await here.bus.subscribe("live", {}, (signal) => heard.push(signal.id));
      there.bus.publish(sampleHeartbeat());
      const own = sampleHeartbeat();
      here.bus.publish(own);
      expect(await heard.first(1)).toEqual([own.id]);
    });

    test("members of a queue share the Signals, everybody else gets all of them", async () => {
      await using here = await space();
      const other = await here.open();
      const shared = collect<string>();
      const all = collect<string>();
      const members = new Set<string>();
      for (const [member, bus] of Object.entries({ a: here.bus, b: other.bus })) {
        const share = (signal: Signal) => {
          members.add(member);
          shared.push(signal.id);
        };
        await bus.subscribe("live", {}, share, { queue: "group" });
        await bus.subscribe("live", {}, (signal) => all.push(signal.id));
      }
      const sent = Array.from({ length: 100 }, () => sampleHeartbeat());
      for (const one of sent) here.bus.publish(one);
      const ids = sent.map(({ id }) => id).sort();
      expect((await shared.first(100)).sort()).toEqual(ids);
      expect((await all.first(200)).sort()).toEqual([...ids, ...ids].sort());
      expect(shared.items).toHaveLength(100);
      expect([...members].sort()).toEqual(["a", "b"]);
    });

    test("D2: a handler that waits holds up no other", async () => {
      await using here = await space();
      const heard = collect<string>();
      const waiting = gate();
      await here.bus.subscribe("live", {}, async (signal) => {
        heard.push(signal.id);
        await waiting.opened;
      });
      for (let n = 0; n < 10; n++) here.bus.publish(sampleHeartbeat());
      await heard.first(10);
      waiting.open();
    });

    test("S2: a handler that throws or rejects is reported, and the subscription goes on", async () => {
      await using here = await space();
      const heard = collect<string>();
      await here.bus.subscribe("log", {}, (signal) => {
        heard.push(signal.type);
        if (signal.type === "TASK") throw new Error("thrown");
        if (signal.type === "HEARTBEAT") return Promise.reject(new Error("rejected"));
        return undefined;
      });
      await here.bus.append(sampleTask());
      await here.bus.append(sampleHeartbeat());
      await here.bus.append(sampleReply());
      expect(await heard.first(3)).toEqual(["TASK", "HEARTBEAT", "AGENT_OUTPUT"]);
      const problems = await here.problems.first(2);
      expect(problems).toMatchObject([{ type: "handler-error" }, { type: "handler-error" }]);
      expect(problems.map((problem) => "error" in problem && (problem.error as Error).message).sort()).toEqual([
        "rejected",
        "thrown",
      ]);
    });

    test("bytes that are no Signal are reported with their subject, and the next Signal is served", async () => {
      await using here = await space();
      const heard = collect<string>();
      await here.bus.subscribe("live", {}, (signal) => heard.push(signal.id));
      await here.bus.subscribe("log", {}, (signal) => heard.push(signal.id));
      await here.inject("live.TASK.echo.normal.00._", "not json");
      await here.inject("put.TASK.echo.normal.00._", new Uint8Array([0xff, 0x00]));
      const good = sampleHeartbeat();
      await here.bus.append(good);
      expect(await heard.first(1)).toEqual([good.id]);
      const problems = await here.problems.first(2);
      expect(problems).toContainEqual(
        expect.objectContaining({
          type: "bad-message",
          subject: `myelin.${here.namespace}.live.TASK.echo.normal.00._`,
          problem: expect.objectContaining({ code: "NOT_JSON" }),
        }),
      );
      expect(problems).toContainEqual(
        expect.objectContaining({ type: "bad-message", bytes: new Uint8Array([255, 0]) }),
      );
    });

    test("S1: a drained subscription has no handler running and starts none; drain may be called twice", async () => {
      await using here = await space();
      const heard = collect<string>();
      const waiting = gate();
      let running = 0;
      const subscription = await here.bus.subscribe("live", {}, async (signal) => {
        running++;
        heard.push(signal.id);
        await waiting.opened;
        running--;
      });
      here.bus.publish(sampleHeartbeat());
      here.bus.publish(sampleHeartbeat());
      await heard.first(2);
      let isDrained = false;
      const drained = subscription.drain().then(() => (isDrained = true));
      const again = subscription.drain();
      await roundTrips(here.bus);
      expect(isDrained).toBe(false);
      waiting.open();
      await Promise.all([drained, again]);
      expect(running).toBe(0);
      here.bus.publish(sampleHeartbeat());
      await roundTrips(here.bus);
      expect(heard.items).toHaveLength(2);
    });
  });
}

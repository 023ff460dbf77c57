/** Section of describeSynapse: the server is killed and comes back with what it had acknowledged. */
import { expect, test } from "@jest/globals";
import { newRunId, newTraceId, type Signal } from "../../src/protocol/index.ts";
import type { SynapseStatus, TaskOutcome } from "../../src/synapse/synapse.ts";
import { collect } from "../collect.ts";
import { sampleEvent, sampleHeartbeat, sampleTask } from "../sample-signals.ts";
import { gate, settling, sleep, toArray, type OpenSpace } from "./suite.ts";

const ECHO = { neuronId: "echo", lane: "normal" } as const;
const DONE: TaskOutcome = { type: "done" };

export function describeOutage(space: OpenSpace): void {
  test("S3: every subscription receives again, in its own queue or in none", async () => {
    await using here = await space();
    const other = await here.open();
    const shared = collect<string>();
    const all = collect<string>();
    const back = collect<SynapseStatus>();
    for (const { bus, synapse } of [here, other]) {
      synapse.onStatus((status) => status.type === "reconnected" && back.push(status));
      await bus.subscribe("log", {}, (signal: Signal) => shared.push(signal.id), { queue: "group" });
      await bus.subscribe("log", {}, (signal: Signal) => all.push(signal.id));
    }
    await here.outage(async () => {});
    await back.first(2);
    // Both have told the server again; their answers say that it has heard them.
    await Promise.all([here.bus.info(), other.bus.info()]);
    const tasks = Array.from({ length: 50 }, () => sampleTask());
    for (const task of tasks) await here.bus.append(task);
    const ids = tasks.map(({ id }) => id).sort();
    expect((await shared.first(50)).sort()).toEqual(ids);
    expect((await all.first(100)).sort()).toEqual([...ids, ...ids].sort());
    expect(shared.items).toHaveLength(50);
  });

  test("says that it was disconnected and reconnected, and publishes meanwhile are nobody's", async () => {
    await using here = await space();
    const heard = collect<SynapseStatus>();
    here.synapse.onStatus((status) => heard.push(status));
    await here.outage(async () => {
      await heard.first(1);
      here.bus.publish(sampleHeartbeat());
    });
    expect((await heard.first(2)).map(({ type }) => type)).toEqual(["disconnected", "reconnected"]);
  });

  test("an append during an outage is stored once the server is back, and once", async () => {
    await using here = await space();
    const task = sampleTask();
    let appended: Promise<PromiseSettledResult<unknown>> | undefined;
    await here.outage(async () => {
      appended = settling(here.bus.append(task, { timeoutMs: 20_000 }));
      await sleep(300);
    });
    expect(await appended).toEqual({ status: "fulfilled", value: { seq: 1, duplicate: false } });
    expect(await toArray(here.bus.read({}))).toMatchObject([{ parsed: { signal: { id: task.id } } }]);
  });

  test("an append that waits longer than its time is LOG_UNAVAILABLE", async () => {
    await using here = await space();
    await here.outage(async () => {
      const startedAt = performance.now();
      await expect(here.bus.append(sampleTask(), { timeoutMs: 300 })).rejects.toMatchObject({
        code: "LOG_UNAVAILABLE",
      });
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    });
  });

  test("J1: a writer that is alone never believes that it was replaced, and its journal has no gap", async () => {
    await using here = await space();
    const journals = Array.from({ length: 16 }, () => ({ runId: newRunId(), traceId: newTraceId() }));
    let isOver = false;
    const writing = journals.map(async (journal) => {
      let last = 0;
      let index = 0;
      while (!isOver) {
        const event = sampleEvent({ ...journal, index: index++ });
        ({ seq: last } = await here.bus.append(event, { expectLastSeq: last, timeoutMs: 20_000 }));
      }
      return index;
    });
    const results = Promise.allSettled(writing);
    for (let round = 0; round < 3; round++) {
      await sleep(150);
      await here.outage(async () => {});
    }
    await sleep(150);
    isOver = true;
    for (const [at, result] of (await results).entries()) {
      if (result.status === "rejected") throw new Error("an append was refused", { cause: result.reason });
      const entries = await toArray(here.bus.read({ type: "RUN_EVENT", run: journals[at]!.runId }));
      const indexes = entries.map(
        ({ parsed }) =>
          parsed.ok && parsed.signal.type === "RUN_EVENT" && parsed.signal.payload.entries[0]?.sequence_index,
      );
      expect(indexes).toEqual(Array.from({ length: result.value }, (_, index) => index));
    }
  });

  test("appends under way when the server is killed are stored once each, under sequences that hold", async () => {
    await using here = await space();
    const appended = new Map<string, number>();
    let isOver = false;
    const writers = Array.from({ length: 32 }, async () => {
      while (!isOver) {
        const task = sampleTask();
        const { seq, duplicate } = await here.bus.append(task, { timeoutMs: 20_000 });
        expect(duplicate).toBe(false);
        appended.set(task.id, seq);
      }
    });
    const results = Promise.allSettled(writers);
    for (let round = 0; round < 3; round++) {
      await sleep(150);
      await here.outage(async () => {});
    }
    isOver = true;
    for (const result of await results) {
      if (result.status === "rejected") throw new Error("an append was refused", { cause: result.reason });
    }
    const entries = await toArray(here.bus.read({}));
    const stored = new Map(entries.map(({ seq, parsed }) => [parsed.ok ? parsed.signal.id : "", seq]));
    expect(stored.size).toBe(entries.length);
    expect(stored).toEqual(appended);
  });

  test("a consumption goes on, and neither starts again what runs nor what it has done", async () => {
    await using here = await space();
    const started = collect<number>();
    const ended = collect<number>();
    const waiting = gate();
    const consumption = await here.bus.consume(ECHO, async ({ seq }) => {
      started.push(seq);
      if (seq > 20 && seq <= 30) await waiting.opened;
      ended.push(seq);
      consumption.request(1);
      return DONE;
    });
    consumption.request(16);
    for (let n = 0; n < 30; n++) await here.bus.append(sampleTask());
    await started.first(30);
    await here.outage(async () => {});
    await here.bus.append(sampleTask(), { timeoutMs: 20_000 });
    // Sooner than a pull that the server forgot would be given up.
    expect((await started.first(31, 4_000)).at(-1)).toBe(31);
    waiting.open();
    await ended.first(31);
    // The server delivers again what it forgot as soon as there is room.
    await sleep(500);
    expect([...started.items].sort((a, b) => a - b)).toEqual(Array.from({ length: 31 }, (_, n) => n + 1));
  });

  test("a poll settles when the server dies, says 0 while it is away, and takes again when it is back", async () => {
    await using here = await space();
    const back = collect<SynapseStatus>();
    here.synapse.onStatus((status) => back.push(status));
    const taken = collect<number>();
    const consumption = await here.bus.consume(ECHO, async ({ seq }) => {
      taken.push(seq);
      return DONE;
    });
    const polls: Promise<number>[] = [];
    await here.outage(async () => {
      polls.push(consumption.poll(1));
      await back.first(1);
      expect(await consumption.poll(1)).toBe(0);
    });
    expect(await Promise.all(polls)).toEqual([0]);
    await back.first(2);
    await here.bus.append(sampleTask(), { timeoutMs: 20_000 });
    let came = 0;
    while (came === 0) came = await consumption.poll(1);
    expect(taken.items).toEqual([1]);
  });

  test("a following reading goes on, without a gap and without a repetition", async () => {
    await using here = await space();
    const seen = collect<number>();
    const abort = new AbortController();
    const reading = (async () => {
      for await (const { seq } of here.bus.read({}, { follow: true, signal: abort.signal })) seen.push(seq);
    })();
    for (let n = 0; n < 20; n++) await here.bus.append(sampleTask());
    await seen.first(10);
    await here.outage(async () => {});
    for (let n = 0; n < 20; n++) await here.bus.append(sampleTask(), { timeoutMs: 20_000 });
    // Sooner than a pull that the server forgot would be given up.
    expect(await seen.first(40, 4_000)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
    abort.abort();
    await reading;
  });

  test("keys outlive it, and one that is put meanwhile is put once", async () => {
    await using here = await space();
    const value = new TextEncoder().encode("value");
    const kept = await here.bus.putKey("kept", value, { expectRevision: 0 });
    let putting: Promise<PromiseSettledResult<number>> | undefined;
    await here.outage(async () => {
      putting = settling(here.bus.putKey("meanwhile", value, { expectRevision: 0, timeoutMs: 20_000 }));
      await sleep(100);
    });
    const result = await putting;
    expect(result).toMatchObject({ status: "fulfilled" });
    expect((await here.bus.getKey("meanwhile"))?.revision).toBe((result as { value?: number }).value);
    expect((await here.bus.getKey("kept"))?.revision).toBe(kept);
  });

  test("a question to the log waits for the server", async () => {
    await using here = await space();
    await here.bus.append(sampleTask());
    const asked: Promise<unknown>[] = [];
    await here.outage(async () => {
      asked.push(here.bus.lastOf({ type: "TASK" }), here.bus.info());
      await sleep(100);
    });
    expect(await Promise.all(asked)).toMatchObject([{ seq: 1 }, { lastSeq: 1 }]);
  });

  test("a drain during an outage ends", async () => {
    await using here = await space();
    const { synapse, bus } = await here.open();
    await bus.subscribe("live", {}, () => {});
    const consumption = await bus.consume(ECHO, () => Promise.resolve(DONE));
    consumption.request(1);
    const down = collect<SynapseStatus>();
    synapse.onStatus((status) => down.push(status));
    await here.outage(async () => {
      await down.first(1);
      const append = settling(bus.append(sampleTask(), { timeoutMs: 500 }));
      await synapse.drain();
      expect(await append).toMatchObject({ status: "rejected" });
    });
  });
}

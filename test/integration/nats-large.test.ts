/** Signals above the server's max_payload: what travels in their place, and what happens when it leads nowhere. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { connectSynapse, encodeSignal, type Bus, type BusProblem, type Signal, type Synapse } from "@myelin/bus";
import { encodeTicket, objectInfoSubject, objectPartSubject, subjectOf } from "@myelin/bus/protocol";
import { collect, sampleTask } from "@myelin/bus/testing";
import { jetstreamManager, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { sharedNatsUrl, uniqueNamespace } from "../helpers/with-nats.ts";

let nc: NatsConnection;
let jsm: JetStreamManager;
beforeAll(async () => {
  nc = await connect({ servers: sharedNatsUrl() });
  jsm = await jetstreamManager(nc);
});
afterAll(() => nc.close());

const ECHO = { neuronId: "echo", lane: "normal" } as const;
const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");
const large = (mark = "x") => sampleTask({ input: { text: mark.repeat(3_000_000) } });

async function openOne(options: { maxPayloadBytes?: number } = {}) {
  const namespace = uniqueNamespace();
  const problems = collect<BusProblem>();
  const synapse: Synapse = await connectSynapse(sharedNatsUrl(), { logMaxBytes: 10 * 1024 ** 2, ...options });
  const bus: Bus = await synapse.open(namespace, { onProblem: (problem) => problems.push(problem) });
  return {
    namespace,
    bus,
    problems,
    /** Put the ticket of an object in the log, as anybody could who may append. */
    appendTicket(reference: string, bytes: number, signal: Signal = sampleTask()) {
      nc.publish(subjectOf(namespace, "put", signal), encodeTicket(signal, { reference, bytes }));
      return nc.flush();
    },
    [Symbol.asyncDispose]: () => synapse.drain(),
  };
}

const raw = async (namespace: string, seq: number) => {
  const message = await jsm.streams.getMessage(`MYELIN_${namespace}`, { seq });
  return JSON.parse(message!.string()) as Record<string, unknown>;
};

describe("a Signal above max_payload", () => {
  test("is a ticket in the log, which names an object with its bytes", async () => {
    await using here = await openOne();
    const task = large();
    await here.bus.append(task);
    const bytes = encodeSignal(task);
    const object = `obj_${sha256(bytes)}`;
    const { id, trace_id, type, meta } = task;
    expect(await raw(here.namespace, 1)).toEqual({
      v: "object",
      id,
      trace_id,
      type,
      meta: { run_id: meta.run_id },
      object,
      bytes: bytes.length,
    });
    expect(Buffer.compare(await here.bus.getObject(object), bytes)).toBe(0);
    const { config } = await jsm.streams.info(`OBJ_MYELIN_${here.namespace}`);
    expect(config).toMatchObject({ max_age: 8 * 24 * 3_600 * 1e9, num_replicas: 1, discard: "new" });
  });

  test("is one by a single byte; at exactly the limit it travels as it is", async () => {
    await using here = await openOne();
    const limit = nc.info!.max_payload - 512;
    const ofSize = (size: number) => {
      const text = "x".repeat(size - encodeSignal(sampleTask({ input: { text: "" } })).length);
      return sampleTask({ input: { text } });
    };
    expect(encodeSignal(ofSize(limit)).length).toBe(limit);
    await here.bus.append(ofSize(limit), { dedupId: "d".repeat(255), expectLastSeq: 0 });
    await here.bus.append(ofSize(limit + 1), { dedupId: "e".repeat(255) });
    expect([(await raw(here.namespace, 1))["v"], (await raw(here.namespace, 2))["v"]]).toEqual(["1", "object"]);
  });

  test("is refused above the limit of its sender, and by a receiver with a lower one", async () => {
    await using here = await openOne();
    await using strict = await connectSynapse(sharedNatsUrl(), { maxPayloadBytes: 2_000_000 });
    const bus = await strict.open(here.namespace);
    expect([here.bus.maxPayloadBytes, bus.maxPayloadBytes]).toEqual([16 * 1024 ** 2, 2_000_000]);
    await expect(bus.append(large())).rejects.toMatchObject({ code: "PAYLOAD_TOO_LARGE", maxBytes: 2_000_000 });
    await here.bus.append(large());
    const entry = await bus.get(1);
    expect(entry?.parsed).toMatchObject({ ok: false, problem: { code: "BAD_OBJECT" } });
    expect(entry?.parsed.ok === false && entry.parsed.problem.message).toMatch(/at most 2000000/);
    expect((await here.bus.get(1))?.parsed.ok).toBe(true);
  });
});

describe("a ticket that leads nowhere", () => {
  const gone = `obj_${"0".repeat(64)}`;

  test("is a bad message to a subscription, with its bytes; the next one is served", async () => {
    await using here = await openOne();
    const heard = collect<string>();
    await here.bus.subscribe("log", {}, (signal) => heard.push(signal.id));
    await here.appendTicket(gone, 2_000_000);
    const next = sampleTask();
    await here.bus.append(next);
    expect(await heard.first(1)).toEqual([next.id]);
    expect(here.problems.items).toMatchObject([
      {
        type: "bad-message",
        problem: { code: "BAD_OBJECT", message: `no object is stored as "${gone}"` },
      },
    ]);
    expect(JSON.parse(Buffer.from((here.problems.items[0] as { bytes: Uint8Array }).bytes).toString())).toMatchObject({
      object: gone,
    });
  });

  test("is a bad message to a consumption, which has room for the next", async () => {
    await using here = await openOne();
    await here.appendTicket(gone, 2_000_000);
    await here.appendTicket(gone, 2_000_000);
    const [second, third] = [sampleTask(), large()];
    const taken = collect<string>();
    const consumption = await here.bus.consume(ECHO, ({ signal }) => {
      taken.push(signal.id);
      return Promise.resolve({ type: "done" });
    });
    // A place for one, and one that is polled: neither is used up by what cannot be run.
    consumption.request(1);
    expect(await consumption.poll(1)).toBe(0);
    await here.bus.append(second);
    expect(await taken.first(1)).toEqual([second.id]);
    await here.bus.append(third);
    while ((await consumption.poll(1)) === 0);
    expect(await taken.first(2)).toEqual([second.id, third.id]);
    expect(here.problems.items).toMatchObject([
      { type: "bad-message", problem: { code: "BAD_OBJECT" } },
      { type: "bad-message", problem: { code: "BAD_OBJECT" } },
    ]);
    await consumption.drain();
    const { num_ack_pending } = await jsm.consumers.info(`MYELIN_${here.namespace}`, "task_echo_normal");
    expect(num_ack_pending).toBe(0);
  });

  test("is yielded by a reading with its own bytes and the problem", async () => {
    await using here = await openOne();
    await here.appendTicket(gone, 2_000_000);
    await here.bus.append(sampleTask());
    const entries = [];
    for await (const entry of here.bus.read({})) entries.push(entry);
    expect(entries.map(({ parsed }) => parsed.ok)).toEqual([false, true]);
    expect(entries[0]).toMatchObject({ seq: 1, parsed: { problem: { code: "BAD_OBJECT" } } });
    expect(Buffer.from(entries[0]!.bytes).toString()).toContain(gone);
  });

  test("that names something else than its bytes is refused: a reference cannot be forged", async () => {
    await using here = await openOne();
    await here.bus.putObject(new Uint8Array(1));
    const forged = encodeSignal(large("f"));
    const reference = `obj_${sha256("what it claims to be")}`;
    const parts: number[] = [];
    for (let at = 0; at < forged.length; at += 500_000) {
      const part = forged.subarray(at, at + 500_000);
      const ack = await nc.request(objectPartSubject(here.namespace, "forged"), part);
      parts.push(ack.json<{ seq: number }>().seq);
    }
    const info = { name: reference, nuid: "forged", size: forged.length, chunks: parts.length, parts, deleted: false };
    nc.publish(objectInfoSubject(here.namespace, reference), JSON.stringify(info));
    await here.appendTicket(reference, forged.length);
    expect((await here.bus.get(1))?.parsed).toMatchObject({
      ok: false,
      problem: { code: "BAD_OBJECT", message: `what is stored as "${reference}" is not what it is called` },
    });
    await expect(here.bus.getObject(reference)).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
    // One that has more or less than it says, or says nothing sensible, is none either.
    const wrongs = [
      { parts: [...parts, ...parts] },
      { parts: parts.slice(1) },
      { parts: [1_000_000] },
      { parts: [0] },
      { parts: "all" },
      { size: 5 },
      { size: 50_000_000 },
      { size: -1 },
      { deleted: true },
    ];
    for (const wrong of wrongs) {
      nc.publish(objectInfoSubject(here.namespace, reference), JSON.stringify({ ...info, ...wrong }));
      await nc.flush();
      const { parsed } = (await here.bus.get(1))!;
      expect(parsed).toMatchObject({ ok: false, problem: { code: "BAD_OBJECT" } });
    }
  });

  test("whose object is no Signal is what that says", async () => {
    await using here = await openOne();
    const reference = await here.bus.putObject(new TextEncoder().encode("not json"));
    await here.appendTicket(reference, 8);
    const entry = await here.bus.get(1);
    expect(entry).toMatchObject({ parsed: { ok: false, problem: { code: "NOT_JSON" } } });
    expect(Buffer.from(entry!.bytes).toString()).toBe("not json");
    // A ticket for a ticket is none.
    const again = await here.bus.putObject(encodeTicket(sampleTask(), { reference, bytes: 8 }));
    await here.appendTicket(again, 100);
    expect((await here.bus.get(2))?.parsed).toMatchObject({ ok: false, problem: { code: "WRONG_VERSION" } });
  });
});

expectNoLeaks();

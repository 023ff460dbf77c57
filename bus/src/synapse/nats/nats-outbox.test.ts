/** The outbox writes NATS' protocol itself: what arrives must be what was sent, in its order. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { nuid, type Msg, type NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { sharedNatsUrl } from "../../../../test/helpers/with-nats.ts";
import { collect } from "../../../testing/collect.ts";
import { toHeaders } from "./nats-headers.ts";
import { NatsOutbox } from "./nats-outbox.ts";

let nc: NatsConnection;
beforeAll(async () => {
  nc = await connect({ servers: sharedNatsUrl() });
});
afterAll(() => nc.close());
expectNoLeaks();

/** Everything that arrives on a subject of its own, below it too. */
function hear() {
  const subject = `outbox.${nuid.next()}`;
  const messages = collect<Msg>();
  nc.subscribe(`${subject}.>`, { callback: (_error, message) => messages.push(message) });
  const outbox = new NatsOutbox(nc);
  const arrived = async () => {
    outbox.flush();
    await nc.flush();
    return messages.items;
  };
  return { subject, outbox, messages, arrived };
}

test("texts and bytes arrive as they were sent and in that order, with their reply subjects and headers", async () => {
  const { subject, outbox, arrived } = hear();
  const headers = toHeaders({ signalId: "evt_1", dedupId: "dedup", expectLastSeq: 7 });
  outbox.send(`${subject}.a`, "ä€😀\r\nPUB x 0\r\n");
  outbox.send(`${subject}.b`, "", { reply: "back.1" });
  outbox.send(`${subject}.c`, new Uint8Array([0, 13, 10, 255]), { headers });
  outbox.send(`${subject}.d`, "with all", { reply: "back.2", headers });
  outbox.send(`${subject}.e`, new Uint8Array());
  const messages = await arrived();
  expect(messages.map((one) => one.subject.slice(subject.length + 1))).toEqual(["a", "b", "c", "d", "e"]);
  expect(messages.map((one) => one.reply ?? "")).toEqual(["", "back.1", "", "back.2", ""]);
  expect(messages[0]!.string()).toBe("ä€😀\r\nPUB x 0\r\n");
  expect([...messages[2]!.data]).toEqual([0, 13, 10, 255]);
  expect(messages[3]!.string()).toBe("with all");
  for (const one of [messages[2]!, messages[3]!]) {
    expect(one.headers?.get("Nats-Msg-Id")).toBe("dedup");
    expect(one.headers?.get("Nats-Expected-Last-Subject-Sequence")).toBe("7");
  }
});

test("what is sent in one turn goes out at its end, without a flush", async () => {
  const { subject, outbox, messages } = hear();
  await nc.flush();
  outbox.send(`${subject}.a`, "1");
  outbox.send(`${subject}.b`, "2");
  expect((await messages.first(2)).map((one) => one.string())).toEqual(["1", "2"]);
});

test("more than fits one piece goes out in several", async () => {
  const { subject, outbox, arrived } = hear();
  const texts = Array.from({ length: 20 }, (_, at) => `${at}${"x".repeat(50_000)}`);
  for (const text of texts) outbox.send(`${subject}.a`, text);
  expect((await arrived()).map((one) => one.string())).toEqual(texts);
});

test("a message that the server would end the connection for is refused, and others go on", async () => {
  const { subject, outbox, arrived } = hear();
  const most = nc.info!.max_payload;
  outbox.send(`${subject}.a`, "before");
  expect(() => outbox.send(`${subject}.b`, "€".repeat(Math.ceil((most + 1) / 3)))).toThrow(/server|bytes/);
  expect(() => outbox.send(`${subject}.c`, new Uint8Array(most), { headers: "NATS/1.0\r\n\r\n" })).toThrow();
  outbox.send(`${subject}.d`, new Uint8Array(most));
  expect((await arrived()).map((one) => one.subject.slice(subject.length + 1))).toEqual(["a", "d"]);
});

test("a closed connection takes nothing", async () => {
  const closed = await connect({ servers: sharedNatsUrl() });
  await closed.close();
  expect(() => new NatsOutbox(closed).send("a", "b")).toThrow(/closed/i);
});

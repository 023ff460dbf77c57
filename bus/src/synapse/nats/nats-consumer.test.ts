/** What a consumption does with a TASK that has to be fetched, when fetching goes wrong. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { sharedNatsUrl, uniqueNamespace } from "../../../../test/helpers/with-nats.ts";
import { collect } from "../../../testing/collect.ts";
import { sampleTask } from "../../../testing/sample-signals.ts";
import { encodeSignal, encodeTicket, LogUnavailableError, parseSignal, subjectOf } from "../../protocol/index.ts";
import type { BusProblem } from "../synapse.ts";
import { consumeNats } from "./nats-consumer.ts";
import { dial } from "./nats-dial.ts";
import type { NatsLargeSignals, Whole } from "./nats-large.ts";
import { resolveNatsOptions } from "./nats-options.ts";
import { NatsSession } from "./nats-session.ts";
import { ensureLog } from "./nats-stream.ts";

let session: NatsSession;
beforeAll(async () => {
  const options = resolveNatsOptions(sharedNatsUrl(), { logMaxBytes: 1024 ** 2 });
  session = new NatsSession(await dial(options), options);
});
afterAll(() => session.drain());

const task = sampleTask();
const whole: Whole = { bytes: encodeSignal(task), parsed: parseSignal(encodeSignal(task)) };

/** A consumption whose tickets are fetched as it is told, and one ticket in its log. */
async function consumeTicket(fetches: (() => Promise<Whole>)[]) {
  const namespace = uniqueNamespace();
  await ensureLog(session.link, namespace, session.options);
  const problems = collect<BusProblem>();
  const taken = collect<{ id: string; deliveryCount: number }>();
  const large: Pick<NatsLargeSignals, "fetch"> = {
    fetch: (_bytes, parsed) => (parsed.ok ? null : (fetches.shift() ?? (() => Promise.resolve(whole)))()),
  };
  const request = {
    namespace,
    neuronId: "echo",
    lane: "normal",
    ackWaitMs: 1_000,
    large: large as NatsLargeSignals,
    onProblem: (problem: BusProblem) => problems.push(problem),
  } as const;
  const consumption = await consumeNats(session, request, ({ signal, deliveryCount }) => {
    taken.push({ id: signal.id, deliveryCount });
    return Promise.resolve({ type: "done" });
  });
  const ticket = encodeTicket(task, { reference: `obj_${"0".repeat(64)}`, bytes: 3_000_000 });
  session.link.nc.publish(subjectOf(namespace, "put", task), ticket);
  await session.link.flush();
  return { consumption, problems, taken };
}

test("a TASK whose object cannot be fetched for the moment is delivered again, and its place is free meanwhile", async () => {
  const error = new LogUnavailableError("not now");
  const { consumption, problems, taken } = await consumeTicket([() => Promise.reject(error)]);
  consumption.request(1);
  expect(await taken.first(1)).toEqual([{ id: task.id, deliveryCount: 2 }]);
  expect(problems.items).toEqual([{ type: "consumer-error", neuronId: "echo", error }]);
  await consumption.drain();
});

test("a poll knows only when the TASK was fetched whether it came", async () => {
  let fail = (_error: Error) => {};
  const failing = new Promise<Whole>((_resolve, reject) => (fail = reject));
  const { consumption, taken } = await consumeTicket([() => failing]);
  let came: number | null = null;
  const polling = consumption.poll(1).then((n) => (came = n));
  await session.link.flush();
  expect(came).toBeNull();
  fail(new LogUnavailableError("not now"));
  expect(await polling).toBe(0);
  expect(taken.items).toEqual([]);
  consumption.request(1);
  expect(await taken.first(1)).toMatchObject([{ id: task.id }]);
  await consumption.drain();
});

test("A2: the lease is held while the TASK is fetched", async () => {
  const slow = new Promise<Whole>((resolve) => setTimeout(resolve, 2_500, whole));
  const { consumption, taken } = await consumeTicket([() => slow]);
  consumption.request(5);
  await taken.first(1);
  await consumption.drain();
  expect(taken.items).toEqual([{ id: task.id, deliveryCount: 1 }]);
});

test("S1: a drain hands back what is being fetched", async () => {
  let arrive = (_whole: Whole) => {};
  const coming = new Promise<Whole>((resolve) => (arrive = resolve));
  let isAsked = false;
  const { consumption, taken } = await consumeTicket([
    () => {
      isAsked = true;
      return coming;
    },
  ]);
  consumption.request(1);
  while (!isAsked) await session.link.flush();
  const draining = consumption.drain();
  arrive(whole);
  await draining;
  expect(taken.items).toEqual([]);
});

expectNoLeaks();

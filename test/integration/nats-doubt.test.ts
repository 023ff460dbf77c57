/** Answers that are lost on the way, and a process that freezes: what a Synapse believes then. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { connectSynapse, newRunId, newTraceId, type Bus, type BusProblem, type Synapse } from "@myelin/bus";
import { collect, sampleEvent, sampleTask } from "@myelin/bus/testing";
import { startTcpProxy as startMeddling, type DevServer } from "@myelin/dev";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { startTcpProxy, type TcpProxy } from "../helpers/tcp-proxy.ts";
import { startOwnNats, uniqueNamespace } from "../helpers/with-nats.ts";

let server: DevServer;
beforeAll(async () => {
  server = await startOwnNats();
});
afterAll(() => server.stop());

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A bus behind a bad network, and one beside it that sees what is so. */
async function openBoth() {
  const namespace = uniqueNamespace();
  const proxy: TcpProxy = await startTcpProxy(server.port);
  const synapse: Synapse = await connectSynapse(`nats://${proxy.address}`);
  const witness: Synapse = await connectSynapse(server.url);
  const problems = collect<BusProblem>();
  const bus: Bus = await synapse.open(namespace, { onProblem: (problem) => problems.push(problem) });
  const seen: Bus = await witness.open(namespace);
  /** Start something whose answer is lost, wait until it has happened, and let the network come back. */
  const losingTheAnswer = async <T>(start: () => Promise<T>, hasHappened: () => Promise<boolean>): Promise<T> => {
    proxy.hold();
    const result = start();
    result.catch(() => {});
    while (!(await hasHappened())) await sleep(5);
    proxy.cut();
    return result;
  };
  /** The same, when it has said other things before: its answers are lost from where it has said `what`, on. */
  const losingAnswersAfter = async <T>(what: string, start: () => Promise<T>): Promise<T> => {
    const before = proxy.said().length;
    const result = start();
    result.catch(() => {});
    while (!proxy.said().slice(before).includes(what)) await new Promise((resolve) => setImmediate(resolve));
    proxy.hold();
    await sleep(300);
    proxy.cut();
    return result;
  };
  return {
    namespace,
    losingAnswersAfter,
    proxy,
    bus,
    seen,
    problems,
    losingTheAnswer,
    hasEntries: (count: number) => async () => (await seen.info()).lastSeq >= count,
    async [Symbol.asyncDispose]() {
      proxy.release();
      await synapse.drain();
      await witness.drain();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

describe("an append whose answer was lost", () => {
  test("is stored once, and is no duplicate of itself", async () => {
    await using here = await openBoth();
    const task = sampleTask();
    const appended = await here.losingTheAnswer(() => here.bus.append(task), here.hasEntries(1));
    expect(appended).toEqual({ seq: 1, duplicate: false });
    expect((await here.seen.info()).lastSeq).toBe(1);
  });

  test("is a duplicate when somebody else was first under the dedup id", async () => {
    await using here = await openBoth();
    await here.seen.append(sampleTask(), { dedupId: "once" });
    const appended = await here.losingTheAnswer(
      () => here.bus.append(sampleTask(), { dedupId: "once" }),
      async () => here.proxy.said().includes("Nats-Msg-Id: once"),
    );
    expect(appended).toEqual({ seq: 1, duplicate: true });
  });

  test("J1: with an expectation finds its own entry at the head, and is not refused by it", async () => {
    await using here = await openBoth();
    const journal = { runId: newRunId(), traceId: newTraceId() };
    const appended = await here.losingTheAnswer(
      () => here.bus.append(sampleEvent(journal), { expectLastSeq: 0 }),
      here.hasEntries(1),
    );
    expect(appended).toEqual({ seq: 1, duplicate: false });
    expect((await here.seen.info()).lastSeq).toBe(1);
  });

  test("J1: with an expectation finds its own entry in its place, though others have written since and a copy of it is at the head", async () => {
    await using here = await openBoth();
    const journal = { runId: newRunId(), traceId: newTraceId() };
    const event = sampleEvent(journal);
    const appended = await here.losingTheAnswer(
      () => here.bus.append(event, { expectLastSeq: 0 }),
      async () => {
        if ((await here.seen.info()).lastSeq === 0) return false;
        await here.seen.append(sampleEvent(journal), { expectLastSeq: 1 });
        await here.seen.append(event);
        return true;
      },
    );
    expect(appended).toEqual({ seq: 1, duplicate: false });
    expect((await here.seen.info()).lastSeq).toBe(3);
  });

  test("J1: with an expectation is refused when another entry is at the head", async () => {
    await using here = await openBoth();
    const journal = { runId: newRunId(), traceId: newTraceId() };
    await here.seen.append(sampleEvent(journal), { expectLastSeq: 0 });
    const said = here.proxy.said().length;
    await expect(
      here.losingTheAnswer(
        () => here.bus.append(sampleEvent(journal), { expectLastSeq: 0 }),
        async () => here.proxy.said().slice(said).includes("RUN_EVENT"),
      ),
    ).rejects.toMatchObject({ code: "WRONG_LAST_SEQ", expectedSeq: 0, actualSeq: 1 });
  });

  test("without a lost connection is sent again after a second of silence", async () => {
    await using here = await openBoth();
    here.proxy.hold();
    const appending = here.bus.append(sampleTask());
    const count = () => here.proxy.said().split("Nats-Msg-Id: evt_").length - 1;
    while (count() < 2) await sleep(10);
    here.proxy.release();
    expect(await appending).toEqual({ seq: 1, duplicate: false });
    expect((await here.seen.info()).lastSeq).toBe(1);
  });

  test("keeps its place: at most 256 are under way, and the others wait their turn", async () => {
    await using here = await openBoth();
    here.proxy.hold();
    const appending = Array.from({ length: 300 }, () => here.bus.append(sampleTask()));
    while (!(await here.hasEntries(256)())) await sleep(5);
    await sleep(100);
    expect((await here.seen.info()).lastSeq).toBe(256);
    here.proxy.release();
    const seqs = (await Promise.all(appending)).map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: 300 }, (_, at) => at + 1));
  });

  test("and has 10,000 behind it that wait: the next one is refused at once, until there is room again", async () => {
    await using here = await openBoth();
    here.proxy.hold();
    const appending = Array.from({ length: 10_256 }, () => here.bus.append(sampleTask(), { timeoutMs: 20_000 }));
    let settled = 0;
    for (const append of appending) void append.then(() => (settled += 1));
    const task = sampleTask();
    await expect(here.bus.append(task)).rejects.toMatchObject({
      code: "LOG_UNAVAILABLE",
      message:
        `the log MYELIN_${here.namespace} did not take ${task.id}: 256 appends of this process are under way and 10000 ` +
        `wait; await some before the next; it is not stored`,
    });
    expect(settled).toBe(0);
    here.proxy.release();
    await appending[0];
    await here.bus.append(task);
    await Promise.all(appending);
    expect((await here.seen.info()).lastSeq).toBe(10_257);
  });

  test("holds up those behind it until their time is over, and then their places are free", async () => {
    await using here = await openBoth();
    here.proxy.hold();
    const append = (timeoutMs: number) => here.bus.append(sampleTask(), { timeoutMs });
    const underWay = Array.from({ length: 256 }, () => append(20_000));
    const late = await Promise.allSettled(Array.from({ length: 10_000 }, () => append(200)));
    expect(late.filter(({ status }) => status === "rejected")).toHaveLength(10_000);
    const next = Array.from({ length: 10_000 }, () => append(20_000));
    here.proxy.release();
    await Promise.all([...underWay, ...next]);
  });

  test("and never comes is LOG_UNAVAILABLE, which says that it may be stored", async () => {
    await using here = await openBoth();
    here.proxy.hold();
    const task = sampleTask();
    await expect(here.bus.append(task, { timeoutMs: 200 })).rejects.toMatchObject({
      code: "LOG_UNAVAILABLE",
      message: `the log MYELIN_${here.namespace} did not take ${task.id}: no acknowledgement in 200 ms; it may be stored`,
    });
  });
});

describe("a delivery that is lost", () => {
  test("is brought to who reads to the end, though nothing comes behind it that would tell", async () => {
    let lost = 0;
    const meddle = () => (bytes: Buffer, pass: (bytes: Buffer) => void) => {
      if (lost === 0 && /MSG myelin\..*\$JS\.ACK/.test(bytes.toString("latin1"))) lost++;
      else pass(bytes);
    };
    await using proxy = await startMeddling(server.port, { meddle });
    const synapse = await connectSynapse(`nats://${proxy.address}`);
    const bus = await synapse.open(uniqueNamespace());
    await bus.append(sampleTask());
    const seqs: number[] = [];
    for await (const { seq } of bus.read({})) seqs.push(seq);
    expect([lost, seqs]).toEqual([1, [1]]);
    await synapse.drain();
  });
});

describe("a Signal that is larger than a message", () => {
  const large = () => sampleTask({ input: { text: "x".repeat(3_000_000) } });

  test("J1: is found at the head by the writer that lost its answer", async () => {
    await using here = await openBoth();
    const journal = { runId: newRunId(), traceId: newTraceId() };
    const event = sampleEvent(journal);
    event.payload.entries[0]!.data = { text: "x".repeat(2_000_000) };
    const appended = await here.losingAnswersAfter("put.RUN_EVENT", () => here.bus.append(event, { expectLastSeq: 0 }));
    expect(appended).toEqual({ seq: 1, duplicate: false });
  });

  test("is stored across a lost connection, and comes across one", async () => {
    await using here = await openBoth();
    const task = large();
    await here.losingAnswersAfter("PUB $O.", () => here.bus.append(task, { timeoutMs: 20_000 }));
    const heard = collect<string>();
    const reading = (async () => {
      for await (const { parsed } of here.bus.read({})) heard.push(parsed.ok ? parsed.signal.id : "bad");
    })();
    while (!here.proxy.said().includes("STREAM.MSG.GET.OBJ_")) await new Promise((resolve) => setImmediate(resolve));
    here.proxy.cut();
    await reading;
    expect(heard.items).toEqual([task.id]);
  });
});

describe("a key whose acknowledgement was lost", () => {
  const value = new TextEncoder().encode("the same for all");

  test("is put once, and is not refused by itself", async () => {
    await using here = await openBoth();
    // The bucket is made and checked by the first put.
    await here.bus.putKey("other", value, { expectRevision: 0 });
    const revision = await here.losingTheAnswer(
      () => here.bus.putKey("claim", value, { expectRevision: 0 }),
      async () => (await here.seen.getKey("claim")) !== null,
    );
    expect(await here.seen.getKey("claim")).toMatchObject({ revision });
    expect(await here.bus.putKey("claim", value, { expectRevision: revision })).toBe(revision + 1);
  });

  test("is refused when another was first, also with the same bytes", async () => {
    await using here = await openBoth();
    const theirs = await here.seen.putKey("claim", value, { expectRevision: 0 });
    await here.bus.putKey("other", value, { expectRevision: 0 });
    await expect(
      here.losingTheAnswer(
        () => here.bus.putKey("claim", value, { expectRevision: 0 }),
        async () => here.proxy.said().includes(`key.claim _INBOX`),
      ),
    ).rejects.toMatchObject({ code: "WRONG_LAST_SEQ", expectedSeq: 0, actualSeq: theirs });
  });
});

describe("a TASK", () => {
  const ECHO = { neuronId: "echo", lane: "normal" } as const;
  const LEASE_MS = 1_000;

  test("A2: whose lease cannot be extended is lost before the lease is over, and its outcome is not told", async () => {
    await using here = await openBoth();
    const lost = collect<void>();
    const started = collect<void>();
    const consumption = await here.bus.consume(
      ECHO,
      async (delivery) => {
        started.push();
        await new Promise<void>((resolve) => delivery.lost.addEventListener("abort", () => resolve()));
        lost.push();
        // Wrong: it should be "abandon". Nobody may hear it.
        return { type: "done" };
      },
      { ackWaitMs: LEASE_MS },
    );
    consumption.request(1);
    await here.seen.append(sampleTask());
    await started.first(1);
    here.proxy.hold();
    await lost.first(1);
    const saidBefore = here.proxy.said().length;
    await sleep(50);
    expect(here.proxy.said().slice(saidBefore)).not.toContain("+ACK");
    const counts = collect<number>();
    const other = await here.seen.consume(
      ECHO,
      ({ deliveryCount }) => {
        counts.push(deliveryCount);
        return Promise.resolve({ type: "done" });
      },
      { ackWaitMs: LEASE_MS },
    );
    other.request(1);
    expect((await counts.first(1))[0]).toBeGreaterThan(1);
  });

  test("A2: that was found in the socket after a freeze is not run: another has it", async () => {
    await using here = await openBoth();
    const frozen = collect<number>();
    const consumption = await here.bus.consume(
      ECHO,
      ({ seq }) => {
        frozen.push(seq);
        return Promise.resolve({ type: "done" });
      },
      { ackWaitMs: LEASE_MS },
    );
    consumption.request(1);
    while (!here.proxy.said().includes("MSG.NEXT")) await sleep(5);
    here.proxy.hold();
    await here.seen.append(sampleTask());
    await sleep(LEASE_MS * 0.7);
    here.proxy.release();
    // On the same connection, so behind the TASK.
    await here.bus.info();
    await consumption.drain();
    expect(here.proxy.said()).not.toContain("-NAK");
    const taken = collect<{ seq: number; deliveryCount: number }>();
    const other = await here.seen.consume(
      ECHO,
      ({ seq, deliveryCount }) => {
        taken.push({ seq, deliveryCount });
        return Promise.resolve({ type: "done" });
      },
      { ackWaitMs: LEASE_MS },
    );
    other.request(1);
    expect(await taken.first(1)).toEqual([{ seq: 1, deliveryCount: 2 }]);
    expect(frozen.items).toEqual([]);
  });

  test("A2: whose poll is not answered in time is another's, and the poll settles", async () => {
    await using here = await openBoth();
    const late = collect<number>();
    const consumption = await here.bus.consume(
      ECHO,
      ({ seq }) => {
        late.push(seq);
        return Promise.resolve({ type: "done" });
      },
      { ackWaitMs: LEASE_MS },
    );
    await here.seen.append(sampleTask());
    await here.seen.info();
    here.proxy.hold();
    // A poll has 0.4 leases, and the grace of every pull, half a second.
    expect(await consumption.poll(1)).toBe(0);
    here.proxy.release();
    await here.bus.info();
    await consumption.drain();
    const taken = collect<{ seq: number; deliveryCount: number }>();
    const other = await here.seen.consume(
      ECHO,
      ({ seq, deliveryCount }) => {
        taken.push({ seq, deliveryCount });
        return Promise.resolve({ type: "done" });
      },
      { ackWaitMs: LEASE_MS },
    );
    other.request(1);
    expect(await taken.first(1)).toEqual([{ seq: 1, deliveryCount: 2 }]);
    expect(late.items).toEqual([]);
  });

  test("A2: that was done while the connection was away is answered when it is back", async () => {
    await using here = await openBoth();
    const started = collect<number>();
    let end = () => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    const consumption = await here.bus.consume(
      ECHO,
      async ({ seq }) => {
        started.push(seq);
        await ended;
        return { type: "done" };
      },
      { ackWaitMs: 2_000 },
    );
    consumption.request(1);
    await here.seen.append(sampleTask());
    await started.first(1);
    here.proxy.cut();
    end();
    const taken = collect<number>();
    const other = await here.seen.consume(
      ECHO,
      ({ seq }) => {
        taken.push(seq);
        return Promise.resolve({ type: "done" });
      },
      { ackWaitMs: 2_000 },
    );
    other.request(1);
    await sleep(3_000);
    expect(taken.items).toEqual([]);
  });

  test("asks for eight places with one pull, and again only when half of them are free", async () => {
    await using here = await openBoth();
    let end = () => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    const started = collect<number>();
    const consumption = await here.bus.consume(ECHO, async ({ seq }) => {
      started.push(seq);
      await ended;
      return { type: "done" };
    });
    for (let n = 0; n < 8; n++) consumption.request(1);
    for (let n = 0; n < 3; n++) await here.bus.append(sampleTask());
    await started.first(3);
    expect(consumption.pulls).toBe(1);
    consumption.request(3);
    await here.bus.info();
    expect(consumption.pulls).toBe(1);
    for (let n = 0; n < 3; n++) await here.bus.append(sampleTask());
    await started.first(6);
    expect(consumption.pulls).toBe(2);
    end();
  });

  test("of a consumer with another lease is LOG_CONFIG, with both", async () => {
    await using here = await openBoth();
    const handler = () => Promise.resolve({ type: "done" } as const);
    await here.bus.consume(ECHO, handler);
    await expect(here.seen.consume(ECHO, handler, { ackWaitMs: 5_000 })).rejects.toMatchObject({
      code: "LOG_CONFIG",
      message:
        "the consumer task_echo_normal has ack_wait 30000 ms, this process wants 5000 ms: use one ackWaitMs everywhere",
    });
  });

  test("is still taken when somebody deleted the consumer, which is reported once", async () => {
    await using here = await openBoth();
    const taken = collect<number>();
    const consumption = await here.bus.consume(ECHO, ({ seq }) => {
      taken.push(seq);
      consumption.request(1);
      return Promise.resolve({ type: "done" });
    });
    consumption.request(1);
    await here.bus.append(sampleTask());
    await taken.first(1);
    const nc = await connect({ servers: server.url });
    // The server may fail to remove the directory it is still writing to; the consumer is gone all the same.
    await (
      await jetstreamManager(nc)
    ).consumers
      .delete(`MYELIN_${here.namespace}`, "task_echo_normal")
      .catch(() => false);
    await nc.close();
    await here.problems.first(1);
    await here.bus.append(sampleTask());
    // The first one is offered again, and this process knows that it is done.
    expect(await taken.first(2)).toEqual([1, 2]);
    expect(here.problems.items).toMatchObject([
      { type: "consumer-error", neuronId: "echo", error: { code: "LOG_CONFIG" } },
    ]);
  });
});

expectNoLeaks();

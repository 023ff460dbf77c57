import { describe, expect, test } from "@jest/globals";
import {
  connectSynapse,
  createSignal,
  LogUnavailableError,
  newRunId,
  newSignalId,
  newTraceId,
  type Bus,
} from "@myelin/bus";
import { Journal, JournalLostError, type JournalOptions } from "./journal.ts";

const runId = newRunId();
const traceId = newTraceId();
const step = (name: string) => ({ event_type: "step.completed" as const, data: { name } });

interface Writer {
  readonly journal: Journal;
  lost: number;
}

function writer(
  bus: JournalOptions["bus"],
  attempt: number,
  { isFresh = attempt === 1, taskSeq = 1, mayGoOn = (): boolean => true } = {},
): Writer {
  const made: Writer = {
    lost: 0,
    journal: new Journal({
      bus,
      runId,
      isFresh,
      mayGoOn,
      opening: () => ({
        event_type: "attempt.started",
        correlation_id: `${attempt}-${Math.random()}`,
        data: { attempt, task_seq: taskSeq },
      }),
      envelope: () => ({
        trace_id: traceId,
        parent_id: null,
        directed: { id: "n", type: null, capabilities: [] },
        meta: { run_id: runId },
      }),
      onLost: () => made.lost++,
    }),
  };
  return made;
}

async function stored(bus: Bus): Promise<{ index: number; type: string; name: unknown }[]> {
  const all = [];
  for await (const { parsed } of bus.read({ type: "RUN_EVENT", to: runId })) {
    if (!parsed.ok || parsed.signal.type !== "RUN_EVENT") continue;
    for (const entry of parsed.signal.payload.entries) {
      all.push({ index: entry.sequence_index, type: entry.event_type, name: entry.data["name"] });
    }
  }
  return all;
}

/** A namespace of its own in memory. */
async function withBus(): Promise<{ bus: Bus } & AsyncDisposable> {
  const synapse = await connectSynapse(`memory://journal-${Math.random()}`);
  return { bus: await synapse.open("journal"), [Symbol.asyncDispose]: () => synapse.drain() };
}

/** A bus whose appends go another way. */
const through = (bus: JournalOptions["bus"], append: Bus["append"]): JournalOptions["bus"] => ({
  append,
  read: (...args) => bus.read(...args),
  lastOf: (...args) => bus.lastOf(...args),
  firstOf: (...args) => bus.firstOf(...args),
});

describe("Journal", () => {
  test("J1: a copy of earlier entries that somebody puts on the log again changes nothing", async () => {
    await using server = await withBus();
    const first = writer(server.bus, 1);
    await first.journal.append([step("a")]);
    await first.journal.append([step("b")]);
    const copied = (await server.bus.firstOf({ type: "RUN_EVENT", to: runId }))!;
    if (!copied.parsed.ok) throw new Error("it is no Signal");
    await server.bus.append({ ...copied.parsed.signal, id: newSignalId() });
    const second = writer(server.bus, 2);
    const names = (await second.journal.read()).map(({ data }) => data["name"]);
    expect(names).toEqual([undefined, "a", "b"]);
    await second.journal.append([step("c")]);
    expect((await stored(server.bus)).at(-1)).toEqual({ index: 4, type: "step.completed", name: "c" });
  });

  test("J1: a writer is not lost to a copy of its own entries, whether it looks or writes next", async () => {
    await using server = await withBus();
    const made = writer(server.bus, 1);
    const { journal } = made;
    await journal.append([step("a")]);
    const written = (await server.bus.firstOf({ type: "RUN_EVENT", to: runId }))!;
    if (!written.parsed.ok) throw new Error("it is no Signal");
    const { signal } = written.parsed;
    await server.bus.append({ ...signal, id: newSignalId() });
    await journal.append([step("b")]);
    await server.bus.append({ ...signal, id: newSignalId() });
    expect((await journal.catchUp()).map(({ data }) => data["name"])).toEqual([undefined, "a", "b"]);
    await journal.append([step("c")]);
    expect((await stored(server.bus)).at(-1)).toEqual({ index: 3, type: "step.completed", name: "c" });
    expect(made.lost).toBe(0);
  });

  test("J1: entries are gapless, and those that come together travel together behind the one that begins the attempt", async () => {
    await using server = await withBus();
    const { journal } = writer(server.bus, 1);
    await Promise.all([journal.append([step("a")]), journal.append([step("b")]), journal.append([step("c")])]);
    expect((await stored(server.bus)).map(({ index, type, name }) => [index, type, name])).toEqual([
      [0, "attempt.started", undefined],
      [1, "step.completed", "a"],
      [2, "step.completed", "b"],
      [3, "step.completed", "c"],
    ]);
    expect((await server.bus.info()).lastSeq).toBe(1);
  });

  test("J1: a newer attempt refuses the older one, which stops for good and says so once", async () => {
    await using server = await withBus();
    const old = writer(server.bus, 1);
    await old.journal.append([step("a")]);
    const young = writer(server.bus, 2);
    await young.journal.append([]);
    await expect(old.journal.append([step("b")])).rejects.toBeInstanceOf(JournalLostError);
    await expect(old.journal.append([step("c")])).rejects.toBeInstanceOf(JournalLostError);
    expect(old.lost).toBe(1);
    await young.journal.append([step("b")]);
    expect((await stored(server.bus)).map(({ name }) => name)).toEqual([undefined, "a", undefined, "b"]);
  });

  test("J1: an older attempt that has not written yet is refused by a newer one as well", async () => {
    await using server = await withBus();
    const old = writer(server.bus, 1);
    await writer(server.bus, 2).journal.append([]);
    await expect(old.journal.append([step("a")])).rejects.toBeInstanceOf(JournalLostError);
  });

  test("what an older attempt still writes before the newer one begins is part of the journal", async () => {
    await using server = await withBus();
    const old = writer(server.bus, 1);
    const young = writer(server.bus, 2);
    await young.journal.read();
    await old.journal.append([step("a")]);
    await young.journal.append([step("b")]);
    expect((await young.journal.read()).map(({ sequence_index }) => sequence_index)).toEqual([0, 1, 2, 3]);
    expect(young.lost).toBe(0);
  });

  test("J2: catching up sees what an older attempt has written since, and that a newer one has the run", async () => {
    await using server = await withBus();
    const old = writer(server.bus, 1);
    expect(await old.journal.catchUp()).toEqual([]);
    const young = writer(server.bus, 2);
    await young.journal.read();
    await old.journal.append([step("a")]);
    expect((await old.journal.catchUp()).map(({ data }) => data["name"])).toEqual([undefined, "a"]);
    expect((await young.journal.catchUp()).map(({ data }) => data["name"])).toEqual([undefined, "a"]);
    await young.journal.append([step("b")]);
    await expect(old.journal.catchUp()).rejects.toBeInstanceOf(JournalLostError);
    expect([old.lost, young.lost]).toEqual([1, 0]);
  });

  test("a run that was woken belongs to the later task, whatever its attempt", async () => {
    await using server = await withBus();
    const asleep = writer(server.bus, 3, { taskSeq: 1 });
    await asleep.journal.append([step("a")]);
    await writer(server.bus, 1, { taskSeq: 9, isFresh: false }).journal.append([]);
    await expect(asleep.journal.append([step("b")])).rejects.toBeInstanceOf(JournalLostError);
  });

  test("a start of an earlier task is lost to one of a later, also when it reads that one first", async () => {
    await using server = await withBus();
    await writer(server.bus, 1, { taskSeq: 9, isFresh: false }).journal.append([]);
    const late = writer(server.bus, 2, { taskSeq: 1 });
    expect(await late.journal.read()).toHaveLength(1);
    await expect(late.journal.append([])).rejects.toBeInstanceOf(JournalLostError);
    expect(late.lost).toBe(1);
  });

  test("what was submitted between two starts is read by the later one, and no start is lost to it", async () => {
    await using server = await withBus();
    const asleep = writer(server.bus, 1);
    await asleep.journal.append([step("a")]);
    const woken = writer(server.bus, 1, { taskSeq: 9, isFresh: false });
    await woken.journal.read();
    const submitted = createSignal({
      type: "RUN_EVENT",
      trace_id: traceId,
      directed: { id: "n", type: null, capabilities: [] },
      payload: {
        entries: [{ ...step("submitted"), sequence_index: 2, iteration_index: 0, correlation_id: null }],
      },
      meta: { run_id: runId },
    });
    await server.bus.append(submitted, { expectLastSeq: 1 });
    await woken.journal.append([step("b")]);
    expect((await woken.journal.read()).map(({ data }) => data["name"])).toEqual([
      undefined,
      "a",
      "submitted",
      undefined,
      "b",
    ]);
    expect(woken.lost).toBe(0);
  });

  test("a journal that was begun again, whole, is read from there", async () => {
    await using server = await withBus();
    const entries = ["a", "b", "c"].map((name, at) => ({
      ...step(name),
      sequence_index: at,
      iteration_index: 0,
      correlation_id: null,
    }));
    for (const some of [entries.slice(1, 2), entries]) {
      const directed = { id: "n", type: null, capabilities: [] };
      const meta = { run_id: runId };
      await server.bus.append(
        createSignal({ type: "RUN_EVENT", trace_id: traceId, directed, payload: { entries: some }, meta }),
      );
    }
    const { journal } = writer(server.bus, 1, { taskSeq: 9, isFresh: false });
    expect(await journal.read()).toEqual(entries);
  });

  test("an acknowledgement that was lost costs nothing: the entry is there once, and the writer goes on", async () => {
    await using server = await withBus();
    let isLost = true;
    const bus = through(server.bus, async (...args) => {
      const appended = await server.bus.append(...args);
      if (!isLost) return appended;
      isLost = false;
      throw new LogUnavailableError("no acknowledgement");
    });
    const { journal, ...rest } = writer(bus, 1);
    await journal.append([step("a")]);
    await journal.append([step("b")]);
    expect((await stored(server.bus)).map(({ name }) => name)).toEqual([undefined, "a", "b"]);
    expect(rest.lost).toBe(0);
  });

  test("with the log away it tries on until the lease is lost", async () => {
    await using server = await withBus();
    let tries = 0;
    const bus = through(server.bus, () => {
      tries++;
      return Promise.reject(new LogUnavailableError("away"));
    });
    const { journal } = writer(bus, 1, { mayGoOn: () => tries < 2 });
    await expect(journal.append([step("a")])).rejects.toBeInstanceOf(JournalLostError);
    expect(tries).toBe(2);
  });
});

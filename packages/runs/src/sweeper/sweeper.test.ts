import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  connectSynapse,
  createSignal,
  newInstanceId,
  newRunId,
  newTraceId,
  type Bus,
  type Logger,
  type PauseType,
  type Signal,
  type SignalOf,
  type Synapse,
} from "@myelin/bus";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { leveredDatabase } from "../../../../test/helpers/levered-database.ts";
import { withDatabase, type TestDatabase } from "../../../../test/helpers/with-database.ts";
import { until } from "../../../../test/helpers/with-fleet.ts";
import { sharedNatsUrl, uniqueNamespace } from "../../../../test/helpers/with-nats.ts";
import { Recorder } from "../recorder/recorder.ts";
import type { SweeperOptions, SweptBus } from "./sweeper-options.ts";
import { Sweeper } from "./sweeper.ts";

const worker = { id: "worker", type: null, capabilities: [] };
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

interface Space extends AsyncDisposable {
  db: TestDatabase;
  synapse: Synapse;
  bus: Bus;
  recorder: Recorder;
  /** Append a TASK and wait until it is recorded. */
  ask(deadline: string | undefined, meta?: Signal["meta"]): Promise<SignalOf<"TASK">>;
  /** Append a reply to a TASK. */
  reply(task: SignalOf<"TASK">, type: "AGENT_OUTPUT" | PauseType, payload: object): Promise<Signal>;
  /** ERRORs in the log. */
  errors(): Promise<SignalOf<"ERROR">[]>;
}

let db: TestDatabase;
beforeAll(async () => {
  db = await withDatabase();
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});
expectNoLeaks();

/** A namespace that is recorded, and no worker in it. */
async function withSpace(transport: "memory" | "nats" = "memory"): Promise<Space> {
  const synapse = await connectSynapse(transport === "nats" ? sharedNatsUrl() : "memory://");
  const bus = await synapse.open(uniqueNamespace("sweeper"));
  const recorder = new Recorder({ bus, synapse, databaseUrl: db.url, maxWaitMs: 0 });
  await recorder.start();
  return {
    db,
    synapse,
    bus,
    recorder,
    async ask(deadline, meta = {}) {
      const task = createSignal({
        type: "TASK",
        trace_id: newTraceId(),
        directed: worker,
        payload: { input: {}, ...(deadline !== undefined && { deadline }) },
        meta: { run_id: newRunId(), reply_to: newInstanceId(), ...meta },
      });
      await recorder.waitFor((await bus.append(task)).seq);
      return task;
    },
    async reply({ id, trace_id, meta }, type, payload) {
      const common = { trace_id, parent_id: id, directed: worker, meta };
      const signal = createSignal({ ...common, type, payload } as never) as Signal;
      await bus.append(signal); // without a dedup id: it may be two minutes ago
      return signal;
    },
    async errors() {
      const found: SignalOf<"ERROR">[] = [];
      for await (const { parsed } of bus.read({ type: "ERROR" })) {
        if (parsed.ok && parsed.signal.type === "ERROR") found.push(parsed.signal);
      }
      return found;
    },
    async [Symbol.asyncDispose]() {
      await recorder.drain();
      await synapse.drain();
    },
  };
}

/** A bus of which some methods are the test's own. */
function levered(bus: Bus, levers: Partial<SweptBus>): SweptBus {
  return {
    namespace: bus.namespace,
    info: () => bus.info(),
    get: (seq) => bus.get(seq),
    lastOf: (filter) => bus.lastOf(filter),
    append: (signal, options) => bus.append(signal, options),
    ...levers,
  };
}

/** A started Sweeper that looks every 10 ms and counts its looks. */
async function sweep({ bus, db }: { bus: SweptBus; db: TestDatabase }, options: Partial<SweeperOptions> = {}) {
  const client = await leveredDatabase(db.url);
  const ended: string[] = [];
  const sweeper = new Sweeper({
    bus,
    client,
    intervalMs: 10,
    graceMs: 0,
    ...options,
    observer: { runEnded: ({ runId }) => void ended.push(runId) },
  });
  await sweeper.start();
  return {
    sweeper,
    client,
    ended,
    /** Resolves when it has looked twice more, so once from beginning to end. */
    async looked() {
      const before = client.queries;
      await until(() => client.queries >= before + 3);
    },
    async [Symbol.asyncDispose]() {
      await sweeper.drain();
      await client[Symbol.asyncDispose]();
    },
  };
}

const statusOf = async ({ db }: Space, task: Signal) =>
  (await db.query("SELECT status, error_code, terminals FROM runs WHERE run_id = $1", [task.meta.run_id]))[0];

describe("A1: a TASK that nobody answers", () => {
  test.each(["memory", "nats"] as const)(
    "ends in ERROR after its deadline and the grace, on %s://",
    async (transport) => {
      await using space = await withSpace(transport);
      const late: number[] = [];
      await using sweeper = new Sweeper({
        bus: space.bus,
        databaseUrl: space.db.url,
        observer: { runEnded: ({ lateMs }) => void late.push(lateMs) },
      });
      await sweeper.start();
      const tasks: SignalOf<"TASK">[] = [];
      for (let n = 0; n < 5; n++) tasks.push(await space.ask(inMs(200), { tenant_id: "acme", parent_run_id: "run_p" }));
      await until(() => late.length === 5);
      expect(Math.min(...late)).toBeGreaterThanOrEqual(400); // the grace
      const errors = await space.errors();
      expect(errors.map(({ meta }) => meta.run_id).sort()).toEqual(tasks.map(({ meta }) => meta.run_id).sort());
      const [task] = tasks;
      expect(errors.find(({ meta }) => meta.run_id === task!.meta.run_id)).toEqual({
        v: "1",
        id: expect.stringMatching(/^evt_/),
        trace_id: task!.trace_id,
        parent_id: task!.id,
        type: "ERROR",
        ts: expect.any(String),
        directed: { id: "worker", type: null, capabilities: [] },
        payload: {
          code: "DEADLINE_EXCEEDED",
          message: `the deadline of the task passed at ${task!.payload.deadline}, and nobody had answered it`,
          recoverable: true,
        },
        meta: {
          run_id: task!.meta.run_id,
          reply_to: task!.meta.reply_to,
          tenant_id: "acme",
          parent_run_id: "run_p",
          task_seq: 1,
        },
      });
      await until(async () => (await statusOf(space, tasks.at(-1)!))?.["status"] === "error");
    },
  );

  test("is ended once by any number of sweepers", async () => {
    await using space = await withSpace();
    const deadline = inMs(100);
    for (let n = 0; n < 40; n++) await space.ask(deadline);
    await space.recorder.drain();
    // Each asks the log before the other has appended.
    const blind = levered(space.bus, { lastOf: async () => null });
    await using first = await sweep({ ...space, bus: blind });
    await using second = await sweep({ ...space, bus: blind });
    await until(() => first.ended.length + second.ended.length >= 40);
    await Promise.all([first.looked(), second.looked()]);
    expect(new Set([...first.ended, ...second.ended]).size).toBe(40);
    expect(first.ended.length + second.ended.length).toBe(40);
    expect(await space.errors()).toHaveLength(40);
  });

  test("ends also when its TASK is purged, whoever waited for it", async () => {
    await using space = await withSpace();
    const task = await space.ask(inMs(0));
    const bus = levered(space.bus, { get: async () => null });
    await using swept = await sweep({ ...space, bus });
    await until(() => swept.ended.length === 1);
    const [error] = await space.errors();
    expect(error).toMatchObject({ parent_id: null, trace_id: task.trace_id, meta: { run_id: task.meta.run_id } });
  });

  test("ends with the history of its attempts, as far as its journal is sound", async () => {
    await using space = await withSpace();
    const [tried, odd] = [await space.ask(inMs(500)), await space.ask(inMs(500))];
    const failure = { attempt: 1, code: "MODEL_OVERLOADED", message: "busy", at: inMs(0), instance: "dnd_1" };
    const tell = (task: SignalOf<"TASK">, ...data: Record<string, unknown>[]) =>
      space.bus.append(
        createSignal({
          type: "RUN_EVENT",
          trace_id: task.trace_id,
          directed: worker,
          payload: {
            entries: data.map((one, at) => ({
              sequence_index: at,
              iteration_index: 0,
              event_type: "attempt.failed",
              correlation_id: null,
              data: one,
            })),
          },
          meta: { run_id: task.meta.run_id! },
        }),
      );
    await tell(tried, { ...failure, task_id: "evt_an_earlier_one" }, { ...failure, task_id: tried.id });
    await tell(odd, { attempt: "first", task_id: odd.id });
    await using swept = await sweep(space);
    await until(() => swept.ended.length === 2);
    const errors = await space.errors();
    const payloadOf = (task: Signal) => errors.find(({ meta }) => meta.run_id === task.meta.run_id)?.payload;
    expect(payloadOf(tried)).toMatchObject({ code: "DEADLINE_EXCEEDED", attempts: [failure] });
    expect(payloadOf(odd)).not.toHaveProperty("attempts");
  });

  test("ends when its peer named no run, or not as we do: under the run its worker would have answered", async () => {
    await using space = await withSpace();
    const tasks = [await space.ask(inMs(0), { run_id: "" }), await space.ask(inMs(0), { run_id: "thread 7" })];
    await using swept = await sweep(space);
    await until(() => swept.ended.length === 2);
    expect(swept.ended.sort()).toEqual(tasks.map(({ id }) => id.replace("evt_", "run_")).sort());
  });

  test("ends however many there are, though none of them is recorded meanwhile", async () => {
    await using space = await withSpace();
    const deadline = inMs(0);
    const tasks = Array.from({ length: 1_100 }, () =>
      createSignal({
        type: "TASK",
        trace_id: newTraceId(),
        directed: worker,
        payload: { input: {}, deadline },
        meta: { run_id: newRunId() },
      }),
    );
    const appended = await Promise.all(tasks.map((task) => space.bus.append(task)));
    await space.recorder.waitFor(Math.max(...appended.map(({ seq }) => seq)));
    await space.recorder.drain();
    await using swept = await sweep(space);
    await until(() => swept.ended.length === 1_100);
    await swept.looked();
    expect(new Set(swept.ended).size).toBe(1_100);
    expect(await space.errors()).toHaveLength(1_100);
  });
});

describe("left alone is", () => {
  test("a run whose deadline is far, and one without a deadline", async () => {
    await using space = await withSpace();
    await space.ask(inMs(60_000));
    await space.ask(undefined);
    await using swept = await sweep(space);
    await swept.looked();
    expect(await space.errors()).toEqual([]);
  });

  test("a run that ended, or paused, but is not recorded yet: the log is asked", async () => {
    await using space = await withSpace();
    const [answered, asked] = [await space.ask(inMs(0)), await space.ask(inMs(0))];
    await space.recorder.drain();
    await space.reply(answered, "AGENT_OUTPUT", { output: {} });
    await space.reply(asked, "CLARIFICATION", { question: "?" });
    const { lastSeq } = await space.bus.info();
    await using swept = await sweep(space);
    await swept.looked();
    expect(swept.ended).toEqual([]);
    expect((await space.bus.info()).lastSeq).toBe(lastSeq);
  });

  test("a run that ended, however often it is looked at again", async () => {
    await using space = await withSpace();
    const task = await space.ask(inMs(0));
    await space.reply(task, "AGENT_OUTPUT", { output: {} });
    await space.recorder.waitFor(2);
    await using swept = await sweep(space);
    await swept.looked();
    expect(await space.errors()).toEqual([]);
    expect(await statusOf(space, task)).toEqual({ status: "success", error_code: null, terminals: 1 });
  });

  test("a run of a log that was deleted", async () => {
    await using space = await withSpace();
    const task = await space.ask(inMs(60_000));
    let { createdAt } = await space.bus.info();
    const bus = levered(space.bus, { info: async () => ({ ...(await space.bus.info()), createdAt }) });
    await using swept = await sweep({ ...space, bus });
    await swept.looked(); // at the log as it is
    createdAt = new Date(createdAt.getTime() + 1_000);
    await space.db.query("UPDATE runs SET deadline = now() WHERE run_id = $1", [task.meta.run_id]);
    await swept.looked();
    expect(await space.errors()).toEqual([]);
  });

  test("a run whose id its worker cannot answer under", async () => {
    await using space = await withSpace();
    await space.ask(inMs(0), { run_id: "run_ü" });
    await using swept = await sweep(space);
    await swept.looked();
    expect(await space.errors()).toEqual([]);
  });
});

describe("a run that waits for a person", () => {
  test("is left alone past the deadline of its TASK, and ends when its question expires", async () => {
    await using space = await withSpace();
    const [patient, expiring, parent] = [await space.ask(inMs(0)), await space.ask(inMs(0)), await space.ask(inMs(0))];
    await space.reply(patient, "CLARIFICATION", { question: "?" });
    await space.reply(parent, "CLARIFICATION", { question: "?", status: "waiting_child" });
    const question = await space.reply(expiring, "PERMISSION", { action: "delete", expires_at: inMs(1_000) });
    await space.recorder.waitFor(6);
    await using swept = await sweep(space);
    await swept.looked();
    expect(swept.ended).toEqual([]);
    await until(() => swept.ended.length === 1);
    expect(await space.errors()).toMatchObject([
      {
        parent_id: question.id,
        payload: { code: "DEADLINE_EXCEEDED", message: expect.stringContaining("nobody answered the question") },
        meta: { run_id: expiring.meta.run_id, reply_to: expiring.meta.reply_to, task_seq: 2 },
      },
    ]);
    await until(async () => (await statusOf(space, expiring))?.["status"] === "error");
    expect(await statusOf(space, patient)).toMatchObject({ status: "waiting_human_input" });
    expect(await statusOf(space, parent)).toMatchObject({ status: "waiting_child", terminals: 0 });
  });

  test("is not ended when an answer was given that is not recorded yet, or that is on its way", async () => {
    await using space = await withSpace();
    const answer = async (question: Signal, dedupId?: string) => {
      const { trace_id, meta } = question;
      const payload = {
        input: {},
        answers: [{ kind: "clarification", question: "?", answer: "!" }] as never,
        deadline: inMs(60_000),
      };
      const wake = createSignal({ type: "TASK", trace_id, parent_id: question.id, directed: worker, payload, meta });
      return space.bus.append(wake, { dedupId });
    };
    const [stored, racing] = [await space.ask(inMs(0)), await space.ask(inMs(0))];
    const first = await space.reply(stored, "CLARIFICATION", { question: "?", expires_at: inMs(0) });
    const second = await space.reply(racing, "CLARIFICATION", { question: "?", expires_at: inMs(0) });
    await space.recorder.waitFor(4);
    await space.recorder.drain();
    await answer(first);
    await answer(second, `answer:${second.id}`);
    // The sweeper asks before the second answer is stored, and appends after it.
    const bus = levered(space.bus, {
      lastOf: async (filter) =>
        filter.run === racing.meta.run_id && filter.type === "TASK" ? null : space.bus.lastOf(filter),
    });
    await using swept = await sweep({ ...space, bus });
    await swept.looked();
    expect(swept.ended).toEqual([]);
    expect(await space.errors()).toEqual([]);
  });
});

test("a database that is away is waited for, said once, and then what was due meanwhile ends", async () => {
  await using space = await withSpace();
  const noise: string[] = [];
  const loud = (_fields: object, event: string) => void noise.push(event);
  const logger: Logger = { debug: () => {}, info: () => {}, warn: loud, error: loud };
  await using swept = await sweep(space, { logger });
  swept.client.outage = new Error("the database system is shutting down");
  await space.ask(inMs(0));
  await swept.looked();
  expect(swept.ended).toEqual([]);
  swept.client.outage = null;
  await until(() => swept.ended.length === 1);
  expect(noise).toEqual(["sweeper.waiting"]);
});

test("S1: drain ends a sweeper, also one that waits for the database, and it cannot be started again", async () => {
  await using space = await withSpace();
  await using swept = await sweep(space);
  swept.client.outage = new Error("away");
  await swept.looked();
  await swept.sweeper.drain();
  await swept.sweeper.drain();
  const { queries } = swept.client;
  await expect(swept.sweeper.start()).rejects.toMatchObject({ code: "CLOSED" });
  expect(swept.client.queries).toBe(queries);
});

test("a Synapse that is drained ends it", async () => {
  await using space = await withSpace();
  await using swept = await sweep(space);
  await space.recorder.drain();
  await space.ask(inMs(0)).catch(() => {});
  await space.synapse.drain();
  await swept.sweeper.drain();
  expect(swept.ended).toEqual([]);
});

test("the index of due runs is used", async () => {
  await using space = await withSpace();
  const client = await leveredDatabase(space.db.url);
  const asked: { sql: string; values: unknown[] }[] = [];
  const spied: SweeperOptions["client"] = {
    $queryRawUnsafe: (sql, ...values) => {
      asked.push({ sql, values });
      return client.$queryRawUnsafe(sql, ...values);
    },
  };
  await using sweeper = new Sweeper({ bus: space.bus, client: spied, intervalMs: 10 });
  await sweeper.start();
  await until(() => asked.length > 0);
  await sweeper.drain();
  const { sql, values } = asked[0]!;
  const types = "text, text, text, text, text";
  await space.db.query("SET enable_seqscan = off");
  await space.db.query(`PREPARE due (${types}) AS ${sql}`);
  const literals = values.map((value) => (value === null ? "NULL" : `'${value as string}'`)).join(", ");
  const plan = await space.db.query(`EXPLAIN EXECUTE due (${literals})`);
  await client[Symbol.asyncDispose]();
  expect(JSON.stringify(plan)).toContain("runs_due_idx");
});

test.each<[string, Partial<SweeperOptions>, string]>([
  ["neither database", {}, "a Sweeper takes either databaseUrl or client"],
  ["intervalMs 1", { databaseUrl: "postgresql://x/y", intervalMs: 1 }, "intervalMs must be a whole number from 10"],
  ["graceMs -1", { databaseUrl: "postgresql://x/y", graceMs: -1 }, "graceMs must be a whole number from 0 to 60000"],
])("a bad option is refused: %s", (_what, options, message) => {
  expect(() => new Sweeper({ bus: {} as Bus, ...options })).toThrow(message);
});

test("a database URL that is none is refused at the start", async () => {
  await using space = await withSpace();
  await using sweeper = new Sweeper({ bus: space.bus, databaseUrl: "localhost:5432" });
  await expect(sweeper.start()).rejects.toMatchObject({ code: "INVALID_OPTION" });
});

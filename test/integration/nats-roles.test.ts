/**
 * bus/nats-server-auth.conf on a real server: each role does its work without one refusal that is not foreseen, and nothing
 * else; what is refused is typed, says which permission is missing, and comes at once; namespaces are strangers to each other.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  connectSynapse,
  createSignal,
  encodeSignal,
  newRunId,
  newTraceId,
  NotPermittedError,
  type Bus,
  type BusProblem,
  type Signal,
  type Synapse,
} from "@myelin/bus";
import { sampleReply, sampleTask } from "@myelin/bus/testing";
import { Axon, Dendrite, NeuronPausedError, runRecords, type DendriteOptions } from "@myelin/dendrite";
import type { DevServer } from "@myelin/dev";
import { clarify } from "@myelin/neuron";
import { Recorder, Sweeper } from "@myelin/runs";
import { headers } from "@nats-io/nats-core";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { readRepository, tableUnder } from "../helpers/docs.ts";
import { APPROVAL, fakeAgent } from "../helpers/fake-agent.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { withDatabase } from "../helpers/with-database.ts";
import { until } from "../helpers/with-fleet.ts";
import { startOwnNats } from "../helpers/with-nats.ts";

const ROLES = ["worker", "dispatcher", "recorder", "observer"] as const;
type Role = (typeof ROLES)[number];
/** The account of the file, and a copy of it for another namespace, made as its header says. */
const NAMESPACE = "default";
const OTHER = "other";

let nats: DevServer;
let directory: string;
const open: Synapse[] = [];
/** Everything the server has refused to a connection. */
const refusals = new Map<Synapse, string[]>();

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "myelin-roles-"));
  const conf = readRepository("bus/nats-server-auth.conf");
  const account = /^ {2}default \{.*^ {2}\}$/ms.exec(conf)![0];
  const copy = account.replaceAll("default", OTHER).replace(/user: (\w+)/g, `user: ${OTHER}-$1`);
  const configFile = path.join(directory, "nats.conf");
  await writeFile(configFile, conf.replace(account, `${account}\n${copy}`));
  const env = Object.fromEntries(ROLES.map((role) => [`MYELIN_${role.toUpperCase()}_PASSWORD`, passwordOf(role)]));
  nats = await startOwnNats({ configFile, env, fsync: "default" });
});
afterAll(async () => {
  await Promise.all(open.map((synapse) => synapse.drain()));
  await nats.stop();
  await rm(directory, { recursive: true });
});
expectNoLeaks();

const passwordOf = (role: Role) => `p4ss-of-${role}`;

async function connectAs(role: Role, namespace = NAMESPACE): Promise<Synapse> {
  const user = namespace === NAMESPACE ? role : `${namespace}-${role}`;
  const synapse = await connectSynapse(nats.url, { user, password: passwordOf(role), logMaxBytes: 64 * 1024 ** 2 });
  open.push(synapse);
  const refused: string[] = [];
  refusals.set(synapse, refused);
  synapse.onStatus((status) => {
    if (status.type === "error") refused.push(/"(.*)"/.exec(status.message)?.[1] ?? status.message);
  });
  return synapse;
}

const worker = { id: "worker", type: null, capabilities: [] };
const toError = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => new Error(`it was allowed: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );

/** It is refused, for want of that permission. */
async function expectRefused(doing: Promise<unknown>, operation: "publish" | "subscribe", subject: string | RegExp) {
  const error = await toError(doing);
  expect(error).toBeInstanceOf(NotPermittedError);
  const refused = error as NotPermittedError;
  expect(refused).toMatchObject({ code: "NOT_PERMITTED", operation });
  expect(refused.subject).toMatch(subject);
  expect(refused.message).toContain(`"${refused.subject}"`);
  expect(refused.message).not.toContain("\n");
}

describe("before the recorder has made the namespace", () => {
  test.each(["worker", "dispatcher", "observer"] as const)("%s is told so, and may not make it", async (role) => {
    const synapse = await connectAs(role);
    await expectRefused(synapse.open(NAMESPACE), "publish", "$JS.API.STREAM.CREATE.MYELIN_default");
    await expect(synapse.open(NAMESPACE)).rejects.toThrow(
      "the stream MYELIN_default is not there yet, and this user may not make it (the recorder's may: start it first",
    );
  });
});

describe("each role", () => {
  let synapses: { readonly [role in Role]: Synapse };
  const dendrites: Dendrite[] = [];

  beforeAll(async () => {
    const recorder = await connectAs("recorder");
    await recorder.open(NAMESPACE, { provision: true });
    synapses = {
      recorder,
      worker: await connectAs("worker"),
      dispatcher: await connectAs("dispatcher"),
      observer: await connectAs("observer"),
    };
  });
  afterAll(() => Promise.all(dendrites.map((one) => one.stop())));

  const dendrite = (role: Role, options: Partial<DendriteOptions> = {}) => {
    const made = new Dendrite({ synapse: synapses[role], namespace: NAMESPACE, dendriteId: role, ...options });
    dendrites.push(made);
    return made;
  };

  test("does its work", async () => {
    await using db = await withDatabase();
    const bus = await synapses.recorder.open(NAMESPACE);
    await using recorder = new Recorder({ bus, synapse: synapses.recorder, databaseUrl: db.url });
    await recorder.start();
    await using sweeper = new Sweeper({ bus, databaseUrl: db.url });
    await sweeper.start();
    await using archive = dendrite("recorder");
    archive.attachAxon(new Axon({ ...runRecords, neuron: () => ({ signal: null, storedAt: null }) }));
    await archive.start();

    const observer = dendrite("observer");
    const heard = new Set<string>();
    const note = ({ type }: Signal) => void heard.add(type);
    const grouped: string[] = [];
    await Promise.all(
      [
        observer.onTaskSignal(note),
        observer.onAgentOutput(note),
        observer.onThoughtDelta(note),
        observer.onHeartbeatSignal(note),
        observer.onStop(note),
        observer.onAgentOutput({ group: "audit" }, ({ id }) => void grouped.push(id)),
      ].map(({ ready }) => ready),
    );

    const fleet = dendrite("worker", { heartbeatMs: 500 });
    let failures = 1;
    fleet.attachAxon(
      new Axon({
        neuronId: "echo",
        capabilities: ["echo"],
        retry: { maxAttempts: 2, backoffMs: 10 },
        async neuron(input, ctx) {
          ctx.thought("hm");
          if (input["fail"] === true && failures-- > 0) throw new Error("once");
          if (input["wait"] === true) await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
          if (input["ask"] === true && ctx.answers.length === 0) return clarify("which?");
          const step = await ctx.step("first", () => Promise.resolve(1));
          const child = input["child"] === true ? await ctx.dispatchAndWait({ neuron: "echo", input: { step } }) : null;
          return { step, child };
        },
      }),
    );
    await fleet.start();

    const asking = dendrite("dispatcher");
    for (const priority of ["high", "normal", "low"] as const) {
      expect(await asking.dispatchAndWait({ neuron: "echo", input: {}, priority })).toMatchObject({
        type: "AGENT_OUTPUT",
      });
    }
    await asking.dispatchAndWait({ capabilities: ["echo"], input: { child: true, fail: true } });
    await asking.dispatchAndWait({ neuron: "echo", input: {}, idempotencyKey: "once" });
    const again = await asking.dispatchAndWait({ neuron: "echo", input: {}, idempotencyKey: "once" });
    expect(await asking.reattach(again.meta.run_id!)).toMatchObject({ id: again.id });
    expect((await asking.roster()).map(({ neuronId }) => neuronId).sort()).toEqual(["echo", "myelin-records"]);
    const types: string[] = [];
    for await (const { type } of asking.stream({ neuron: "echo", input: {} })) types.push(type);
    expect(types).toContain("AGENT_OUTPUT");

    const paused = (await toError(
      asking.dispatchAndWait({ neuron: "echo", input: { ask: true } }),
    )) as NeuronPausedError;
    expect(paused).toBeInstanceOf(NeuronPausedError);
    const answered = new Promise<void>((resolve) => {
      asking.onAgentOutput({ traceId: paused.signal.trace_id }, () => resolve());
    });
    await asking.respondToClarification(paused.signal as never, { answer: "that" });
    await answered;

    // Runs of agents: started, watched, answered, cancelled and retried.
    const fakes = dendrite("worker");
    fakes.attachAxon(fakeAgent({ pauses: [APPROVAL] }));
    await fakes.start();
    const run = await asking.run("fake", { text: "hi" });
    expect(run.status).toBe("waiting_approval");
    const watched: string[] = [];
    for await (const { type } of asking.runs.follow(run.runId, { untilPause: true })) watched.push(type);
    expect(watched).toContain("run_paused");
    const taken = await asking.submitApproval(run.runId, { approved: true });
    expect(await taken.result()).toMatchObject({ status: "success" });
    const retried = await asking.retry(run.runId);
    expect(await asking.cancelRun(retried.runId)).toMatchObject({ status: "cancelled" });

    const traceId = newTraceId();
    const stopped = toError(asking.dispatchAndWait({ neuron: "echo", input: { wait: true }, traceId }));
    await until(() => fleet.stats().running > 0);
    await asking.stopTrace(traceId);
    expect(await stopped).toMatchObject({ code: "STOPPED" });

    // Objects and keys.
    const asked = await synapses.dispatcher.open(NAMESPACE);
    const read = await synapses.observer.open(NAMESPACE);
    const object = await asked.putObject(new Uint8Array(300_000).fill(7));
    expect(await read.getObject(object)).toHaveLength(300_000);
    expect(await (await synapses.worker.open(NAMESPACE)).getObject(object)).toHaveLength(300_000);
    await asked.putKey("a-key", new Uint8Array([1]), { expectRevision: 0 });
    expect((await read.getKey("a-key"))?.bytes).toEqual(new Uint8Array([1]));

    // Reading, and following.
    const { lastSeq } = await read.info();
    await recorder.waitFor(lastSeq);
    const [{ count } = { count: 0 }] = await db.query<{ count: number }>("select count(*)::int as count from signals");
    expect(count).toBeGreaterThanOrEqual(lastSeq);
    const seqs: number[] = [];
    for await (const { seq } of read.read({})) seqs.push(seq);
    expect(seqs.slice(0, lastSeq)).toEqual(Array.from({ length: lastSeq }, (_, at) => at + 1));
    const middle = (await read.get(Math.floor(lastSeq / 2)))!;
    const since: number[] = [];
    for await (const { seq } of read.read({}, { fromTime: middle.storedAt })) since.push(seq);
    expect(since).toContain(middle.seq);
    expect(since[0]).toBeGreaterThan(1);
    const end = new AbortController();
    const following: number[] = [];
    for await (const { seq } of read.read({}, { fromSeq: seqs.at(-1)!, follow: true, signal: end.signal })) {
      following.push(seq);
      if (following.length === 1) await asked.append(sampleTask({ neuronId: "nobody" }));
      else end.abort();
    }
    expect(following).toEqual([seqs.at(-1), seqs.at(-1)! + 1]);

    await until(() => ["TASK", "AGENT_OUTPUT", "THOUGHT_DELTA", "HEARTBEAT", "STOP"].every((type) => heard.has(type)));
    await until(() => grouped.length > 0);
    await bus.purge(2);
    expect((await read.info()).firstSeq).toBe(2);

    // Nothing was refused but what is foreseen: who may not make a consumer reads without, who may not delete one leaves it.
    const kinds = (role: Role) => [
      ...new Set(refusals.get(synapses[role])!.map((subject) => subject.split(".").slice(0, 5).join("."))),
    ];
    expect(kinds("recorder")).toEqual([]);
    expect(kinds("worker")).toEqual(["$JS.API.CONSUMER.DELETE.MYELIN_default"]);
    expect(kinds("dispatcher").filter((kind) => !kind.startsWith("$JS.API.CONSUMER.CREATE."))).toEqual([]);
    expect(kinds("observer").filter((kind) => !kind.startsWith("$JS.API.CONSUMER.CREATE."))).toEqual([]);
  });

  test("is refused what is not its own, typed, at once, with the permission that is missing", async () => {
    const [asked, seen, worked] = await Promise.all(
      (["dispatcher", "observer", "worker"] as const).map((role) => synapses[role].open(NAMESPACE)),
    );
    const ECHO = { neuronId: "echo", lane: "normal" } as const;
    const handler = () => Promise.resolve({ type: "done" } as const);
    for (const bus of [asked!, seen!]) {
      await expectRefused(
        bus.consume(ECHO, handler),
        "publish",
        "$JS.API.CONSUMER.INFO.MYELIN_default.task_echo_normal",
      );
      await expectRefused(bus.append(sampleReply()), "publish", /^myelin\.default\.put\.AGENT_OUTPUT\./);
      await expectRefused(
        bus.subscribe("live", { type: "TASK", to: "echo" }, () => {}, { queue: "worker:echo" }),
        "subscribe",
        "myelin.default.live.TASK.echo.>",
      );
      // The same queue under a wider subject would take live tasks just as well.
      await expectRefused(
        bus.subscribe("live", {}, () => {}, { queue: "worker:echo" }),
        "subscribe",
        /live\.>$/,
      );
    }
    for (const bus of [asked!, seen!, worked!]) {
      await expectRefused(bus.purge(3), "publish", "$JS.API.STREAM.PURGE.MYELIN_default");
    }
    await expectRefused(seen!.append(sampleTask()), "publish", /^myelin\.default\.put\.TASK\./);
    await expectRefused(seen!.putKey("b", new Uint8Array(), { expectRevision: 0 }), "publish", "myelin.default.key.b");
    await expectRefused(seen!.putObject(new Uint8Array(9)), "publish", /^\$O\.MYELIN_default\.C\./);
  });

  test("an observer that dispatches, or hosts a neuron, is told at once", async () => {
    const observer = dendrite("observer");
    await expectRefused(observer.dispatchAndWait({ neuron: "nobody", input: {} }), "publish", /\.live\.DISCOVER\./);
    const waits = { neuron: "echo", input: {}, whenAbsent: "wait" } as const;
    await expectRefused(observer.dispatchAndWait(waits), "publish", /\.put\.TASK\.echo\./);
    await expectRefused(
      observer.dispatchAndWait({ ...waits, delivery: "transient" }),
      "publish",
      /\.live\.TASK\.echo\./,
    );
    await expectRefused(observer.stopTrace(newTraceId()), "publish", /\.put\.STOP\./);
    const host = dendrite("observer").attachAxon(new Axon({ neuronId: "echo", neuron: () => ({}) }));
    await expectRefused(host.start(), "publish", /^\$JS\.API\.CONSUMER\.INFO\.MYELIN_default\.task_echo_/);
  });

  test("what nobody waits for is reported as a problem", async () => {
    const problems: BusProblem[] = [];
    const synapse = await connectAs("observer");
    const bus = await synapse.open(NAMESPACE, { onProblem: (problem) => problems.push(problem) });
    bus.publish(createSignal({ type: "STOP", trace_id: newTraceId(), payload: {} }));
    await until(() => problems.length > 0);
    expect(problems).toEqual([
      {
        type: "not-permitted",
        subject: expect.stringMatching(/^myelin\.default\.live\.STOP\./),
        error: expect.any(NotPermittedError),
      },
    ]);
  });

  test("T2: what a consumer delivers to log is no Signal of the log", async () => {
    const problems: BusProblem[] = [];
    const heard: Signal[] = [];
    const synapse = await connectAs("dispatcher");
    const bus = await synapse.open(NAMESPACE, { onProblem: (problem) => problems.push(problem) });
    await using _heard = await bus.subscribe("log", { type: "AGENT_OUTPUT" }, (signal) => void heard.push(signal));
    await using raw = await connectRaw("worker");
    // Stored as a TASK, it is an answer with a sequence.
    const forged = headers();
    forged.set("Nats-Sequence", "7");
    const put = "myelin.default.put.TASK.nobody.normal.00._";
    const stored = (await raw.nc.request(put, encodeSignal(sampleReply()), { headers: forged, timeout: 2_000 })).json<{
      seq: number;
    }>();
    const target = "myelin.default.log.AGENT_OUTPUT._._.00._";
    raw.nc.subscribe(target, { callback: () => {} });
    const filter = "myelin.default.put.TASK.nobody.>";
    const config = {
      filter_subject: filter,
      deliver_subject: target,
      ack_policy: "none",
      deliver_policy: "by_start_sequence",
      opt_start_seq: stored.seq,
    };
    const create = `$JS.API.CONSUMER.CREATE.MYELIN_default.forger.${filter}`;
    const made = await raw.nc.request(create, JSON.stringify({ stream_name: "MYELIN_default", config }));
    expect(made.json()).toMatchObject({ name: "forger" });
    await until(() => problems.length > 0);
    expect(problems[0]).toMatchObject({
      type: "bad-message",
      problem: { message: expect.stringContaining("not by the server") },
    });
    expect(heard).toEqual([]);
  });
});

async function connectRaw(role: Role): Promise<AsyncDisposable & { nc: NatsConnection }> {
  const nc = await connect({ servers: nats.url, user: role, pass: passwordOf(role), ignoreAuthErrorAbort: true });
  return { nc, [Symbol.asyncDispose]: () => nc.close() };
}

/** A subject to publish on, or (with `sub `) to subscribe to; behind a blank its queue. `$S` is the stream. */
const ATTEMPTS: { readonly [what: string]: readonly string[] } = {
  "hear log and live": ["sub myelin.default.log.>", "sub myelin.default.live.*.dnd_x.>"],
  "share the Signals of a handler's group": [
    "sub myelin.default.log.TASK.> handlers.audit",
    "sub myelin.default.live.TASK.> handlers.audit",
  ],
  "read the log, keys and objects": ["", "_KEYS", "OBJ_"].flatMap((kind) => {
    const stream = kind === "OBJ_" ? "OBJ_$S" : `$S${kind}`;
    return [`$JS.API.STREAM.INFO.${stream}`, `$JS.API.STREAM.MSG.GET.${stream}`];
  }),
  "store a task": ["myelin.default.put.TASK.x.normal.00._"],
  "send a task live, stop a trace": [
    "myelin.default.live.TASK.x.normal.00._",
    "myelin.default.live.STOP._._.00._",
    "myelin.default.put.STOP._._.00._",
  ],
  "ask who is there": ["myelin.default.live.DISCOVER._._.00._"],
  "put a key": ["myelin.default.key.x"],
  "put an object": ["$O.$S.C.x", "$O.$S.M.x"],
  "take tasks of any neuron": [
    "$JS.API.CONSUMER.INFO.$S.task_x_normal",
    "$JS.API.CONSUMER.MSG.NEXT.$S.task_x_normal",
    "$JS.ACK.$S.task_x_normal.1.1.1.1.0",
    "sub myelin.default.live.TASK.x.> worker:x",
  ],
  "take tasks of myelin-records": [
    "$JS.API.CONSUMER.MSG.NEXT.$S.task_myelin-records_normal",
    "$JS.ACK.$S.task_myelin-records_normal.1.1.1.1.0",
    "sub myelin.default.live.TASK.myelin-records.> worker:myelin-records",
  ],
  "answer a task, register": ["AGENT_OUTPUT", "ERROR"]
    .flatMap((type) => [`myelin.default.put.${type}.dnd_x._.00._`, `myelin.default.live.${type}.dnd_x._.00._`])
    .concat("myelin.default.live.STOPPED.dnd_x._.00._")
    .concat("myelin.default.put.REGISTER._._.00._", "myelin.default.live.HEARTBEAT._._.00._"),
  "write a journal, end a run that waits": [
    "myelin.default.put.RUN_EVENT.run_x._.00.run_x",
    "myelin.default.put.STOPPED.dnd_x._.00._",
  ],
  "pause a run, stream thoughts and tools": [
    "myelin.default.put.CLARIFICATION.dnd_x._.00._",
    "myelin.default.put.PERMISSION.dnd_x._.00._",
    "myelin.default.put.ESCALATION.dnd_x._.00._",
    "myelin.default.put.THOUGHT_DELTA._._.00._",
    "myelin.default.live.THOUGHT_DELTA._._.00._",
    "myelin.default.live.TOOL_CALL._._.00._",
  ],
  "make a consumer for the tasks of a neuron": [
    "$JS.API.CONSUMER.CREATE.$S.task_x_normal.myelin.default.put.TASK.x.normal.>",
  ],
  "make a consumer for all of the log, delete one": [
    "$JS.API.CONSUMER.CREATE.$S.read_x.myelin.default.put.>",
    "$JS.API.CONSUMER.DELETE.$S.read_x",
  ],
  "make the streams of the namespace, purge its log": [
    "$JS.API.STREAM.CREATE.$S",
    "$JS.API.STREAM.CREATE.$S_KEYS",
    "$JS.API.STREAM.CREATE.OBJ_$S",
    '$JS.API.STREAM.PURGE.$S {"seq":1}',
  ],
  "delete or change a stream, delete an entry": ["$S", "$S_KEYS", "OBJ_$S"].flatMap((stream) => [
    `$JS.API.STREAM.DELETE.${stream}`,
    `$JS.API.STREAM.UPDATE.${stream}`,
    `$JS.API.STREAM.MSG.DELETE.${stream}`,
  ]),
  "publish on log": ["myelin.default.log.TASK.x.normal.00._", "myelin.default.log.AGENT_OUTPUT.dnd_x._.00._"],
  "subscribe to put": ["sub myelin.default.put.>", "sub myelin.default.put.TASK.x.> worker:x", "sub myelin.>", "sub >"],
  "anything in another namespace": [
    "sub myelin.other.log.>",
    "sub myelin.other.live.>",
    "myelin.other.put.TASK.x.normal.00._",
    "myelin.other.live.TASK.x.normal.00._",
    "myelin.other.key.x",
    "$O.MYELIN_other.C.x",
    "$JS.API.STREAM.INFO.MYELIN_other",
    "$JS.API.STREAM.MSG.GET.MYELIN_other",
    "$JS.API.STREAM.CREATE.MYELIN_other",
    "$JS.API.STREAM.PURGE.MYELIN_other",
    "$JS.API.CONSUMER.CREATE.MYELIN_other.x.myelin.other.put.>",
    "$JS.API.CONSUMER.MSG.NEXT.MYELIN_other.task_x_normal",
    "$JS.ACK.MYELIN_other.task_x_normal.1.1.1.1.0",
  ],
};

describe("docs/security.md", () => {
  const [, ...columns] = ["what", ...ROLES];
  const rows = tableUnder(readRepository("docs/security.md"), "Roles");

  test("lists what is tried here", () => {
    expect(rows.map(([what]) => what)).toEqual(Object.keys(ATTEMPTS));
  });

  test.each(columns)("says what %s may do, and what it may not", async (role) => {
    await using raw = await connectRaw(role);
    const may: Record<string, string> = {};
    for (const [what, attempts] of Object.entries(ATTEMPTS)) {
      const outcomes = new Set<string>();
      for (const attempt of attempts) outcomes.add((await isPermitted(raw.nc, attempt)) ? "yes" : "no");
      // A row is all or nothing, so that no part of it is permitted unseen; but a task is taken only by all of its parts.
      const isSplit = outcomes.size > 1 && what.startsWith("take tasks");
      may[what] = isSplit ? "no" : [...outcomes].join(" and ");
    }
    expect(may).toEqual(Object.fromEntries(rows.map(([what, ...cells]) => [what, cells[columns.indexOf(role)]])));
  });
});

/** The server answers what it refuses before it answers the ping of a flush. */
async function isPermitted(nc: NatsConnection, attempt: string): Promise<boolean> {
  const [, sub, subject = "", rest] = /^(sub )?(\S+)(?: (.*))?$/.exec(attempt.replaceAll("$S", "MYELIN_default"))!;
  if (sub) {
    const subscription = nc.subscribe(subject, { ...(rest !== undefined && { queue: rest }), callback: () => {} });
    await nc.flush();
    const isOpen = !subscription.isClosed();
    subscription.unsubscribe();
    return isOpen;
  }
  let isRefused = false;
  const statuses = nc.status();
  const watching = (async () => {
    for await (const status of statuses) if (status.type === "error") isRefused = true;
  })();
  nc.publish(subject, rest ?? "");
  await nc.flush();
  (statuses as unknown as { stop(): void }).stop();
  await watching;
  return !isRefused;
}

describe("another namespace", () => {
  test("is not there for users of this one, and this one not for theirs; each has its own log", async () => {
    const theirs = await connectAs("recorder", OTHER);
    const there = await theirs.open(OTHER, { provision: true });
    await there.append(
      createSignal({
        type: "ERROR",
        trace_id: newTraceId(),
        directed: worker,
        payload: { code: "X", message: "x", recoverable: false },
        meta: { run_id: newRunId() },
      }),
    );
    expect((await there.info()).lastSeq).toBe(1);
    for (const role of ROLES) {
      await expectRefused(
        (await connectAs(role)).open(OTHER),
        "publish",
        /^\$JS\.API\.STREAM\.(INFO|CREATE)\.MYELIN_other$/,
      );
      const stranger = await connectAs(role, OTHER);
      await expectRefused(stranger.open(NAMESPACE), "publish", /^\$JS\.API\.STREAM\.(INFO|CREATE)\.MYELIN_default$/);
    }
    const mine: Bus = await (await connectAs("observer")).open(NAMESPACE);
    const { createdAt } = await mine.info();
    expect((await there.info()).createdAt).not.toEqual(createdAt);
  });

  test("an account lets nothing through, whatever its users may", async () => {
    const configFile = path.join(directory, "open.conf");
    const openAccount = (name: string) =>
      `${name} { jetstream: enabled, users: [{ user: ${name}, password: "${passwordOf("worker")}" }] }`;
    await writeFile(configFile, `accounts { ${openAccount("here")}, ${openAccount("there")} }`);
    await using server = await startOwnNats({ configFile });
    const connectTo = (user: string) =>
      connectSynapse(server.url, { user, password: passwordOf("worker"), logMaxBytes: 1024 ** 2 });
    await using pair = await both(connectTo("here"), connectTo("there"));
    const [here, there] = pair;
    const [mine, theirs] = [await here.open("shared"), await there.open("shared")];
    const heard: Signal[] = [];
    await using _heard = await theirs.subscribe("log", {}, (signal) => void heard.push(signal));
    await mine.append(sampleTask());
    mine.publish(sampleTask());
    await theirs.append(sampleReply());
    await until(() => heard.length > 0);
    expect(heard.map(({ type }) => type)).toEqual(["AGENT_OUTPUT"]);
    expect((await theirs.info()).lastSeq).toBe(1);
  });
});

describe("bus/nats-server-auth.conf", () => {
  test("is nats-server.conf in all that is not about users", async () => {
    const plain = (text: string) =>
      text
        .replace(/^\s*#.*\n/gm, "")
        .replace(/\s+/g, " ")
        .trim();
    const shipped = plain(readRepository("bus/nats-server.conf"));
    expect(plain(readRepository("bus/nats-server-auth.conf")).startsWith(shipped)).toBe(true);
    expect(await readFile(new URL("../../bus/package.json", import.meta.url), "utf8")).toContain(
      "nats-server-auth.conf",
    );
  });

  test("does not start without its passwords", async () => {
    const configFile = new URL("../../bus/nats-server-auth.conf", import.meta.url).pathname;
    await expect(startOwnNats({ configFile })).rejects.toMatchObject({
      code: "start-failed",
      message: expect.stringContaining("MYELIN_WORKER_PASSWORD"),
    });
  });
});

async function both(...opening: [Promise<Synapse>, Promise<Synapse>]) {
  const [one, two] = await Promise.all(opening);
  return Object.assign([one, two] as [Synapse, Synapse], {
    async [Symbol.asyncDispose]() {
      await Promise.all([one.drain(), two.drain()]);
    },
  });
}

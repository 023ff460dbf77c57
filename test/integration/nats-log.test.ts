/** The stream of a namespace on a real server: what is checked, what is refused, and what only the server may say. */
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, afterAll, describe, expect, test } from "@jest/globals";
import { connectSynapse, encodeSignal, type BusProblem } from "@myelin/bus";
import { subjectOf } from "@myelin/bus/protocol";
import { collect, sampleTask } from "@myelin/bus/testing";
import { startNats } from "@myelin/dev";
import { jetstreamManager, type JetStreamManager } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/nats-core";
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

describe("the stream", () => {
  test("is made as it must be", async () => {
    const namespace = uniqueNamespace();
    await using synapse = await connectSynapse(sharedNatsUrl(), { logMaxBytes: 1024 ** 2 });
    await synapse.open(namespace);
    const { config } = await jsm.streams.info(`MYELIN_${namespace}`);
    expect(config).toMatchObject({
      subjects: [`myelin.${namespace}.put.>`],
      retention: "limits",
      storage: "file",
      discard: "new",
      max_age: 0,
      max_msgs: -1,
      max_msgs_per_subject: -1,
      max_bytes: 1024 ** 2,
      max_consumers: 100_000,
      duplicate_window: 120e9,
      allow_direct: true,
      deny_delete: true,
      num_replicas: 1,
      republish: { src: `myelin.${namespace}.put.>`, dest: `myelin.${namespace}.log.>` },
    });
  });

  test("of another size is taken as it is: the size is its maker's choice", async () => {
    const namespace = uniqueNamespace();
    await using first = await connectSynapse(sharedNatsUrl(), { logMaxBytes: 1024 ** 2 });
    await first.open(namespace);
    await using second = await connectSynapse(sharedNatsUrl(), { logMaxBytes: 1024 ** 2 * 2 });
    await second.open(namespace);
  });

  test.each([
    [{ max_age: 3_600e9 }, "max_age 3600000000000, it must be 0"],
    [{ deny_delete: false }, "deny_delete false, it must be true"],
    [{ discard: "old" }, 'discard "old", it must be "new"'],
    [{ republish: undefined }, "republish undefined, it must be "],
    [{ duplicate_window: 60e9 }, "duplicate_window 60000000000, it must be 120000000000"],
  ])("that is configured otherwise is LOG_CONFIG, with the field: %j", async (change, difference) => {
    const [model, namespace] = [uniqueNamespace(), uniqueNamespace()];
    await using synapse = await connectSynapse(sharedNatsUrl(), { logMaxBytes: 1024 ** 2 });
    await synapse.open(model);
    const { config } = await jsm.streams.info(`MYELIN_${model}`);
    const theirs = JSON.parse(JSON.stringify(config).replaceAll(model, namespace)) as typeof config;
    await jsm.streams.add({ ...theirs, ...change } as typeof config);
    const error = (await synapse.open(namespace).catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code: "LOG_CONFIG" });
    expect(error.message).toContain(`the stream MYELIN_${namespace} has ${difference}`);
    expect(error.message).toContain("change the stream, or use another namespace");
    // Once it is put right, the same Synapse can open it.
    await jsm.streams.delete(`MYELIN_${namespace}`);
    await synapse.open(namespace);
  });

  test.each(["put", "log"])("of somebody else on our %s subjects is LOG_CONFIG, with its name", async (channel) => {
    const namespace = uniqueNamespace();
    const foreign = `FOREIGN_${namespace}`;
    await jsm.streams.add({ name: foreign, subjects: [`myelin.${namespace}.${channel}.*.>`], storage: "memory" });
    await using synapse = await connectSynapse(sharedNatsUrl());
    await expect(synapse.open(namespace)).rejects.toMatchObject({
      code: "LOG_CONFIG",
      message: `the stream ${foreign} captures myelin.${namespace}.${channel}.>, which belongs to namespace ${namespace}: remove that subject from it`,
    });
    await jsm.streams.delete(foreign);
    await synapse.open(namespace);
  });

  test("that is full refuses at once, and says so", async () => {
    const namespace = uniqueNamespace();
    await using synapse = await connectSynapse(sharedNatsUrl(), { logMaxBytes: 1024 ** 2 });
    const bus = await synapse.open(namespace);
    const large = () => sampleTask({ input: { text: "x".repeat(400_000) } });
    await bus.append(large());
    await bus.append(large());
    await expect(bus.append(large())).rejects.toMatchObject({
      name: "LogUnavailableError",
      code: "LOG_UNAVAILABLE",
      message: expect.stringMatching(
        /^the log MYELIN_\S+ is full: maximum bytes exceeded \(10077\); raise its max_bytes/,
      ),
    });
    expect((await bus.info()).lastSeq).toBe(2);
    await bus.append(sampleTask());
  });

  test("is as large as the server allows, unless a size was asked for that it cannot reserve", async () => {
    const directory = await mkdtemp(path.join(tmpdir(), "myelin-nats-log-"));
    const configFile = path.join(directory, "nats.conf");
    await writeFile(configFile, "jetstream { max_file_store: 100MB }\n");
    await using server = await startNats({ configFile });
    await rm(directory, { recursive: true });
    await using any = await connectSynapse(server.url);
    const bus = await any.open("any");
    await bus.append(sampleTask());
    await using asking = await connectSynapse(server.url, { logMaxBytes: 1024 ** 3 });
    await expect(asking.open("asking")).rejects.toMatchObject({
      code: "LOG_CONFIG",
      message:
        "the stream MYELIN_asking cannot be created: the server cannot reserve 1073741824 bytes; lower logMaxBytes, or " +
        "raise its max_file_store",
    });
  });
});

describe("the keys' stream", () => {
  test("is made by the first that is put, as it must be", async () => {
    const namespace = uniqueNamespace();
    await using synapse = await connectSynapse(sharedNatsUrl(), { logMaxBytes: 1024 ** 2, keyMaxAgeMs: 60_000 });
    const bus = await synapse.open(namespace);
    expect(await bus.getKey("a")).toBeNull();
    await expect(jsm.streams.info(`MYELIN_${namespace}_KEYS`)).rejects.toThrow("stream not found");
    await Promise.all(["a", "b"].map((key) => bus.putKey(key, new Uint8Array(), { expectRevision: 0 })));
    const { config } = await jsm.streams.info(`MYELIN_${namespace}_KEYS`);
    expect(config).toMatchObject({
      subjects: [`myelin.${namespace}.key.>`],
      storage: "file",
      discard: "new",
      max_age: 60_000e6,
      max_msgs_per_subject: 1,
      num_replicas: 1,
    });
  });

  test("keeps a key for its time, and then it can be created again", async () => {
    await using synapse = await connectSynapse(sharedNatsUrl(), { logMaxBytes: 1024 ** 2, keyMaxAgeMs: 2_000 });
    const bus = await synapse.open(uniqueNamespace());
    const revision = await bus.putKey("a", new Uint8Array(1), { expectRevision: 0 });
    while ((await bus.getKey("a")) !== null) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await bus.putKey("a", new Uint8Array(1), { expectRevision: 0 })).toBeGreaterThan(revision);
  });

  test("of a namespace that is called like another one's keys is LOG_CONFIG", async () => {
    const namespace = uniqueNamespace();
    await using synapse = await connectSynapse(sharedNatsUrl(), { logMaxBytes: 1024 ** 2 });
    await synapse.open(`${namespace}_KEYS`);
    const bus = await synapse.open(namespace);
    await expect(bus.putKey("a", new Uint8Array(), { expectRevision: 0 })).rejects.toMatchObject({
      code: "LOG_CONFIG",
      message: expect.stringMatching(/has subjects .* use another namespace$/),
    });
  });
});

describe("the log channel", () => {
  test("T2: what a client published there is dropped and reported; what the server republished comes", async () => {
    const namespace = uniqueNamespace();
    await using synapse = await connectSynapse(sharedNatsUrl(), { logMaxBytes: 1024 ** 2 });
    const problems = collect<BusProblem>();
    const bus = await synapse.open(namespace, { onProblem: (problem) => problems.push(problem) });
    const heard = collect<{ id: string; seq: number | null }>();
    await bus.subscribe("log", {}, (signal, { seq }) => heard.push({ id: signal.id, seq }));
    const forged = sampleTask();
    nc.publish(subjectOf(namespace, "log", forged), encodeSignal(forged));
    await nc.flush();
    const real = sampleTask();
    await bus.append(real);
    expect(await heard.first(1)).toEqual([{ id: real.id, seq: 1 }]);
    expect(problems.items).toMatchObject([
      { type: "bad-message", subject: subjectOf(namespace, "log", forged), problem: { code: "WRONG_SHAPE" } },
    ]);
  });

  test("T2: the sequence is the server's, whatever headers the publisher sent", async () => {
    const namespace = uniqueNamespace();
    await using synapse = await connectSynapse(sharedNatsUrl(), { logMaxBytes: 1024 ** 2 });
    const bus = await synapse.open(namespace);
    await bus.append(sampleTask());
    const heard = collect<number | null>();
    await bus.subscribe("log", {}, (_signal, { seq }) => heard.push(seq));
    const task = sampleTask();
    const lies = headers();
    lies.set("Nats-Sequence", "999");
    nc.publish(subjectOf(namespace, "put", task), encodeSignal(task), { headers: lies });
    expect(await heard.first(1)).toEqual([2]);
  });
});

test("a subscription that the server's permissions refuse rejects", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "myelin-nats-log-"));
  const configFile = path.join(directory, "nats.conf");
  await writeFile(
    configFile,
    `authorization { users: [{ user: a, password: b, permissions: { subscribe: { deny: "myelin.*.live.>" } } }] }`,
  );
  await using server = await startNats({ configFile });
  await rm(directory, { recursive: true });
  await using synapse = await connectSynapse(server.url, { user: "a", password: "b" });
  const bus = await synapse.open("test");
  await expect(bus.subscribe("live", {}, () => {})).rejects.toMatchObject({
    code: "NOT_PERMITTED",
    message:
      'live cannot be heard: the server does not permit this user to subscribe to "myelin.test.live.>"; add "myelin.test.live.>" to ' +
      "what its subscribe permissions allow, or connect as a user whose role may",
  });
  await bus.subscribe("log", {}, () => {});
});

test.each([
  [{ dedupId: "two words" }, "dedupId must be 1 to 255 printable ASCII characters"],
  [{ dedupId: "a\r\nNats-Rollup: all" }, "dedupId must be 1 to 255 printable ASCII characters"],
  [{ expectLastSeq: -1 }, "expectLastSeq must be a whole number from 0"],
  [{ timeoutMs: 0 }, "timeoutMs must be > 0, got 0"],
])("an append with %j is INVALID_OPTION", async (options, message) => {
  await using synapse = await connectSynapse(sharedNatsUrl(), { logMaxBytes: 1024 ** 2 });
  const bus = await synapse.open(uniqueNamespace());
  await expect(bus.append(sampleTask(), options)).rejects.toMatchObject({
    code: "INVALID_OPTION",
    message: expect.stringContaining(message),
  });
});

expectNoLeaks();

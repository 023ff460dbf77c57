/** The recorder as a process: it stops with care, ends what nobody answers, and keeps the log short. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createSignal, newRunId, newTraceId, type Bus } from "@myelin/bus";
import { RunStore } from "@myelin/runs";
import { connectSynapse, Dendrite } from "myelin";
import { compilePrograms, type Programs } from "../../scripts/compile-programs.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { startProgram } from "../helpers/program.ts";
import { withDatabase } from "../helpers/with-database.ts";
import { until } from "../helpers/with-fleet.ts";
import { sharedNatsUrl, uniqueNamespace } from "../helpers/with-nats.ts";

let programs: Programs<"recorder/main.ts">;
beforeAll(async () => {
  programs = await compilePrograms("workers/src", ["recorder/main.ts"]);
});
afterAll(async () => {
  await programs[Symbol.asyncDispose]();
});

async function fixture() {
  const database = await withDatabase();
  const namespace = uniqueNamespace("recorder");
  const synapse = await connectSynapse(sharedNatsUrl());
  const bus = await synapse.open(namespace);
  const store = RunStore.fromDatabaseUrl(database.url);
  const start = (env: Record<string, string> = {}) =>
    startProgram(programs.fileOf("recorder/main.ts").pathname, {
      env: { SYNAPSE_URL: sharedNatsUrl(), MYELIN_NAMESPACE: namespace, DATABASE_URL: database.url, ...env },
    });
  return {
    namespace,
    synapse,
    bus,
    store,
    start,
    async [Symbol.asyncDispose]() {
      await store.close();
      await synapse.drain();
      await database[Symbol.asyncDispose]();
    },
  };
}

function appendRun(bus: Bus): Promise<unknown> {
  const common = {
    trace_id: newTraceId(),
    directed: { id: "worker", type: null, capabilities: [] },
    meta: { run_id: newRunId() },
  };
  return Promise.all([
    bus.append(createSignal({ ...common, type: "TASK", payload: { input: {} } })),
    bus.append(createSignal({ ...common, type: "AGENT_OUTPUT", payload: { output: {} } })),
  ]);
}

describe("the recorder's process", () => {
  test("S1: SIGTERM under load: it finishes its batch and exits 0; what it recorded is whole, and the next goes on", async () => {
    await using it = await fixture();
    const first = it.start();
    await first.line(/recorder\.ready/);
    const load = Promise.all(Array.from({ length: 1_500 }, () => appendRun(it.bus)));
    await until(async () => ((await it.store.countRecorded(it.namespace))?.position ?? 0) > 100);
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    const counted = (await it.store.countRecorded(it.namespace))!;
    expect(counted.signals).toBe(counted.position);
    await load;
    const { lastSeq } = await it.bus.info();
    expect(counted.position).toBeLessThan(lastSeq);
    const second = it.start();
    await until(async () => (await it.store.countRecorded(it.namespace))!.position >= lastSeq);
    expect(await second.stop()).toEqual({ code: 0, signal: null });
    const whole = (await it.store.countRecorded(it.namespace))!;
    expect(whole).toMatchObject({ signals: whole.position, missing: 0 });
    expect(await it.store.countRuns({ status: "success" })).toBe(1_500);
    const complaints = [...first.lines, ...second.lines].filter(
      (line) => !line.startsWith("{") || (JSON.parse(line) as { level: number }).level >= 40,
    );
    expect(complaints).toEqual([]);
  });

  test("ends a task that nobody takes, purges the log behind it, and leaves it to be listed as a dead letter", async () => {
    await using it = await fixture();
    const recorder = it.start({ MYELIN_KEEP_LOG_MS: "0" });
    await recorder.line(/recorder\.ready/);
    for (let n = 0; n < 5; n++) await appendRun(it.bus);
    const dendrite = new Dendrite({ synapse: it.synapse, namespace: it.namespace });
    await dendrite.start();
    const { runId } = await dendrite.dispatch({ neuron: "nobody", input: {}, timeoutMs: 1_000, whenAbsent: "wait" });
    await until(async () => (await it.store.getRun(runId))?.status === "error");
    const run = (await it.store.getRun(runId))!;
    expect(run.endedAt!.getTime()).toBeGreaterThan(run.deadline!.getTime());
    const { deadLetters } = await it.store.listDeadLetters();
    expect(deadLetters).toMatchObject([{ kind: "task", code: "DEADLINE_EXCEEDED", runId, neuronId: "nobody" }]);
    await until(async () => (await it.bus.info()).firstSeq > run.firstSeq);
    await dendrite.stop();
    expect(await recorder.stop()).toEqual({ code: 0, signal: null });
    expect(await it.store.countRecorded(it.namespace)).toMatchObject({ missing: 0 });
  });
});
expectNoLeaks();

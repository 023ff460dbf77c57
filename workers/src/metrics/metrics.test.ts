import { connectSynapse, createSignal, newTraceId, type Synapse } from "@myelin/bus";
import { Axon, clarify, Dendrite, NeuronFailure } from "myelin";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { readRepository, tableUnder } from "../../../test/helpers/docs.ts";
import { until } from "../../../test/helpers/with-fleet.ts";
import { NamespaceMetrics } from "./namespace-metrics.ts";
import { dendriteMetrics, httpMetrics } from "./own-work.ts";
import { recorderMetrics } from "./recorder-metrics.ts";
import { boundedLabel, createRegistry, renderer } from "./registry.ts";
import { sweeperMetrics } from "./sweeper-metrics.ts";

let synapse: Synapse;
let opened: Dendrite[];
beforeEach(async () => {
  synapse = await connectSynapse("memory://");
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((dendrite) => dendrite.stop()));
  await synapse.drain();
});

function dendrite(options: Partial<ConstructorParameters<typeof Dendrite>[0]> = {}): Dendrite {
  const made = new Dendrite({ synapse, discoverMs: 20, ...options });
  opened.push(made);
  return made;
}
function worker(options: Parameters<typeof dendrite>[0] = {}): Dendrite {
  const made = dendrite(options);
  made.attachAxon(
    new Axon({
      neuronId: "worker",
      neuron: ({ prompt }) => {
        if (prompt === "fail") throw new NeuronFailure("NOT_TODAY", "no");
        return prompt === "ask" ? clarify("which?") : { response: "yes" };
      },
    }),
  );
  return made;
}
/** `name{labels}` → value, of our own metrics. */
async function valuesOf(registry: Registry): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split("\n").filter((line) => line.startsWith("myelin_"));
  return Object.fromEntries(lines.map((line) => [line.replace(/ \S+$/, ""), Number(line.split(" ").at(-1))]));
}

describe("own work", () => {
  test("is counted where it happens: dispatches in the one process, tasks in the other", async () => {
    const [callers, workers] = [new Registry(), new Registry()];
    const [calling, working] = [dendriteMetrics(callers), dendriteMetrics(workers)];
    const host = worker({ observer: working.observer });
    const caller = dendrite({ observer: calling.observer });
    await host.start();
    working.watch(host);
    calling.watch(caller);
    await caller.dispatchAndWait({ neuron: "worker", input: {} });
    await caller.dispatchAndWait({ neuron: "worker", input: { prompt: "fail" } }).catch(() => {});
    await caller.dispatchAndWait({ neuron: "worker", input: { prompt: "ask" } }).catch(() => {});
    await caller.dispatchAndWait({ neuron: "nobody", input: {} }).catch(() => {});

    expect(await valuesOf(callers)).toMatchObject({
      'myelin_dispatches_total{neuron="worker",delivery="durable"}': 3,
      'myelin_dispatch_seconds_count{neuron="worker",outcome="output"}': 1,
      'myelin_dispatch_seconds_count{neuron="worker",outcome="NOT_TODAY"}': 1,
      'myelin_dispatch_seconds_count{neuron="worker",outcome="paused"}': 1,
      myelin_dispatches_in_flight: 0,
      myelin_pulls_total: 0,
    });
    const atWork = await valuesOf(workers);
    expect(atWork).toMatchObject({
      'myelin_task_seconds_count{neuron="worker",outcome="AGENT_OUTPUT"}': 1,
      'myelin_task_seconds_count{neuron="worker",outcome="ERROR"}': 1,
      'myelin_task_seconds_count{neuron="worker",outcome="CLARIFICATION"}': 1,
      myelin_tasks_in_flight: 0,
    });
    expect(atWork["myelin_pulls_total"]).toBeGreaterThan(0);
    expect(Object.keys(atWork).filter((key) => key.startsWith("myelin_dispatches_total"))).toEqual([]);
  });

  test("time to reply is in seconds", async () => {
    const registry = new Registry();
    const { observer } = dendriteMetrics(registry);
    observer.settled?.({ neuron: "worker", delivery: "durable", outcome: "output", ms: 1_500 });
    expect(await valuesOf(registry)).toMatchObject({
      'myelin_dispatch_seconds_sum{neuron="worker",outcome="output"}': 1.5,
      'myelin_dispatch_seconds_bucket{le="1",neuron="worker",outcome="output"}': 0,
      'myelin_dispatch_seconds_bucket{le="2.5",neuron="worker",outcome="output"}': 1,
    });
  });
});

describe("what the namespace did", () => {
  async function recorderProcess(): Promise<Registry> {
    const registry = new Registry();
    const process = dendrite();
    process.attachHandlers(new NamespaceMetrics(registry));
    await process.start();
    return registry;
  }

  test("is counted once, also with two recorder processes", async () => {
    const registries = [await recorderProcess(), await recorderProcess()];
    await worker().start();
    const caller = dendrite();
    for (let at = 0; at < 10; at++) await caller.dispatchAndWait({ neuron: "worker", input: {} });
    await caller.dispatchAndWait({ neuron: "worker", input: { prompt: "fail" } }).catch(() => {});
    await caller.dispatchAndWait({ neuron: "worker", input: { prompt: "ask" } }).catch(() => {});

    const sum = async (key: string) => {
      const all = await Promise.all(registries.map(valuesOf));
      return all.reduce((total, values) => total + (values[key] ?? 0), 0);
    };
    await until(async () => (await sum('myelin_namespace_pauses_total{neuron="worker",type="CLARIFICATION"}')) === 1);
    expect(await sum('myelin_namespace_outputs_total{neuron="worker"}')).toBe(10);
    expect(await sum('myelin_namespace_errors_total{neuron="worker",code="NOT_TODAY"}')).toBe(1);
  });

  test("the roster is whole in every recorder process, and forgets who leaves", async () => {
    const registries = [await recorderProcess(), await recorderProcess()];
    const [first, second] = [worker(), worker()];
    await Promise.all([first.start(), second.start()]);
    const instances = () =>
      Promise.all(
        registries.map(async (one) => (await valuesOf(one))['myelin_namespace_instances{neuron="worker"}'] ?? 0),
      );
    await until(async () => (await instances()).every((count) => count === 2));
    await first.stop();
    await until(async () => (await instances()).every((count) => count === 1));
    await second.stop();
    await until(async () => (await instances()).every((count) => count === 0));
  });

  test("the roster forgets who says nothing for three of its intervals", async () => {
    const registry = new Registry();
    const metrics = new NamespaceMetrics(registry);
    const beat = createSignal({
      type: "HEARTBEAT",
      trace_id: newTraceId(),
      directed: { id: "dnd_1", type: null, capabilities: [] },
      payload: {
        status: "alive",
        interval_ms: 1,
        neurons: [
          { neuron_id: "n", capabilities: [], concurrency: 1, in_flight: 0, processed: 0, last_processed_at: null },
        ],
      },
    });
    metrics.beat(beat);
    expect(await valuesOf(registry)).toEqual({ 'myelin_namespace_instances{neuron="n"}': 1 });
    await until(async () => Object.keys(await valuesOf(registry)).length === 0);
  });
});

test("the recorder's metrics follow its observer, its lag and its state", async () => {
  const registry = new Registry();
  const { observer, watch } = recorderMetrics(registry);
  let lag = async () => 7;
  watch({ state: "recording", lag: () => lag() });
  observer.batchWritten?.({ signals: 8, deadLetters: 1, deadTasks: 3, missing: 2, entries: 9, lastSeq: 11, ms: 20 });
  observer.retained?.({ purged: 40, droppedWeeks: [] });
  expect(await valuesOf(registry)).toMatchObject({
    myelin_recorder_lag: 7,
    'myelin_recorder_state{state="recording"}': 1,
    'myelin_recorder_state{state="standby"}': 0,
    myelin_recorder_batch_entries_sum: 9,
    myelin_recorder_batch_seconds_sum: 0.02,
    myelin_recorder_signals_total: 8,
    myelin_recorder_dead_letters_total: 1,
    myelin_recorder_dead_tasks_total: 3,
    myelin_recorder_missing_total: 2,
    myelin_recorder_purged_total: 40,
  });
  lag = () => Promise.reject(new Error("the bus is away"));
  expect(await valuesOf(registry)).toMatchObject({ myelin_recorder_lag: NaN });
});

test("the sweeper's metrics say how many runs it ended, and how late", async () => {
  const registry = new Registry();
  const observer = sweeperMetrics(registry);
  observer.runEnded?.({ runId: "run_1", neuronId: "worker", lateMs: 600 });
  observer.runEnded?.({ runId: "run_2", neuronId: null, lateMs: 100 });
  expect(await valuesOf(registry)).toMatchObject({
    'myelin_sweeper_late_seconds_count{neuron="worker"}': 1,
    'myelin_sweeper_late_seconds_sum{neuron="worker"}': 0.6,
    'myelin_sweeper_late_seconds_count{neuron="unknown"}': 1,
  });
});

test("a label takes no more values than its bound", () => {
  const label = boundedLabel(2);
  expect(["a", "b", "c", "a", "d"].map(label)).toEqual(["a", "b", "other", "a", "other"]);
});

describe("docs/metrics.md", () => {
  const documented = (heading: string) =>
    tableUnder(readRepository("docs/metrics.md"), heading).map(([name, type, labels = ""]) => ({
      name,
      type,
      labels: labels.split(" ").filter(Boolean).sort(),
    }));
  const registered = (registry: Registry) =>
    registry.getMetricsAsArray().map((metric) => {
      const { name, labelNames } = metric as unknown as { name: string; labelNames: string[] };
      const type = metric.constructor.name.toLowerCase();
      return { name, type, labels: [...labelNames].sort() };
    });
  const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) =>
    String(a.name).localeCompare(String(b.name));

  test.each<[string, (registry: Registry) => void]>([
    ["Own work, in every process", (registry) => dendriteMetrics(registry).watch(dendrite())],
    ["Own work, in the gateway", (registry) => void httpMetrics(registry)],
    [
      "Own work, in the recorder",
      (registry) => {
        recorderMetrics(registry).watch({ state: "opening", lag: async () => 0 });
        sweeperMetrics(registry);
      },
    ],
    ["What the namespace did, in the recorder", (registry) => void new NamespaceMetrics(registry)],
  ])("has every metric under its heading: %s", (heading, register) => {
    const registry = new Registry();
    register(registry);
    expect(documented(heading).sort(byName)).toEqual(registered(registry).sort(byName));
  });
});

test("a process' registry has node's own metrics too, as Prometheus text", async () => {
  const { contentType, body } = await renderer(createRegistry())();
  expect(contentType).toMatch(/^text\/plain/);
  expect(body).toContain("process_cpu_seconds_total");
});

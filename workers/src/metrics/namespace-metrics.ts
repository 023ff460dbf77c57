/**
 * Namespace metrics: what the whole namespace did, heard from its Signals by handlers, in the recorder process only.
 *
 * Counters hear with a group, so that of several recorder processes one counts each Signal, and their sum is right. The
 * roster hears without: it is a state, every process has all of it, and a group would give each a part.
 */
import {
  onAgentOutput,
  onClarification,
  onDeregisterSignal,
  onErrorSignal,
  onEscalation,
  onHeartbeatSignal,
  onPermission,
  onStopped,
  type SignalOf,
} from "myelin";
import { Counter, Gauge, type Registry } from "prom-client";
import { boundedLabel } from "./registry.ts";

const GROUP = { group: "metrics" };

/** What an instance is assumed to beat at when it does not say. As in a Dendrite. */
const HEARTBEAT_MS = 10_000;

/** Hand it to `dendrite.attachHandlers`. */
export class NamespaceMetrics {
  readonly #outputs: Counter<"neuron">;
  readonly #errors: Counter<"neuron" | "code">;
  readonly #pauses: Counter<"neuron" | "type">;
  readonly #stopped: Counter<"neuron">;
  readonly #neuron = boundedLabel();
  readonly #code = boundedLabel();
  /** Who is there, by instance: its neurons, and when it counts as gone (ms of the epoch). */
  readonly #instances = new Map<string, { neurons: string[]; until: number }>();

  constructor(registry: Registry) {
    const registers = [registry];
    this.#outputs = new Counter({
      name: "myelin_namespace_outputs_total",
      help: "Answers given in the namespace.",
      labelNames: ["neuron"],
      registers,
    });
    this.#errors = new Counter({
      name: "myelin_namespace_errors_total",
      help: "Tasks that failed in the namespace.",
      labelNames: ["neuron", "code"],
      registers,
    });
    this.#pauses = new Counter({
      name: "myelin_namespace_pauses_total",
      help: "Runs that paused with a question to a person.",
      labelNames: ["neuron", "type"],
      registers,
    });
    this.#stopped = new Counter({
      name: "myelin_namespace_stopped_total",
      help: "Runs that were stopped.",
      labelNames: ["neuron"],
      registers,
    });
    const instances = () => this.#present();
    const label = this.#neuron;
    new Gauge({
      name: "myelin_namespace_instances",
      help: "Live processes that host a neuron, from their heartbeats.",
      labelNames: ["neuron"],
      registers,
      collect() {
        this.reset();
        for (const neuron of instances()) this.inc({ neuron: label(neuron) });
      },
    });
  }

  @onAgentOutput(GROUP) answered(signal: SignalOf<"AGENT_OUTPUT">): void {
    this.#outputs.inc({ neuron: this.#neuron(signal.directed.id) });
  }
  @onErrorSignal(GROUP) failed(signal: SignalOf<"ERROR">): void {
    this.#errors.inc({ neuron: this.#neuron(signal.directed.id), code: this.#code(signal.payload.code) });
  }
  @onStopped(GROUP) stopped(signal: SignalOf<"STOPPED">): void {
    this.#stopped.inc({ neuron: this.#neuron(signal.directed.id) });
  }
  @onClarification(GROUP)
  @onPermission(GROUP)
  @onEscalation(GROUP)
  paused(signal: SignalOf<"CLARIFICATION" | "PERMISSION" | "ESCALATION">): void {
    this.#pauses.inc({ neuron: this.#neuron(signal.directed.id), type: signal.type });
  }

  @onHeartbeatSignal() beat(signal: SignalOf<"HEARTBEAT">): void {
    const { neurons = [], interval_ms } = signal.payload;
    const ttlMs = 3 * (typeof interval_ms === "number" && interval_ms > 0 ? interval_ms : HEARTBEAT_MS);
    const names = neurons.map((one) => one.neuron_id);
    this.#instances.set(instanceOf(signal), { neurons: names, until: Date.now() + ttlMs });
  }
  @onDeregisterSignal() left(signal: SignalOf<"DEREGISTER">): void {
    const instance = this.#instances.get(instanceOf(signal));
    if (!instance) return;
    instance.neurons = instance.neurons.filter((neuron) => neuron !== signal.directed.id);
  }

  /** A neuron's name for every live process that hosts it. */
  #present(): string[] {
    const now = Date.now();
    for (const [id, { until }] of this.#instances) if (until < now) this.#instances.delete(id);
    return [...this.#instances.values()].flatMap(({ neurons }) => neurons);
  }
}

const instanceOf = (signal: SignalOf<"HEARTBEAT" | "DEREGISTER">): string => signal.meta.instance ?? signal.directed.id;

/**
 * RosterWatch: keeps a roster while this process dispatches. It starts to listen at the first question, because a
 * process that only works has no use for the heartbeats of the others.
 */
import { createSignal, newTraceId, type Bus, type Signal, type SignalOf, type Subscription } from "@myelin/bus";
import type { AgentCard } from "@myelin/bus/run-events";
import { Roster, type RosterEntry } from "./roster.ts";

export interface RosterWatchOptions {
  readonly bus: Bus;
  readonly instance: string;
  readonly heartbeatMs: number;
  /** How long a DISCOVER waits for an answer. */
  readonly discoverMs: number;
}

/** A neuron by its id, or any that has all capabilities. */
interface Wanted {
  readonly neuron?: string;
  readonly capabilities?: readonly string[];
  readonly waitMs?: number | undefined;
}

export class RosterWatch {
  readonly #options: RosterWatchOptions;
  readonly #roster: Roster;
  #subscriptions: Promise<Subscription[]> | undefined;
  /** Of the last question, if it was refused. */
  #refusal: Error | undefined;
  /** Questions under way, so that a thousand dispatches to one neuron ask once. */
  readonly #asking = new Map<string, Promise<string | null>>();

  constructor(options: RosterWatchOptions) {
    this.#options = options;
    this.#roster = new Roster(options.heartbeatMs);
  }

  /** Whether a live worker hosts the neuron, as far as is known here. */
  knows(neuronId: string): boolean {
    return this.#roster.has(neuronId);
  }

  /** A neuron with all capabilities, as far as is known here. */
  choose(capabilities: readonly string[]): string | null {
    return this.#roster.choose(capabilities);
  }

  /** Ask who is there and wait for the first that fits, `waitMs` at most (default `discoverMs`). Null when nobody does. */
  discover(wanted: Wanted): Promise<string | null> {
    const key = JSON.stringify(wanted);
    let asking = this.#asking.get(key);
    if (!asking) {
      asking = this.#discover(wanted).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
    }
    return asking;
  }

  /** The card of an agent; asked for when it is not known. Null when the neuron is no agent, or nobody hosts it. */
  async cardOf(neuron: string): Promise<AgentCard | null> {
    const known = this.#roster.cardOf(neuron);
    if (known) return known;
    await this.#listen();
    this.#ask({ neuron });
    await this.#roster.waitUntil(() => this.#roster.cardOf(neuron) !== null, this.#options.discoverMs);
    return this.#roster.cardOf(neuron);
  }

  /** Ask everybody, listen for `discoverMs`, and list who is there. */
  async list(): Promise<RosterEntry[]> {
    await this.#listen();
    this.#ask({});
    await this.#roster.waitUntil(() => false, this.#options.discoverMs);
    return this.#roster.list();
  }

  /** The bus is back: nobody could be heard, so nobody is counted gone for it. */
  reconnected(): void {
    this.#roster.forgiveSilence();
    if (this.#subscriptions) this.#ask({});
  }

  /** We may not ask: whoever waits for an answer hears why there is none. */
  refused(error: Error): void {
    this.#refusal = error;
    this.#roster.interruptWaits();
  }

  async drain(): Promise<void> {
    this.#roster.endWaits();
    const subscriptions = (await this.#subscriptions) ?? [];
    await Promise.all(subscriptions.map((one) => one.drain()));
  }

  async #discover({ neuron, capabilities = [], waitMs = this.#options.discoverMs }: Wanted): Promise<string | null> {
    await this.#listen();
    const find = () => (neuron === undefined ? this.choose(capabilities) : this.knows(neuron) ? neuron : null);
    if (find() === null) {
      this.#ask({ ...(neuron !== undefined && { neuron }), capabilities: [...capabilities] });
      await this.#roster.waitUntil(() => find() !== null, waitMs);
    }
    const found = find();
    if (found === null && this.#refusal) throw this.#refusal;
    return found;
  }

  #listen(): Promise<Subscription[]> {
    const { bus } = this.#options;
    const hear = (signal: Signal) => {
      if (signal.type === "HEARTBEAT" || signal.type === "REGISTER" || signal.type === "DEREGISTER") {
        this.#roster.receive(signal);
      }
    };
    return (this.#subscriptions ??= Promise.all([
      bus.subscribe("live", { type: "HEARTBEAT" }, hear),
      bus.subscribe("log", { type: "REGISTER" }, hear),
      bus.subscribe("log", { type: "DEREGISTER" }, hear),
    ]));
  }

  #ask(payload: SignalOf<"DISCOVER">["payload"]): void {
    const { bus, instance } = this.#options;
    this.#refusal = undefined;
    bus.publish(createSignal({ type: "DISCOVER", trace_id: newTraceId(), payload, meta: { instance } }));
  }
}

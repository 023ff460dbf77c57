/**
 * Roster: who is there. A fold over HEARTBEAT, REGISTER and DEREGISTER, per instance: three replicas of a neuron are three
 * entries, and the neuron is gone when the last of them is.
 *
 * An instance that says nothing for three of its heartbeat intervals is gone. After an outage of the bus everybody gets
 * a fresh term first, because silence then says nothing about workers.
 */
import type { SignalOf } from "@myelin/bus";
import { agentCard, type AgentCard } from "@myelin/bus/run-events";

/** One Axon in one process. */
export interface RosterEntry {
  readonly neuronId: string;
  /** The process: what its `new Dendrite` made. */
  readonly instance: string;
  readonly label: string;
  readonly capabilities: readonly string[];
  readonly version: string | null;
  readonly concurrency: number;
  readonly inFlight: number;
  /** Tasks it ended since it started. */
  readonly processed: number;
  readonly lastProcessedAt: Date | null;
  readonly lastSeenAt: Date;
  /** Of an agent, once it was told; null for any other neuron. */
  readonly card: AgentCard | null;
}

interface Instance {
  label: string;
  lastSeenAt: number;
  ttlMs: number;
  neurons: Map<string, RosterEntry>;
}

export class Roster {
  readonly #instances = new Map<string, Instance>();
  readonly #instancesOf = new Map<string, Set<string>>();
  readonly #neuronsWith = new Map<string, Set<string>>();
  readonly #listeners = new Set<() => void>();
  readonly #ends = new Set<() => void>();
  #isEnded = false;
  readonly #ttlMs: number;

  /** `heartbeatMs` is what is assumed of an instance that does not say its own interval. */
  constructor(heartbeatMs: number) {
    this.#ttlMs = heartbeatMs * 3;
  }

  receive(signal: SignalOf<"HEARTBEAT" | "REGISTER" | "DEREGISTER">): void {
    switch (signal.type) {
      case "HEARTBEAT":
        this.#heartbeat(signal);
        break;
      case "REGISTER":
        this.#register(signal);
        break;
      case "DEREGISTER":
        this.#leave(signal.meta.instance ?? signal.directed.id, signal.directed.id);
        break;
    }
    for (const listener of this.#listeners) listener();
  }

  /** Whether any live instance hosts the neuron. */
  has(neuronId: string): boolean {
    for (const instance of this.#instancesOf.get(neuronId) ?? []) if (this.#alive(instance)) return true;
    return false;
  }

  /** The card of a neuron as the instance that was heard last told it; null for what is no agent, as far as is known. */
  cardOf(neuronId: string): AgentCard | null {
    let last: RosterEntry | undefined;
    for (const id of this.#instancesOf.get(neuronId) ?? []) {
      const entry = this.#alive(id) ? this.#instances.get(id)?.neurons.get(neuronId) : undefined;
      if (entry?.card && (!last || entry.lastSeenAt > last.lastSeenAt)) last = entry;
    }
    return last?.card ?? null;
  }

  /** A neuron that has all capabilities: the less loaded of two random ones. Null when there is none. */
  choose(capabilities: readonly string[]): string | null {
    const candidates = this.#with(capabilities).filter((neuronId) => this.has(neuronId));
    if (candidates.length <= 1) return candidates[0] ?? null;
    const first = candidates[Math.floor(Math.random() * candidates.length)]!;
    const second = candidates[Math.floor(Math.random() * candidates.length)]!;
    return this.#load(first) <= this.#load(second) ? first : second;
  }

  /** Every live entry. */
  list(): RosterEntry[] {
    const entries: RosterEntry[] = [];
    for (const id of [...this.#instances.keys()]) {
      if (this.#alive(id)) entries.push(...this.#instances.get(id)!.neurons.values());
    }
    return entries;
  }

  /** Resolves true as soon as `isSo()` holds; false after `timeoutMs`, or when the waits are ended. */
  waitUntil(isSo: () => boolean, timeoutMs: number): Promise<boolean> {
    if (this.#isEnded) return Promise.resolve(isSo());
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#listeners.delete(check);
        this.#ends.delete(end);
        resolve(isSo());
      };
      const check = () => {
        if (isSo()) end();
      };
      // In a busy process the timer comes before what the socket already holds: the next turn has read it.
      const timer = setTimeout(() => setImmediate(end), timeoutMs);
      this.#listeners.add(check);
      this.#ends.add(end);
      check();
    });
  }

  /** End every wait, now and later: nobody will be heard any more. */
  endWaits(): void {
    this.#isEnded = true;
    this.interruptWaits();
  }

  /** End the waits of this moment. */
  interruptWaits(): void {
    for (const end of [...this.#ends]) end();
  }

  /** Give everybody a fresh term: the bus was away, so nobody could be heard. */
  forgiveSilence(): void {
    for (const instance of this.#instances.values()) instance.lastSeenAt = Date.now();
  }

  #heartbeat(signal: SignalOf<"HEARTBEAT">): void {
    const id = signal.meta.instance ?? signal.directed.id;
    const instance = this.#seen(id, signal.payload.label);
    const { interval_ms, neurons } = signal.payload;
    if (typeof interval_ms === "number" && interval_ms > 0) instance.ttlMs = interval_ms * 3;
    if (!neurons) return;
    const now = new Date(instance.lastSeenAt);
    const named = new Set(neurons.map((one) => one.neuron_id));
    for (const gone of [...instance.neurons.keys()]) if (!named.has(gone)) this.#leave(id, gone);
    for (const one of neurons) {
      this.#host(id, {
        neuronId: one.neuron_id,
        instance: id,
        label: instance.label,
        capabilities: one.capabilities,
        version: one.version ?? null,
        concurrency: one.concurrency,
        inFlight: one.in_flight,
        processed: one.processed,
        lastProcessedAt: one.last_processed_at === null ? null : new Date(one.last_processed_at),
        lastSeenAt: now,
        card: parseCard(one.card) ?? instance.neurons.get(one.neuron_id)?.card ?? null,
      });
    }
  }

  #register(signal: SignalOf<"REGISTER">): void {
    if (signal.payload.role !== "neuron") return;
    const id = signal.meta.instance ?? signal.directed.id;
    const instance = this.#seen(id, undefined);
    this.#host(id, {
      neuronId: signal.directed.id,
      instance: id,
      label: instance.label,
      capabilities: signal.payload.capabilities,
      version: signal.payload.version ?? null,
      concurrency: signal.payload.concurrency ?? 1,
      inFlight: 0,
      processed: 0,
      lastProcessedAt: null,
      lastSeenAt: new Date(instance.lastSeenAt),
      card: parseCard(signal.payload.card),
    });
  }

  #seen(id: string, label: string | undefined): Instance {
    let instance = this.#instances.get(id);
    if (!instance) {
      instance = { label: label ?? id, lastSeenAt: 0, ttlMs: this.#ttlMs, neurons: new Map() };
      this.#instances.set(id, instance);
    }
    if (label !== undefined) instance.label = label;
    instance.lastSeenAt = Date.now();
    return instance;
  }

  #host(instance: string, entry: RosterEntry): void {
    this.#instances.get(instance)!.neurons.set(entry.neuronId, entry);
    addTo(this.#instancesOf, entry.neuronId, instance);
    for (const capability of entry.capabilities) addTo(this.#neuronsWith, capability, entry.neuronId);
  }

  #leave(instanceId: string, neuronId: string): void {
    const instance = this.#instances.get(instanceId);
    const entry = instance?.neurons.get(neuronId);
    if (!instance || !entry) return;
    instance.neurons.delete(neuronId);
    if (instance.neurons.size === 0) this.#instances.delete(instanceId);
    removeFrom(this.#instancesOf, neuronId, instanceId);
    if (this.#instancesOf.has(neuronId)) return;
    for (const capability of entry.capabilities) removeFrom(this.#neuronsWith, capability, neuronId);
  }

  #alive(id: string): boolean {
    const instance = this.#instances.get(id);
    if (!instance) return false;
    if (Date.now() - instance.lastSeenAt <= instance.ttlMs) return true;
    for (const neuronId of [...instance.neurons.keys()]) this.#leave(id, neuronId);
    this.#instances.delete(id);
    return false;
  }

  /** Neurons with all capabilities: those of the rarest one that have the others too. */
  #with(capabilities: readonly string[]): string[] {
    const sets = capabilities.map((one) => this.#neuronsWith.get(one) ?? new Set<string>());
    sets.sort((a, b) => a.size - b.size);
    const [rarest = new Set<string>(), ...others] = sets;
    return [...rarest].filter((neuronId) => others.every((set) => set.has(neuronId)));
  }

  /** Tasks per slot, over all instances of the neuron. */
  #load(neuronId: string): number {
    let inFlight = 0;
    let slots = 0;
    for (const id of this.#instancesOf.get(neuronId) ?? []) {
      const entry = this.#instances.get(id)?.neurons.get(neuronId);
      inFlight += entry?.inFlight ?? 0;
      slots += entry?.concurrency ?? 0;
    }
    return slots === 0 ? Infinity : inFlight / slots;
  }
}

/** What is no card is none: a peer may put anything there. */
function parseCard(card: unknown): AgentCard | null {
  // Nearly always: only an agent that was asked tells it.
  if (card === undefined) return null;
  const parsed = agentCard.safeParse(card);
  return parsed.success ? parsed.data : null;
}

function addTo(index: Map<string, Set<string>>, key: string, value: string): void {
  const set = index.get(key);
  if (set) set.add(value);
  else index.set(key, new Set([value]));
}

function removeFrom(index: Map<string, Set<string>>, key: string, value: string): void {
  const set = index.get(key);
  set?.delete(value);
  if (set?.size === 0) index.delete(key);
}

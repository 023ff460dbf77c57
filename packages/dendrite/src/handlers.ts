/**
 * Handlers: what a program runs when a Signal passes. One subscription serves all handlers of a type and group; they
 * run concurrently, so a handler may dispatch and wait (D2), and one that throws is reported and ends nothing (S2).
 *
 * A handler runs in every process that registers it; `group` makes it run in one member of the group: of those that ask for
 * the same.
 */
import { createHash } from "node:crypto";
import {
  bucketOf,
  parseTraceId,
  SIGNAL_TYPES,
  type Bus,
  type Signal,
  type SignalOf,
  type SignalType,
  type SubjectFilter,
  type Subscription,
} from "@myelin/bus";
import { DendriteError } from "./errors.ts";

/** Which Signals a handler gets; what is left out matches all. */
export interface HandlerFilter {
  /** The neuron that made it, or that a TASK is for. */
  readonly neuron?: string | undefined;
  /** A capability of that neuron. */
  readonly capability?: string | undefined;
  readonly traceId?: string | undefined;
  /** Of one tenant: whoever knows a trace's id may join it. */
  readonly tenantId?: string | undefined;
  /** Run in one process of those that register with this group, and with the same filter. */
  readonly group?: string | undefined;
}

export type Handler<T extends SignalType> = (signal: SignalOf<T>) => unknown;

/** Dispose to stop hearing. `ready` resolves when the bus has the subscription; asking for it starts the Dendrite. */
export interface HandlerRegistration extends Disposable {
  readonly ready: Promise<void>;
}

/** `dendrite.on…(handler)` or `dendrite.on…(filter, handler)`. */
export interface HandlerMethod<T extends SignalType> {
  (handler: Handler<T>): HandlerRegistration;
  (filter: HandlerFilter, handler: Handler<T>): HandlerRegistration;
}

interface Registered {
  readonly filter: HandlerFilter;
  readonly handler: (signal: Signal) => unknown;
}
interface Source {
  readonly handlers: Set<Registered>;
  readonly subscription: Promise<Subscription>;
}

export class Handlers {
  readonly #bus: Promise<Bus>;
  readonly #start: () => Promise<void>;
  readonly #onError: (error: unknown) => void;
  readonly #sources = new Map<string, Source>();

  /** `bus` comes with the start: handlers that are registered before it are subscribed by it. */
  constructor(bus: Promise<Bus>, start: () => Promise<void>, onError: (error: unknown) => void) {
    this.#bus = bus;
    this.#start = start;
    this.#onError = onError;
  }

  /** Register for one type, or for every type of a trace when `type` is null. */
  add(type: SignalType | null, filter: HandlerFilter, handler: (signal: Signal) => unknown): HandlerRegistration {
    if (typeof handler !== "function") {
      throw new DendriteError("INVALID_OPTION", `a handler must be a function, got ${typeof handler}`);
    }
    checkAsked(type, filter);
    const queue = queueOf(type, filter);
    const bucket = filter.traceId === undefined ? undefined : bucketOf(parseTraceId(filter.traceId));
    const registered: Registered = { filter: { ...filter }, handler };
    const sources = channelsOf(type).map((channel) => {
      const key = [channel, type, bucket, queue].join(" ");
      let source = this.#sources.get(key);
      if (!source) this.#sources.set(key, (source = this.#open(channel, { type: type ?? undefined, bucket }, queue)));
      source.handlers.add(registered);
      return { key, source };
    });
    const subscribed = Promise.all(sources.map(({ source }) => source.subscription)).then(() => {});
    // Whoever awaits `ready` gets the failure; who does not must not be ended by it.
    subscribed.catch(this.#onError);
    const start = this.#start;
    return {
      get ready() {
        return start().then(() => subscribed);
      },
      [Symbol.dispose]: () => {
        for (const { key, source } of sources) {
          source.handlers.delete(registered);
          if (source.handlers.size > 0 || this.#sources.get(key) !== source) continue;
          this.#sources.delete(key);
          source.subscription.then((subscription) => subscription.drain()).catch(this.#onError);
        }
      },
    };
  }

  /** Resolves when the bus has every subscription registered so far. */
  async ready(): Promise<void> {
    await Promise.all([...this.#sources.values()].map((source) => source.subscription));
  }

  /** Hear no more, then wait for the handlers that run (S1). */
  async drain(): Promise<void> {
    const sources = [...this.#sources.values()];
    this.#sources.clear();
    await Promise.all(sources.map(async (source) => (await source.subscription).drain()));
  }

  #open(channel: "log" | "live", filter: SubjectFilter, queue: string | undefined): Source {
    const handlers = new Set<Registered>();
    const subscription = this.#bus.then((bus) =>
      bus.subscribe(channel, filter, (signal) => this.#run(handlers, signal, channel), { queue }),
    );
    return { handlers, subscription };
  }

  async #run(handlers: ReadonlySet<Registered>, signal: Signal, channel: "log" | "live"): Promise<void> {
    if (!channelsOf(signal.type).includes(channel)) return;
    const matching = [...handlers].filter(({ filter }) => matches(filter, signal));
    await Promise.all(
      matching.map(async ({ handler }) => {
        try {
          await handler(signal);
        } catch (error) {
          this.#onError(error);
        }
      }),
    );
  }
}

const FILTERS: { readonly [K in keyof Required<HandlerFilter>]: true } = {
  ...{ neuron: true, capability: true, traceId: true, tenantId: true, group: true },
};

/** A type that is none would never be heard, and a misspelt filter would match everything. */
function checkAsked(type: SignalType | null, filter: HandlerFilter): void {
  const wrong = (message: string) => new DendriteError("INVALID_OPTION", message);
  if (type !== null && !SIGNAL_TYPES.includes(type)) throw wrong(`there is no Signal type ${JSON.stringify(type)}`);
  const unknown = Object.keys(filter).find((name) => !Object.hasOwn(FILTERS, name));
  if (unknown === undefined) return;
  throw wrong(`a handler has no filter ${JSON.stringify(unknown)}; there are ${Object.keys(FILTERS).join(", ")}`);
}

/**
 * The queue that the members of a group share. `handlers.` tells it from those in which workers share tasks: permissions know
 * them apart. A queue gives a Signal to one of all who are in it, whatever the subjects they asked for: so only those who want
 * the same are in one, else it could go to a member that does not want it.
 */
function queueOf(type: SignalType | null, { group, ...wanted }: HandlerFilter): string | undefined {
  if (!group) return undefined;
  const { neuron, capability, traceId, tenantId } = wanted;
  const filter = [neuron, capability, traceId, tenantId];
  if (type !== null && filter.every((one) => one === undefined)) return `handlers.${group}`;
  const digest = createHash("sha256").update(JSON.stringify([type === null, ...filter.map((one) => one ?? null)]));
  return `handlers.${group}.${digest.digest("hex").slice(0, 16)}`;
}

/**
 * Where a handler hears a type. A STOP travels twice and is heard where it is stored; the pieces of a thought are heard
 * live, and their stored, joined copy is for the record.
 */
function channelsOf(type: SignalType | null): readonly ("log" | "live")[] {
  if (type === "STOP") return ["log"];
  if (type === "THOUGHT_DELTA") return ["live"];
  return ["log", "live"];
}

/** Does a Signal pass a handler's filter? */
export function matches(filter: HandlerFilter, signal: Signal): boolean {
  const { neuron, capability, traceId, tenantId } = filter;
  if (traceId !== undefined && signal.trace_id !== traceId) return false;
  if (tenantId !== undefined && signal.meta.tenant_id !== tenantId) return false;
  if (neuron !== undefined && !neuronsOf(signal).includes(neuron)) return false;
  return capability === undefined || capabilitiesOf(signal).includes(capability);
}

function neuronsOf(signal: Signal): readonly (string | null)[] {
  if (signal.type === "HEARTBEAT") return signal.payload.neurons?.map((one) => one.neuron_id) ?? [];
  return [signal.directed?.id ?? null];
}

function capabilitiesOf(signal: Signal): readonly string[] {
  const asked = signal.type === "TASK" ? (signal.payload.capabilities ?? []) : [];
  return [...(signal.directed?.capabilities ?? []), ...asked];
}

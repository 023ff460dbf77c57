/**
 * Announcer: tells the namespace which Axons this process hosts. REGISTER and DEREGISTER go in the log (rare); one
 * HEARTBEAT per process and interval goes out live and carries everything, as does the answer to a DISCOVER.
 */
import { createSignal, newTraceId, type Bus, type Logger, type Meta, type SignalOf } from "@myelin/bus";
import type { AxonHost } from "./axon/axon-host.ts";

export interface AnnouncerOptions {
  readonly bus: Bus;
  readonly instance: string;
  readonly label: string;
  readonly heartbeatMs: number;
  readonly hosts: readonly AxonHost[];
  readonly logger: Logger;
}

/** Spreads the heartbeats of processes that were started together. */
const JITTER = 0.2;
/** How long a process that ends tries to say so: with the bus away, others learn it from its silence. */
const GOODBYE_MS = 1_000;

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #startedAt = new Date().toISOString();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { bus, hosts } = this.#options;
    await Promise.all(hosts.map(({ axon }) => bus.append(this.#register(axon))));
    this.beat();
    this.#schedule();
  }

  async stop(reason: string): Promise<void> {
    clearTimeout(this.#timer);
    const { bus, hosts, logger } = this.#options;
    const gone = hosts.map(({ axon }) =>
      createSignal({
        type: "DEREGISTER",
        trace_id: newTraceId(),
        directed: directedOf(axon),
        payload: { reason },
        meta: this.#meta(),
      }),
    );
    const settled = await Promise.allSettled(gone.map((signal) => bus.append(signal, { timeoutMs: GOODBYE_MS })));
    for (const one of settled)
      if (one.status === "rejected") logger.warn({ err: one.reason as unknown }, "deregister.failed");
  }

  /** Say now that this process is alive; with the cards of its agents when somebody asked. */
  beat({ withCards = false } = {}): void {
    try {
      this.#options.bus.publish(this.#heartbeat(withCards));
    } catch (error) {
      this.#options.logger.warn({ err: error }, "heartbeat.failed");
    }
  }

  /** Answer a DISCOVER if any Axon matches it. */
  answer(discover: SignalOf<"DISCOVER">): void {
    const { neuron, capabilities = [] } = discover.payload;
    const isAsked = this.#options.hosts.some(
      ({ axon }) =>
        (neuron === undefined || axon.neuronId === neuron) &&
        capabilities.every((one) => axon.capabilities.includes(one)),
    );
    if (isAsked) this.beat({ withCards: true });
  }

  #schedule(): void {
    const { heartbeatMs } = this.#options;
    const nextMs = heartbeatMs * (1 + JITTER * (Math.random() * 2 - 1));
    this.#timer = setTimeout(() => {
      this.beat();
      this.#schedule();
    }, nextMs).unref();
  }

  #register(axon: AxonHost["axon"]): SignalOf<"REGISTER"> {
    const { version, concurrency, card } = axon;
    const directed = directedOf(axon);
    return createSignal({
      type: "REGISTER",
      trace_id: newTraceId(),
      directed,
      payload: {
        role: "neuron",
        capabilities: directed.capabilities,
        concurrency,
        ...(version !== null && { version }),
        ...(card !== null && { card }),
      },
      meta: this.#meta(),
    });
  }

  #heartbeat(withCards: boolean): SignalOf<"HEARTBEAT"> {
    const { instance, label, hosts, heartbeatMs } = this.#options;
    const capabilities = [...new Set(hosts.flatMap(({ axon }) => axon.capabilities))];
    return createSignal({
      type: "HEARTBEAT",
      trace_id: newTraceId(),
      directed: { id: instance, type: "dendrite", capabilities },
      payload: {
        status: "ok",
        label,
        started_at: this.#startedAt,
        interval_ms: heartbeatMs,
        neurons: hosts.map(({ axon, inFlight, processed, lastProcessedAt }) => ({
          neuron_id: axon.neuronId,
          capabilities: [...axon.capabilities],
          ...(axon.version !== null && { version: axon.version }),
          concurrency: axon.concurrency,
          in_flight: inFlight,
          processed,
          last_processed_at: lastProcessedAt?.toISOString() ?? null,
          ...(withCards && axon.card !== null && { card: axon.card }),
        })),
      },
      meta: this.#meta(),
    });
  }

  #meta(): Meta {
    return { instance: this.#options.instance };
  }
}

const directedOf = (axon: AxonHost["axon"]) => ({
  id: axon.neuronId,
  type: null,
  capabilities: [...axon.capabilities],
});

/**
 * HeartbeatWriter: keeps `workers` up to date from live HEARTBEATs. They are not in the log and may be missed; the newest of
 * each process is written once a second.
 */
import type { Bus, Logger, SignalOf, Subscription } from "@myelin/bus";
import type { Database } from "../database.ts";
import { toStorable } from "./storable.ts";

const FLUSH_MS = 1_000;
/** Recorders share the heartbeats, so each is written once. */
const QUEUE = "recorder";

interface WorkerBeat {
  instance_id: string;
  neuron_id: string;
  label: string | null;
  status: string;
  capabilities: string[];
  version: string | null;
  concurrency: number | null;
  in_flight: number;
  processed: number;
  last_processed_at: string | null;
  seen_at: string;
}

export class HeartbeatWriter {
  readonly #bus: Pick<Bus, "namespace" | "subscribe">;
  readonly #db: Database;
  readonly #logger: Logger;
  readonly #newest = new Map<string, { signal: SignalOf<"HEARTBEAT">; seenAt: Date }>();
  #subscription: Subscription | null = null;
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> = Promise.resolve();

  constructor(bus: Pick<Bus, "namespace" | "subscribe">, db: Database, logger: Logger) {
    this.#bus = bus;
    this.#db = db;
    this.#logger = logger;
  }

  async start(): Promise<void> {
    this.#subscription = await this.#bus.subscribe(
      "live",
      { type: "HEARTBEAT" },
      (signal) => {
        if (signal.type === "HEARTBEAT") this.#hear(signal);
      },
      { queue: QUEUE },
    );
  }

  /** Hear no more, write what was heard. Safe to call twice. */
  async drain(): Promise<void> {
    await this.#subscription?.drain();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#flush();
  }

  #hear(signal: SignalOf<"HEARTBEAT">): void {
    this.#newest.set(instanceOf(signal), { signal, seenAt: new Date() });
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#flush();
    }, FLUSH_MS);
  }

  /** One at a time: a slow database is not asked twice. Never rejects. */
  #flush(): Promise<void> {
    return (this.#flushing = this.#flushing.then(async () => {
      if (this.#newest.size === 0) return;
      const beats = [...this.#newest.values()].flatMap(({ signal, seenAt }) => toBeats(toStorable(signal), seenAt));
      this.#newest.clear();
      try {
        await this.#db.$queryRawUnsafe(STATEMENT, this.#bus.namespace, JSON.stringify(beats));
      } catch (error) {
        // The next heartbeats say the same again.
        this.#logger.debug({ namespace: this.#bus.namespace, error }, "recorder.heartbeats-not-written");
      }
    }));
  }
}

const instanceOf = (signal: SignalOf<"HEARTBEAT">): string => signal.meta.instance ?? signal.directed.id;

function toBeats(signal: SignalOf<"HEARTBEAT">, seenAt: Date): WorkerBeat[] {
  const { neurons, label, status } = signal.payload;
  const common = { instance_id: instanceOf(signal), label: label ?? null, status, seen_at: seenAt.toISOString() };
  // A peer of another make sends one heartbeat per neuron and no list.
  if (!neurons) {
    const { id, capabilities } = signal.directed;
    return [{ ...common, ...NO_COUNTS, neuron_id: id, capabilities, version: null, concurrency: null }];
  }
  return neurons.map((neuron) => ({
    ...common,
    neuron_id: neuron.neuron_id,
    capabilities: neuron.capabilities,
    version: neuron.version ?? null,
    concurrency: neuron.concurrency,
    in_flight: neuron.in_flight,
    processed: neuron.processed,
    last_processed_at: toIso(neuron.last_processed_at),
  }));
}
const NO_COUNTS = { in_flight: 0, processed: 0, last_processed_at: null };

function toIso(time: string | null): string | null {
  const at = new Date(time ?? NaN);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

// One that has left stays left until it registers again: its last heartbeat may come late.
const STATEMENT = `
INSERT INTO workers (namespace, instance_id, neuron_id, label, status, capabilities, version, concurrency, in_flight,
  processed, last_processed_at, last_seen_at)
SELECT DISTINCT ON (instance_id, neuron_id) $1::text, instance_id, neuron_id, label, status, capabilities, version, concurrency,
  in_flight, processed, last_processed_at, seen_at
FROM jsonb_to_recordset($2::text::jsonb) AS b(instance_id text, neuron_id text, label text, status text, capabilities text[],
  version text, concurrency int, in_flight int, processed bigint, last_processed_at timestamptz(3), seen_at timestamptz(3))
ORDER BY instance_id, neuron_id
ON CONFLICT (namespace, instance_id, neuron_id) DO UPDATE SET
  label = excluded.label, status = excluded.status, capabilities = excluded.capabilities, version = excluded.version,
  concurrency = excluded.concurrency, in_flight = excluded.in_flight, processed = excluded.processed,
  last_processed_at = excluded.last_processed_at, last_seen_at = greatest(workers.last_seen_at, excluded.last_seen_at)
WHERE workers.left_at IS NULL`;

/**
 * Synapse: the transport. A connection to the bus, and on it, per namespace, an append log plus live delivery.
 *
 * Three ways a Signal travels: `append` puts it in the log, and what is stored comes back to everybody as `log`;
 * `publish` sends it `live`, to whoever listens now. Nobody sees a Signal on `log` that is not stored (T2). The reverse
 * does not hold: a restart may republish a few to nobody, so whoever must not miss one asks the log (`lastOf`, `read`).
 *
 * Every implementation passes the same suite, `describeSynapse` in `@myelin/bus/testing`.
 *
 * Invariants kept by implementations:
 * - S1: when a `drain()` resolves, no handler of it is running and none will start.
 * - S2: a handler that throws never ends its subscription.
 * - S3: after any reconnect every subscription receives again, in its own group or in none.
 * - T2: whatever a subscriber on `log` sees is stored, with that sequence.
 */
import type { Lane, NotPermittedError, Signal, SignalProblem, SubjectFilter } from "../protocol/index.ts";

/** One connection, shared by any number of Dendrites. Who opened it drains it. */
export interface Synapse extends AsyncDisposable {
  /** The URL without its credentials. */
  readonly url: string;
  /**
   * Open a namespace: create its log, or check that the log there is the one this code needs (`LOG_CONFIG` says the
   * difference). May be called any number of times for one namespace.
   */
  open(namespace: string, options?: OpenOptions): Promise<Bus>;
  /** Hear of connection changes until disposed. The listener must not throw. */
  onStatus(listener: (status: SynapseStatus) => void): Disposable;
  /** Stop taking, finish what runs, flush, close. Safe to call twice. Everything after rejects with `CLOSED`. */
  drain(): Promise<void>;
}

export type SynapseStatus =
  | { readonly type: "disconnected" }
  | { readonly type: "reconnected" }
  | { readonly type: "error"; readonly message: string }
  | { readonly type: "closed" };

export interface OpenOptions {
  /** Where to report what no caller waits for: bad messages, handlers that threw. Silent by default; must not throw. */
  onProblem?: ((problem: BusProblem) => void) | undefined;
  /**
   * Make now what else the namespace keeps on its server and is made at first use otherwise (its keys, its objects), for users who
   * may use but not make it. Default false.
   */
  provision?: boolean | undefined;
}

export type BusProblem =
  | {
      readonly type: "bad-message";
      readonly subject: string;
      readonly bytes: Uint8Array;
      readonly problem: SignalProblem;
    }
  /** Something sent that no caller waits for, refused by the server's permissions. */
  | { readonly type: "not-permitted"; readonly subject: string; readonly error: NotPermittedError }
  | { readonly type: "handler-error"; readonly subject: string; readonly error: unknown }
  | { readonly type: "publish-error"; readonly subject: string; readonly error: unknown }
  | { readonly type: "consumer-error"; readonly neuronId: string; readonly error: unknown };

/** One namespace: its log and its live traffic. */
export interface Bus {
  readonly namespace: string;
  /** Largest encoded Signal that can be sent, in bytes: `maxPayloadBytes` of `connectSynapse`, 16 MiB by default. */
  readonly maxPayloadBytes: number;

  /**
   * Put a Signal in the log; resolves once it is stored. Retries what is worth retrying under one dedup id until
   * `timeoutMs`; at most 256 appends of a process are in flight, up to 10,000 more wait their turn, and beyond them
   * `LogUnavailableError` comes at once.
   *
   * Rejects with `PayloadTooLargeError`, `WrongLastSeqError`, `LogUnavailableError` (not known to be stored) or `CLOSED`.
   */
  append(signal: Signal, options?: AppendOptions): Promise<Appended>;

  /**
   * Send a Signal live: at most once, to whoever listens now. Throws `PayloadTooLargeError`, or `CLOSED`. One that is too
   * large for a message of the server is stored first, in the background: later ones may overtake it, the drain waits for
   * it, and a failure is reported as `publish-error`. What the server does not permit is reported as `not-permitted`.
   */
  publish(signal: Signal): void;

  /**
   * Hear Signals on `log` (stored) or `live`. Resolves when the server has the subscription. Handlers run concurrently:
   * one that waits holds up no other (D2). Members of one `queue` share the Signals.
   */
  subscribe(
    channel: "log" | "live",
    filter: SubjectFilter,
    handler: SignalHandler,
    options?: { queue?: string | undefined },
  ): Promise<Subscription>;

  /**
   * Take TASKs of one neuron and lane, together with every other consumer of it: each TASK goes to one.
   * Nothing is taken until `request(n)`. While a handler runs its lease is extended.
   */
  consume(task: TaskSource, handler: TaskHandler, options?: ConsumeOptions): Promise<Consumption>;

  /**
   * Read the log in order from `fromSeq` (default 1), or from its first entry when that is later. Ends at what was last when it
   * was called; with `follow` it goes on until `signal` aborts or the Synapse drains. What does not parse is yielded too, with its
   * problem. With `fromTime`, entries that the log stored before it are left out.
   */
  read(filter: SubjectFilter, options?: ReadOptions): AsyncIterable<LogEntry>;

  /** The last entry of the log that passes the filter, asked of the stream's leader: never stale. */
  lastOf(filter: SubjectFilter): Promise<LogEntry | null>;
  /** The first entry from `fromSeq` on (default 1) that passes the filter. As `lastOf`; for one or two entries cheaper than `read`. */
  firstOf(filter: SubjectFilter, options?: { fromSeq?: number | undefined }): Promise<LogEntry | null>;
  /** The entry with that sequence; null when it was never there or is gone. */
  get(seq: number): Promise<LogEntry | null>;
  info(): Promise<LogInfo>;
  /**
   * Delete every entry below that sequence, for good; nothing when there is none. What is above keeps its sequence, and so
   * does what comes: a sequence is never given twice. May be called concurrently.
   *
   * Unrecorded entries, TASKs nobody has done yet and the beginnings of journals go too: the caller knows what is needed. A
   * subject without entries has 0 as its last sequence again, `get` gives null, and `read` begins with the first that is left.
   */
  purge(beforeSeq: number): Promise<void>;

  /**
   * The value of a key, asked of the leader: never stale. Null when nobody put it, or its time is over (8 days after it was
   * last put, unless the bucket was made with another `keyMaxAgeMs`). Keys are 1 to 64 of `A-Z a-z 0-9 _ -`; whoever has
   * longer names hashes them. Rejects with `INVALID_ID`.
   */
  getKey(key: string): Promise<KeyValue | null>;
  /**
   * Set a key, if its revision is the expected one; 0 means that it must not be there. Resolves with its new revision. Of
   * any number that expect the same one, one wins; the others get `WrongLastSeqError`. Tries as long, and as carefully, as
   * `append`: what a lost acknowledgement leaves behind is recognised as one's own. Unless somebody has already changed it
   * again, who could do so only by knowing its revision.
   *
   * Rejects with `PayloadTooLargeError`, `WrongLastSeqError`, `LogUnavailableError`, `INVALID_ID` or `CLOSED`.
   */
  putKey(key: string, bytes: Uint8Array, options: PutKeyOptions): Promise<number>;

  /**
   * Store bytes beside the log, for what is too large for a Signal. The reference is `obj_<sha256>`; storing twice is harmless.
   * Kept for 8 days after it was last stored (`objectMaxAgeMs`). Rejects with `LogUnavailableError` or `CLOSED`.
   */
  putObject(bytes: Uint8Array): Promise<string>;
  /** Bytes of a reference. Rejects with `OBJECT_NOT_FOUND`. */
  getObject(reference: string): Promise<Uint8Array>;
}

export interface AppendOptions {
  /** Append only if the last sequence of this Signal's subject is this one; 0 means "nobody before me". */
  expectLastSeq?: number | undefined;
  /** A second append under the same id is not stored: it resolves with the first one's sequence and `duplicate`. Remembered for two minutes. */
  dedupId?: string | undefined;
  /**
   * How long to go on trying. Default 5_000. A Signal that is too large for a message of the server is stored beside the log
   * first, which may take as long again, and a second more for each MiB.
   */
  timeoutMs?: number | undefined;
}
export interface Appended {
  readonly seq: number;
  readonly duplicate: boolean;
}

export interface KeyValue {
  readonly bytes: Uint8Array;
  /** Above 0, and higher with each put. */
  readonly revision: number;
}
export interface PutKeyOptions {
  /** The revision it must have now; 0 to create it. */
  readonly expectRevision: number;
  /** How long to go on trying. Default 5_000. */
  readonly timeoutMs?: number | undefined;
}

export interface Received {
  readonly channel: "log" | "live";
  /** Sequence in the log; null on `live`. */
  readonly seq: number | null;
}
export type SignalHandler = (signal: Signal, received: Received) => void | Promise<void>;

export interface Subscription extends AsyncDisposable {
  /** Take no more, then wait for the handlers that run (S1). Safe to call twice. */
  drain(): Promise<void>;
}

export interface TaskSource {
  readonly neuronId: string;
  readonly lane: Lane;
}
export interface ConsumeOptions {
  /** The lease: how long a task may go without a sign of life before another gets it. Default 30_000; one value per namespace. */
  ackWaitMs?: number | undefined;
}
export interface TaskDelivery {
  readonly signal: Signal;
  readonly seq: number;
  readonly storedAt: Date;
  /** A hint: 1 for the first time, but a server restart makes it 1 again. */
  readonly deliveryCount: number;
  /** The lease could not be extended: another worker may have the task. Its outcome must be `abandon`. */
  readonly isLost: boolean;
  /** Aborts when that happens. Made when it is asked for, because it costs more than the rest of the delivery. */
  readonly lost: AbortSignal;
}
/**
 * What becomes of a delivered task.
 * - `done`: never deliver it again · `retry`: deliver it again after `delayMs`, here or elsewhere · `abandon`: say nothing,
 *   the lease is another's
 */
export type TaskOutcome = { type: "done" } | { type: "retry"; delayMs: number } | { type: "abandon" };
/** A handler that throws is reported and counts as a retry after a second. */
export type TaskHandler = (delivery: TaskDelivery) => Promise<TaskOutcome>;

export interface Consumption extends AsyncDisposable {
  /**
   * There is room for `n` more tasks. This is the backpressure: nothing is taken beyond what was requested. A negative `n`
   * takes room back; what was asked for with it may still come, for as long as a pull lasts.
   */
  request(n: number): void;
  /**
   * Take up to `n` tasks that are there now, beside what was requested. Resolves with how many came, their handlers called;
   * 0 says that the lane is empty, or that nobody can tell (no connection, draining). Always settles, never rejects.
   */
  poll(n: number): Promise<number>;
  /** Take no more (what arrives is handed back), then wait for the handlers that run (S1). Safe to call twice. */
  drain(): Promise<void>;
  /** How many times the server was asked for work. */
  readonly pulls: number;
}

export interface ReadOptions {
  fromSeq?: number | undefined;
  /** By the log's clock. */
  fromTime?: Date | undefined;
  follow?: boolean | undefined;
  signal?: AbortSignal | undefined;
}
export interface LogEntry {
  readonly seq: number;
  /** When the log stored it, by the log's clock. */
  readonly storedAt: Date;
  /** The `put` subject. */
  readonly subject: string;
  /** The whole Signal, however it travelled. */
  readonly bytes: Uint8Array;
  readonly parsed: { ok: true; signal: Signal } | { ok: false; problem: SignalProblem };
}

export interface LogInfo {
  /** Name of the log on its server. */
  readonly stream: string;
  /** When the log was created: one that was deleted and made again has another, and starts at 1 again. */
  readonly createdAt: Date;
  /** Of the first entry that is left; one above `lastSeq` when all were purged, 0 when there never was one. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly bytes: number;
}

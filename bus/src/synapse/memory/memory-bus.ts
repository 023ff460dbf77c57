/** MemoryBus: one connection's view of one namespace of a MemoryServer. */
import { createHash } from "node:crypto";
import { BusError, PayloadTooLargeError } from "../../protocol/errors.ts";
import { parseNeuronId } from "../../protocol/ids.ts";
import { encodeSignal, parseSignal, type Signal } from "../../protocol/signal.ts";
import { matchesFilter, subjectOf, type SubjectFilter } from "../../protocol/subjects.ts";
import { RunningHandlers } from "../running-handlers.ts";
import type {
  AppendOptions,
  Appended,
  Bus,
  BusProblem,
  ConsumeOptions,
  Consumption,
  KeyValue,
  LogEntry,
  LogInfo,
  OpenOptions,
  PutKeyOptions,
  ReadOptions,
  SignalHandler,
  Subscription,
  TaskHandler,
  TaskOutcome,
  TaskSource,
} from "../synapse.ts";
import { toLogEntry } from "./memory-log.ts";
import { tokensOf, type MemoryNamespace, type MemorySubscriber } from "./memory-server.ts";
import type { MemoryTaskMember } from "./memory-task-queue.ts";

/** What a bus needs to know of its connection. */
export interface MemoryConnection {
  /** Largest encoded Signal. */
  readonly maxPayloadBytes: number;
  /** Drained, or crashed. */
  readonly isClosed: boolean;
  readonly isCrashed: boolean;
  /** Resolves when it crashes, if it ever does. */
  readonly crashed: Promise<void>;
  /** Aborts when the connection closes. */
  readonly closing: AbortSignal;
  /** Everything that must be drained with the connection. */
  readonly resources: Set<{ drain(): Promise<void> }>;
}

const DEFAULT_ACK_WAIT_MS = 30_000;

export class MemoryBus implements Bus {
  readonly namespace: string;
  readonly maxPayloadBytes: number;
  readonly #space: MemoryNamespace;
  readonly #connection: MemoryConnection;
  readonly #onProblem: (problem: BusProblem) => void;

  constructor(space: MemoryNamespace, connection: MemoryConnection, options: OpenOptions) {
    this.namespace = space.name;
    this.maxPayloadBytes = connection.maxPayloadBytes;
    this.#space = space;
    this.#connection = connection;
    this.#onProblem = options.onProblem ?? (() => {});
  }

  async append(signal: Signal, options: AppendOptions = {}): Promise<Appended> {
    const bytes = this.#encode(signal);
    return this.#space.append(subjectOf(this.namespace, "put", signal), bytes, options);
  }

  publish(signal: Signal): void {
    const bytes = this.#encode(signal);
    const subject = subjectOf(this.namespace, "live", signal);
    this.#space.deliver(subject, tokensOf(subject), "live", bytes, null);
  }

  async subscribe(
    channel: "log" | "live",
    filter: SubjectFilter,
    handler: SignalHandler,
    options: { queue?: string | undefined } = {},
  ): Promise<Subscription> {
    this.#assertOpen();
    const running = new RunningHandlers();
    // Delivered but not yet started: they are part of what a drain waits for.
    const subscriber: MemorySubscriber = {
      channel,
      filter,
      queue: options.queue,
      deliver: (subject, bytes, seq) => {
        const received = { channel, seq } as const;
        void running.track(async () => {
          await Promise.resolve();
          if (this.#connection.isCrashed) return;
          const signal = this.#parse(subject, bytes);
          if (!signal) return;
          try {
            await handler(signal, received);
          } catch (error) {
            this.#onProblem({ type: "handler-error", subject, error });
          }
        });
      },
    };
    this.#space.subscribers.add(subscriber);
    return this.#disposable(async () => {
      this.#space.subscribers.delete(subscriber);
      await running.settled();
    });
  }

  async consume(source: TaskSource, handler: TaskHandler, options: ConsumeOptions = {}): Promise<Consumption> {
    this.#assertOpen();
    const queue = this.#space.taskQueue(parseNeuronId(source.neuronId), source.lane);
    const running = new RunningHandlers();
    let pulls = 0;
    const member: MemoryTaskMember = {
      room: 0,
      ackWaitMs: options.ackWaitMs ?? DEFAULT_ACK_WAIT_MS,
      parse: (entry) => this.#parse(entry.subject, entry.bytes),
      run: (entry, signal, deliveryCount) =>
        running.track(async (): Promise<TaskOutcome | null> => {
          await Promise.resolve();
          const { seq, storedAt } = entry;
          const work = async (): Promise<TaskOutcome> => {
            try {
              return await handler({
                signal,
                seq,
                storedAt,
                deliveryCount,
                isLost: false,
                lost: new AbortController().signal,
              });
            } catch (error) {
              this.#onProblem({ type: "handler-error", subject: entry.subject, error });
              return { type: "retry", delayMs: 1_000 };
            }
          };
          // What a crashed process is still running is nobody's answer.
          const outcome = await Promise.race([work(), this.#connection.crashed]);
          return this.#connection.isCrashed ? null : (outcome ?? null);
        }),
    };
    queue.join(member);
    const consumption = this.#disposable(async () => {
      queue.leave(member);
      await running.settled();
    });
    return Object.defineProperties(consumption as Consumption, {
      request: {
        value: (n: number) => {
          pulls++;
          member.room = Math.max(0, member.room + n);
          queue.deliver();
        },
      },
      poll: {
        value: async (n: number) => {
          pulls++;
          const came = this.#connection.isClosed ? 0 : queue.poll(member, n);
          // Their handlers are called in this turn, before whoever polls goes on.
          await Promise.resolve();
          return came;
        },
      },
      pulls: { get: () => pulls },
    });
  }

  async *read(filter: SubjectFilter, options: ReadOptions = {}): AsyncIterable<LogEntry> {
    const { fromSeq = 1, fromTime, follow = false } = options;
    this.#assertOpen();
    const stop = options.signal
      ? AbortSignal.any([options.signal, this.#connection.closing])
      : this.#connection.closing;
    const { log } = this.#space;
    const end = follow ? Infinity : log.lastSeq;
    let next = fromSeq;
    while (!stop.aborted) {
      next = Math.max(next, log.firstSeq);
      if (next > end) return;
      const entry = log.at(next);
      if (entry === undefined) {
        await this.#appendedOr(stop);
        continue;
      }
      next++;
      if (fromTime !== undefined && entry.storedAt < fromTime) continue;
      if (matchesFilter(entry.tokens, filter)) yield toLogEntry(entry);
    }
  }

  async lastOf(filter: SubjectFilter): Promise<LogEntry | null> {
    this.#assertOpen();
    return this.#space.log.lastOf(filter);
  }

  async firstOf(
    filter: SubjectFilter,
    { fromSeq = 1 }: { fromSeq?: number | undefined } = {},
  ): Promise<LogEntry | null> {
    this.#assertOpen();
    return this.#space.log.firstOf(filter, fromSeq);
  }

  async get(seq: number): Promise<LogEntry | null> {
    this.#assertOpen();
    return this.#space.log.get(seq);
  }

  async info(): Promise<LogInfo> {
    this.#assertOpen();
    return this.#space.log.info();
  }

  async purge(beforeSeq: number): Promise<void> {
    this.#assertOpen();
    if (!Number.isSafeInteger(beforeSeq) || beforeSeq < 0) {
      throw new BusError("INVALID_OPTION", `beforeSeq must be a whole number of at least 0, got ${beforeSeq}`);
    }
    this.#space.log.purge(beforeSeq);
  }

  async getKey(key: string): Promise<KeyValue | null> {
    this.#assertOpen();
    return this.#space.keys.get(key);
  }

  async putKey(key: string, bytes: Uint8Array, options: PutKeyOptions): Promise<number> {
    this.#assertOpen();
    if (bytes.length > this.maxPayloadBytes) {
      throw new PayloadTooLargeError(`the value of key ${key}`, bytes.length, this.maxPayloadBytes);
    }
    return this.#space.keys.put(key, bytes, options.expectRevision);
  }

  async putObject(bytes: Uint8Array): Promise<string> {
    this.#assertOpen();
    const reference = `obj_${createHash("sha256").update(bytes).digest("hex")}`;
    this.#space.objects.set(reference, bytes.slice());
    return reference;
  }

  async getObject(reference: string): Promise<Uint8Array> {
    this.#assertOpen();
    const bytes = this.#space.objects.get(reference);
    if (!bytes) throw new BusError("OBJECT_NOT_FOUND", `no object is stored as ${reference}`);
    return bytes.slice();
  }

  #encode(signal: Signal): Uint8Array {
    this.#assertOpen();
    const bytes = encodeSignal(signal);
    if (bytes.length > this.maxPayloadBytes) {
      throw new PayloadTooLargeError(`${signal.type} ${signal.id}`, bytes.length, this.maxPayloadBytes);
    }
    return bytes;
  }

  #parse(subject: string, bytes: Uint8Array): Signal | null {
    const parsed = parseSignal(bytes);
    if (parsed.ok) return parsed.signal;
    this.#onProblem({ type: "bad-message", subject, bytes, problem: parsed.problem });
    return null;
  }

  #appendedOr(stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#space.followers.delete(wake);
        stop.removeEventListener("abort", wake);
        resolve();
      };
      this.#space.followers.add(wake);
      stop.addEventListener("abort", wake);
    });
  }

  #disposable(stop: () => Promise<void>): Subscription {
    let drained: Promise<void> | undefined;
    const resource = {
      drain: () => (drained ??= stop().finally(() => this.#connection.resources.delete(resource))),
      [Symbol.asyncDispose]: () => resource.drain(),
    };
    this.#connection.resources.add(resource);
    return resource;
  }

  #assertOpen(): void {
    if (this.#connection.isClosed) throw new BusError("CLOSED", "the Synapse was drained; connect again");
  }
}

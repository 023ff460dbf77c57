/** ArrayLog: a log in an array, with levers. What a Recorder reads, where the test decides what happens to it. */
import { createSignal, encodeSignal, parseSignal } from "@myelin/bus";
import { subjectOf } from "@myelin/bus/protocol";
import type { LogEntry, LogInfo, NewSignal, ReadOptions, Signal, SignalType, Subscription } from "@myelin/bus";

export class ArrayLog {
  readonly namespace: string;
  entries: LogEntry[] = [];
  createdAt: Date;
  /** Heartbeats go to whoever subscribed. */
  readonly liveHandlers = new Set<(signal: Signal) => void>();
  /** Set to make every call reject, as when the bus is away. */
  outage: Error | null = null;
  /** `info` waits for this, as when the bus answers late. */
  gate: Promise<void> = Promise.resolve();
  /** Entries that readers took. */
  yielded = 0;
  #clock: number;
  readonly #followers = new Set<() => void>();

  constructor(namespace = "array", createdAt = new Date("2026-11-16T08:00:00.000Z")) {
    this.namespace = namespace;
    this.createdAt = createdAt;
    this.#clock = createdAt.getTime();
  }

  get lastSeq(): number {
    return this.entries.at(-1)?.seq ?? 0;
  }

  /** Append a Signal; resolves its defaults as `createSignal` does. Each is stored a second after the one before. */
  add<T extends SignalType>(init: NewSignal<T>): LogEntry {
    const signal = createSignal(init) as unknown as Signal;
    return this.addBytes(encodeSignal(signal), subjectOf(this.namespace, "put", signal));
  }

  /** Append whatever bytes. */
  addBytes(bytes: Uint8Array | string, subject = `myelin.${this.namespace}.put.AUDIT._._.00._`): LogEntry {
    const encoded = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    const entry: LogEntry = {
      seq: this.lastSeq + 1,
      storedAt: new Date((this.#clock += 1_000)),
      subject,
      bytes: encoded,
      parsed: parseSignal(encoded),
    };
    this.entries.push(entry);
    for (const wake of this.#followers) wake();
    return entry;
  }

  /** Let time pass before the next entry. */
  wait(ms: number): void {
    this.#clock += ms;
  }

  /** Forget everything after `seq`, as a log restored from a copy does. Name and creation time stay. */
  rollBackTo(seq: number): void {
    this.entries = this.entries.filter((entry) => entry.seq <= seq);
  }

  /** Delete entries inside or at the beginning, as a purge does. */
  remove(fromSeq: number, toSeq: number): void {
    this.entries = this.entries.filter((entry) => entry.seq < fromSeq || entry.seq > toSeq);
  }

  /** Delete the log and make it again. */
  recreate(): void {
    this.entries = [];
    this.createdAt = new Date((this.#clock += 60_000));
    for (const wake of this.#followers) wake();
  }

  async info(): Promise<LogInfo> {
    await this.gate;
    if (this.outage) throw this.outage;
    const { createdAt, lastSeq, entries } = this;
    return { stream: "ARRAY", createdAt, lastSeq, firstSeq: entries[0]?.seq ?? lastSeq + 1, bytes: 0 };
  }

  async get(seq: number): Promise<LogEntry | null> {
    if (this.outage) throw this.outage;
    return this.entries.find((entry) => entry.seq === seq) ?? null;
  }

  async *read(
    _filter: object,
    { fromSeq = 1, fromTime = new Date(0), follow = false, signal }: ReadOptions = {},
  ): AsyncIterable<LogEntry> {
    let next = fromSeq;
    while (!signal?.aborted) {
      const entry = this.entries.find((one) => one.seq >= next && one.storedAt >= fromTime);
      if (!entry) {
        if (!follow) return;
        await this.#appendedOr(signal);
        continue;
      }
      next = entry.seq + 1;
      this.yielded++;
      yield entry;
    }
  }

  async purge(beforeSeq: number): Promise<void> {
    if (this.outage) throw this.outage;
    this.remove(1, beforeSeq - 1);
  }

  async subscribe(_channel: "log" | "live", _filter: object, handler: (signal: Signal, received: never) => unknown) {
    const hear = (signal: Signal) => void handler(signal, undefined as never);
    this.liveHandlers.add(hear);
    const drain = async () => void this.liveHandlers.delete(hear);
    return { drain, [Symbol.asyncDispose]: drain } satisfies Subscription;
  }

  #appendedOr(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#followers.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#followers.add(wake);
      signal?.addEventListener("abort", wake);
    });
  }
}

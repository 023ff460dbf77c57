/**
 * BatchReader: the log in batches, read ahead of the writer as far as one batch and no further. So a database that is slow
 * or away holds back this reader and nothing else (R3).
 */
import type { LogEntry } from "@myelin/bus";

export interface BatchReaderOptions {
  /** Entries in a batch at most. */
  batchSize: number;
  /** Bytes in a batch at most; one entry that is larger is a batch of its own. */
  batchBytes: number;
  /** How long the first entry of a batch may wait for company. */
  maxWaitMs: number;
}

export class BatchReader {
  readonly #options: BatchReaderOptions;
  readonly #queue: LogEntry[] = [];
  #bytes = 0;
  #ended = false;
  #error: Error | null = null;
  /** Wakes `next`: there is more, or the end. */
  #onMore: (() => void) | null = null;
  /** Wakes the pump: there is room. */
  #onRoom: (() => void) | null = null;
  /** Settles when the source was left. Never rejects. */
  readonly done: Promise<void>;

  constructor(source: AsyncIterable<LogEntry>, options: BatchReaderOptions) {
    this.#options = options;
    this.done = this.#pump(source);
  }

  /** The next batch; null when the source has ended. Rejects with what the source threw, once what came before is read. */
  async next(): Promise<LogEntry[] | null> {
    if (this.#queue.length === 0 && !this.#ended) await this.#more();
    if (!this.#isFull && !this.#ended && this.#options.maxWaitMs > 0) await this.#fullOr(this.#options.maxWaitMs);
    if (this.#queue.length > 0) return this.#take();
    if (this.#error) throw this.#error;
    return null;
  }

  /** Let the pump go, so that the source can end. What was read ahead is forgotten. */
  close(): void {
    this.#ended = true;
    this.#queue.length = 0;
    this.#onRoom?.();
  }

  async #pump(source: AsyncIterable<LogEntry>): Promise<void> {
    try {
      for await (const entry of source) {
        if (this.#ended) break;
        this.#queue.push(entry);
        this.#bytes += entry.bytes.length;
        this.#onMore?.();
        while (this.#isFull && !this.#ended) await new Promise<void>((resolve) => (this.#onRoom = resolve));
      }
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
    }
    this.#ended = true;
    this.#onMore?.();
  }

  get #isFull(): boolean {
    return this.#queue.length >= this.#options.batchSize || this.#bytes >= this.#options.batchBytes;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => (this.#onMore = resolve));
  }

  async #fullOr(waitMs: number): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#onMore?.();
    }, waitMs);
    while (!this.#isFull && !this.#ended && !late) await this.#more();
    clearTimeout(timer);
  }

  #take(): LogEntry[] {
    let bytes = 0;
    let count = 0;
    for (const entry of this.#queue) {
      bytes += entry.bytes.length;
      if (count > 0 && bytes > this.#options.batchBytes) break;
      if (++count === this.#options.batchSize) break;
    }
    const batch = this.#queue.splice(0, count);
    for (const entry of batch) this.#bytes -= entry.bytes.length;
    this.#onRoom?.();
    return batch;
  }
}

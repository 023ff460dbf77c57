/** MemoryLog: an append log in an array, with the rules of the real one: dedup ids, expected sequence, last of a subject. */
import { WrongLastSeqError } from "../../protocol/errors.ts";
import { parseSignal } from "../../protocol/signal.ts";
import { matchesFilter, type SubjectFilter, type SubjectTokens } from "../../protocol/subjects.ts";
import type { Appended, AppendOptions, LogEntry, LogInfo } from "../synapse.ts";

export interface StoredEntry {
  readonly seq: number;
  readonly storedAt: Date;
  readonly subject: string;
  readonly tokens: SubjectTokens;
  readonly bytes: Uint8Array;
}

/** As long as the real log remembers a dedup id. */
const DEDUP_WINDOW_MS = 120_000;

export class MemoryLog {
  readonly stream: string;
  readonly createdAt = new Date();
  /** What is left, in order and without a gap. */
  #entries: StoredEntry[] = [];
  #lastSeq = 0;
  readonly #lastSeqOf = new Map<string, number>();
  readonly #dedup = new Map<string, { seq: number; at: number }>();
  #bytes = 0;

  constructor(stream: string) {
    this.stream = stream;
  }

  get entries(): readonly StoredEntry[] {
    return this.#entries;
  }
  get lastSeq(): number {
    return this.#lastSeq;
  }
  /** Of the first entry that is left, or of the next one. */
  get firstSeq(): number {
    return this.#lastSeq - this.#entries.length + 1;
  }

  /** Store bytes under a subject, or say that their dedup id was here before. Throws `WrongLastSeqError`. */
  append(subject: string, tokens: SubjectTokens, bytes: Uint8Array, options: AppendOptions): Appended {
    const { dedupId, expectLastSeq } = options;
    const now = Date.now();
    if (dedupId !== undefined) {
      const known = this.#dedup.get(dedupId);
      if (known && now - known.at < DEDUP_WINDOW_MS) return { seq: known.seq, duplicate: true };
    }
    const last = this.#lastSeqOf.get(subject) ?? 0;
    if (expectLastSeq !== undefined && expectLastSeq !== last) throw new WrongLastSeqError(expectLastSeq, last);
    const seq = ++this.#lastSeq;
    this.#entries.push({ seq, storedAt: new Date(now), subject, tokens, bytes });
    this.#lastSeqOf.set(subject, seq);
    this.#bytes += bytes.length;
    if (dedupId !== undefined) this.#remember(dedupId, seq, now);
    return { seq, duplicate: false };
  }

  /** Delete what is below that sequence. */
  purge(beforeSeq: number): void {
    const gone = this.#entries.slice(0, Math.max(0, beforeSeq - this.firstSeq));
    this.#entries = this.#entries.slice(gone.length);
    for (const { seq, subject, bytes } of gone) {
      this.#bytes -= bytes.length;
      if (this.#lastSeqOf.get(subject) === seq) this.#lastSeqOf.delete(subject);
    }
  }

  /** The entry with that sequence, as it is stored. */
  at(seq: number): StoredEntry | undefined {
    return this.#entries[seq - this.firstSeq];
  }

  get(seq: number): LogEntry | null {
    const entry = this.at(seq);
    return entry ? toLogEntry(entry) : null;
  }

  lastOf(filter: SubjectFilter): LogEntry | null {
    const entry = this.#entries.findLast((one) => matchesFilter(one.tokens, filter));
    return entry ? toLogEntry(entry) : null;
  }

  firstOf(filter: SubjectFilter, fromSeq: number): LogEntry | null {
    const entry = this.entries.find((one) => one.seq >= fromSeq && matchesFilter(one.tokens, filter));
    return entry ? toLogEntry(entry) : null;
  }

  info(): LogInfo {
    return {
      stream: this.stream,
      createdAt: this.createdAt,
      firstSeq: this.#lastSeq === 0 ? 0 : this.firstSeq,
      lastSeq: this.lastSeq,
      bytes: this.#bytes,
    };
  }

  #remember(dedupId: string, seq: number, now: number): void {
    this.#dedup.set(dedupId, { seq, at: now });
    // A Map keeps insertion order, so the oldest come first.
    for (const [id, { at }] of this.#dedup) {
      if (now - at < DEDUP_WINDOW_MS) break;
      this.#dedup.delete(id);
    }
  }
}

/** An entry as a reader gets it: parsed anew, so that no two readers share an object. */
export function toLogEntry(entry: StoredEntry): LogEntry {
  const { seq, storedAt, subject, bytes } = entry;
  return { seq, storedAt, subject, bytes, parsed: parseSignal(bytes) };
}

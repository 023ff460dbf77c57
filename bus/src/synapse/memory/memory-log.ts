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
  readonly entries: StoredEntry[] = [];
  readonly #lastSeqOf = new Map<string, number>();
  readonly #dedup = new Map<string, { seq: number; at: number }>();
  #bytes = 0;

  constructor(stream: string) {
    this.stream = stream;
  }

  get lastSeq(): number {
    return this.entries.length;
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
    const seq = this.entries.length + 1;
    this.entries.push({ seq, storedAt: new Date(now), subject, tokens, bytes });
    this.#lastSeqOf.set(subject, seq);
    this.#bytes += bytes.length;
    if (dedupId !== undefined) this.#remember(dedupId, seq, now);
    return { seq, duplicate: false };
  }

  get(seq: number): LogEntry | null {
    const entry = this.entries[seq - 1];
    return entry ? toLogEntry(entry) : null;
  }

  lastOf(filter: SubjectFilter): LogEntry | null {
    const entry = this.entries.findLast((one) => matchesFilter(one.tokens, filter));
    return entry ? toLogEntry(entry) : null;
  }

  info(): LogInfo {
    return {
      stream: this.stream,
      createdAt: this.createdAt,
      firstSeq: this.entries.length === 0 ? 0 : 1,
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

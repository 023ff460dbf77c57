/**
 * Journal: the ordered entries of one run, on a subject of their own in the log. A new attempt reads what the ones before it
 * wrote, and goes on behind it.
 *
 * J1: one writer at a time, gapless and unique. Every append expects the sequence of the one before. The first append of an
 * attempt carries `attempt.started`: from there on every older attempt is refused. A writer that is refused looks whether
 * the entry in its place is its own (the acknowledgement was lost) and then goes on; else it has lost the run, and stops.
 * That is too late for what was done before the append: so an effect first looks whether it was overtaken (`catchUp`).
 *
 * Between two attempts, while the run is paused, those who submit to it write too (runs/submissions.ts): what they wrote is
 * part of what the next attempt reads, and no attempt is lost to it. A start of an earlier TASK is lost to one of a later.
 */
import {
  createSignal,
  journalOf,
  takeEntries,
  type Bus,
  type LogEntry,
  type NewSignal,
  type SignalOf,
  type SubjectFilter,
} from "@myelin/bus";
import type { NewRunEvent, RunEventEntry } from "@myelin/bus/run-events";
import { appendBehind } from "../journal-log.ts";
import { placed } from "./memory-journal.ts";

export interface JournalOptions {
  readonly bus: Pick<Bus, "append" | "read" | "lastOf" | "firstOf">;
  readonly runId: string;
  /** The entry that begins this attempt: it travels at the head of the first append. */
  readonly opening: () => NewRunEvent;
  /** The Signal without type and payload. */
  readonly envelope: () => Pick<NewSignal<"RUN_EVENT">, "trace_id" | "parent_id" | "directed" | "meta">;
  /** True when nobody can have written yet: then nothing is read. */
  readonly isFresh: boolean;
  /** Whether it is still worth trying when the log does not answer: false once the lease is lost. */
  readonly mayGoOn: () => boolean;
  /** Told once, when another attempt has taken the run over. */
  readonly onLost: () => void;
}

/** Another attempt writes the journal now: this one must stop, and say nothing. */
export class JournalLostError extends Error {
  override readonly name = "JournalLostError";
}

interface Waiting {
  readonly entries: readonly NewRunEvent[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const TRY_AGAIN_MS = 500;

export class Journal {
  readonly #options: JournalOptions;
  readonly #entries: RunEventEntry[] = [];
  #read: Promise<void> | undefined;
  /** Last sequence of the subject as far as we know; 0 when it is empty. */
  #headSeq = 0;
  #hasBegun = false;
  readonly #waiting: Waiting[] = [];
  /** A look at the log that waits for its turn. */
  #catchingUp: Promise<readonly RunEventEntry[]> | undefined;
  /** Ends when nothing reads or writes: one at a time. */
  #turn: Promise<void> = Promise.resolve();
  #lost: JournalLostError | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** What was written so far, by every attempt. Read from the log once; then it is what this attempt adds. */
  async read(): Promise<readonly RunEventEntry[]> {
    await (this.#read ??= this.#options.isFresh ? Promise.resolve() : this.#readOn().then(() => {}));
    return this.#entries;
  }

  /** Add entries, perhaps none but the one that begins the attempt; resolves once the log has them. What is added meanwhile travels together. Rejects with `JournalLostError`. */
  append(entries: readonly NewRunEvent[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ entries, resolve, reject }) === 1) void this.#inTurn(() => this.#write());
    });
  }

  /**
   * What was written up to now, also by others: asked before an effect, so that what another attempt has done is not done
   * again. One exact read of the log (0.4 ms). Rejects with `JournalLostError` when a newer attempt has the run.
   */
  catchUp(): Promise<readonly RunEventEntry[]> {
    // Those that ask before it has begun share one look.
    return (this.#catchingUp ??= this.#inTurn(async () => {
      this.#catchingUp = undefined;
      await this.read();
      const head = await this.#insist(() => this.#options.bus.lastOf(this.#subject()));
      if ((head?.seq ?? 0) > this.#headSeq) await this.#overtaken(this.#hasBegun ? undefined : this.#options.opening());
      return this.#entries;
    }));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.then(
      () => {},
      () => {}, // told to whoever asked for it
    );
    return result;
  }

  async #write(): Promise<void> {
    const batch = this.#waiting.splice(0);
    try {
      await this.read();
      await this.#store(batch.flatMap(({ entries }) => entries));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async #store(added: readonly NewRunEvent[]): Promise<void> {
    const { envelope } = this.#options;
    for (;;) {
      const opening = this.#hasBegun ? undefined : this.#options.opening();
      if (opening && isOvertaken(opening, this.#entries)) this.#lose();
      const entries = (opening ? [opening, ...added] : added).map((entry, at) =>
        placed(entry, this.#entries.length + at),
      );
      const signal = createSignal({ ...envelope(), type: "RUN_EVENT", payload: { entries } });
      const seq = await this.#appendSignal(signal);
      if (seq !== null) {
        this.#entries.push(...entries);
        this.#headSeq = seq;
        this.#hasBegun = true;
        return;
      }
      await this.#overtaken(opening);
    }
  }

  /** Somebody else has written. `opening` is what this attempt begins with, while it has not. */
  async #overtaken(opening: NewRunEvent | undefined): Promise<void> {
    const before = this.#headSeq;
    const added = await this.#readOn();
    // A copy of what is in its place already, which somebody put on the log again: nobody else goes on with the run.
    if (added.length === 0 && this.#headSeq > before) return;
    // Before our first entry an older attempt may still have written, or a submitter: that is as good as before. A newer attempt
    // has the run.
    if (!opening || isTaken(opening, added)) this.#lose();
  }

  /** Its sequence once it is stored; null when another entry is in its place. */
  async #appendSignal(signal: SignalOf<"RUN_EVENT">): Promise<number | null> {
    return this.#insist(() => appendBehind(this.#options.bus, signal, this.#headSeq));
  }

  /** Try for as long as the log is away and the run is ours. */
  async #insist<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#lost) throw this.#lost;
      try {
        return await ask();
      } catch (error) {
        if ((error as { code?: unknown }).code !== "LOG_UNAVAILABLE") throw error;
        if (!this.#options.mayGoOn()) this.#lose();
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS).unref());
      }
    }
  }

  /** What was written since the last time. */
  async #readOn(): Promise<RunEventEntry[]> {
    const added: RunEventEntry[] = [];
    for await (const entry of this.#options.bus.read(this.#subject(), { fromSeq: this.#headSeq + 1 })) {
      this.#headSeq = entry.seq;
      added.push(...takeEntries(this.#entries, entriesOf(entry)));
    }
    const first = this.#entries[0];
    if (first && first.sequence_index !== 0) {
      throw new Error(
        `the journal of ${this.#options.runId} begins at ${first.sequence_index}: the log has lost its head`,
      );
    }
    return added;
  }

  #lose(): never {
    this.#lost ??= new JournalLostError(`another attempt goes on with ${this.#options.runId}`);
    this.#options.onLost();
    throw this.#lost;
  }

  /** The subject, exactly: what comes first in the log is a read of 0.4 ms. */
  #subject(): SubjectFilter {
    const { runId, envelope } = this.#options;
    return journalOf(envelope().trace_id, runId);
  }
}

const entriesOf = ({ parsed }: LogEntry): readonly RunEventEntry[] =>
  parsed.ok && parsed.signal.type === "RUN_EVENT" ? parsed.signal.payload.entries : [];

/** Whether one of these entries begins an attempt that is as new as this one, or newer. */
function isTaken(opening: NewRunEvent, entries: readonly RunEventEntry[]): boolean {
  const mine = attemptIn(opening);
  return entries.some((entry) => {
    if (entry.event_type !== "attempt.started") return false;
    const theirs = attemptIn(entry);
    return theirs.taskSeq > mine.taskSeq || (theirs.taskSeq === mine.taskSeq && theirs.attempt >= mine.attempt);
  });
}

/** Whether a start of a later TASK is on record: a start of an earlier one comes too late, whenever it reads. */
function isOvertaken(opening: NewRunEvent, entries: readonly RunEventEntry[]): boolean {
  const { taskSeq } = attemptIn(opening);
  return entries.some((entry) => entry.event_type === "attempt.started" && attemptIn(entry).taskSeq > taskSeq);
}

const attemptIn = ({ data }: { data: Record<string, unknown> }) => ({
  taskSeq: Number(data["task_seq"]),
  attempt: Number(data["attempt"]),
});

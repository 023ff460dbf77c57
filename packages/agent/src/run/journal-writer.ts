/**
 * JournalWriter: puts entries on record in the order in which they were added. What is added while an append is under way
 * travels with the next one. After an append that failed nothing is written any more: an entry that is missing must not be
 * followed by another.
 */
import type { NewRunEvent } from "@myelin/bus/run-events";
import type { RunJournal } from "@myelin/neuron";

export class JournalWriter {
  readonly #journal: Pick<RunJournal, "append">;
  #waiting: NewRunEvent[] = [];
  #writing: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(journal: Pick<RunJournal, "append">) {
    this.#journal = journal;
  }

  /** Add entries. They are written by the next `flush`. */
  add(entries: readonly NewRunEvent[]): void {
    this.#waiting.push(...entries);
  }

  /** Whether something of this type was added and not sent yet. */
  holds(type: NewRunEvent["event_type"]): boolean {
    return this.#waiting.some(({ event_type }) => event_type === type);
  }

  /** Write what was added; resolves once all of it is acknowledged. Rejects, then and ever after, when it was not. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
    if (this.#failure) throw this.#failure.error;
    if (this.#waiting.length === 0) return;
    await (this.#writing = this.#write());
    if (this.#failure) throw (this.#failure as { readonly error: unknown }).error;
  }

  /** Write what was added and go on: a failure is told by the next `flush`. */
  flushLater(): void {
    this.flush().catch(() => {}); // kept, and told by the next flush
  }

  async #write(): Promise<void> {
    const entries = this.#waiting;
    this.#waiting = [];
    try {
      await this.#journal.append(entries);
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#writing = null;
    }
  }
}

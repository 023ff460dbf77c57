/** MemoryKeys: the keys of a namespace in a Map, each with a revision that must be known to change it. */
import { BusError, WrongLastSeqError } from "../../protocol/errors.ts";
import { parseKey } from "../../protocol/ids.ts";
import type { KeyValue } from "../synapse.ts";

/** As long as the real one keeps them, so that a process that runs for months does not fill up. */
const MAX_AGE_MS = 8 * 24 * 60 * 60 * 1_000;

export class MemoryKeys {
  readonly #values = new Map<string, KeyValue & { readonly at: number }>();
  #lastRevision = 0;

  get(key: string): KeyValue | null {
    this.#expire();
    const value = this.#values.get(parseKey(key));
    return value ? { bytes: value.bytes.slice(), revision: value.revision } : null;
  }

  put(key: string, bytes: Uint8Array, expectRevision: number): number {
    if (!Number.isSafeInteger(expectRevision) || expectRevision < 0) {
      throw new BusError(
        "INVALID_OPTION",
        `expectRevision must be a whole number of at least 0, got ${expectRevision}`,
      );
    }
    this.#expire();
    const actual = this.#values.get(parseKey(key))?.revision ?? 0;
    if (actual !== expectRevision) throw new WrongLastSeqError(expectRevision, actual);
    const revision = ++this.#lastRevision;
    // Behind all others, so that the oldest come first.
    this.#values.delete(key);
    this.#values.set(key, { bytes: bytes.slice(), revision, at: Date.now() });
    return revision;
  }

  #expire(): void {
    const until = Date.now() - MAX_AGE_MS;
    for (const [key, { at }] of this.#values) {
      if (at > until) break;
      this.#values.delete(key);
    }
  }
}

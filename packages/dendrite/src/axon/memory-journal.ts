/** MemoryJournal: the journal of a transient run. It ends with the process, as the run does. */
import type { RunJournal } from "@myelin/neuron";
import type { NewRunEvent, RunEventEntry } from "@myelin/bus/run-events";

export class MemoryJournal implements RunJournal {
  readonly #entries: RunEventEntry[] = [];

  read(): Promise<readonly RunEventEntry[]> {
    return Promise.resolve(this.#entries);
  }

  append(entries: readonly NewRunEvent[]): Promise<void> {
    for (const entry of entries) this.#entries.push(placed(entry, this.#entries.length));
    return Promise.resolve();
  }
}

/** An entry in its place. */
export function placed(entry: NewRunEvent, sequence_index: number): RunEventEntry {
  const { event_type, iteration_index = 0, correlation_id, data } = entry;
  return { sequence_index, iteration_index, event_type, correlation_id: correlation_id ?? null, data };
}

/** FactReader: what all processes of a scenario have noted so far. */
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import path from "node:path";
import type { Fact, FactOf, NotedFact } from "../checker/facts.ts";

export const FACT_SUFFIX = ".facts";

/** How far a file was read, and the beginning of a line whose end is not there yet. */
interface Place {
  offset: number;
  rest: string;
}

export class FactReader {
  readonly #folder: string;
  readonly #places = new Map<string, Place>();
  readonly #facts: NotedFact[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** All facts so far: per process in their order, processes in no order. */
  all(): readonly NotedFact[] {
    for (const file of readdirSync(this.#folder)) if (file.endsWith(FACT_SUFFIX)) this.#readOn(file);
    return this.#facts;
  }

  of<K extends Fact["fact"]>(kind: K): FactOf<K>[] {
    return this.all().filter((one): one is FactOf<K> => one.fact === kind);
  }

  #readOn(file: string): void {
    const place = this.#places.get(file) ?? { offset: 0, rest: "" };
    this.#places.set(file, place);
    const by = file.slice(0, -FACT_SUFFIX.length);
    const handle = openSync(path.join(this.#folder, file), "r");
    try {
      const buffer = Buffer.alloc(64 * 1024);
      for (;;) {
        const size = readSync(handle, buffer, 0, buffer.length, place.offset);
        if (size === 0) break;
        place.offset += size;
        // Facts are ASCII but for messages of errors, where a torn character does no harm.
        const lines = (place.rest + buffer.toString("utf8", 0, size)).split("\n");
        place.rest = lines.pop() ?? "";
        for (const line of lines) this.#facts.push({ ...(JSON.parse(line) as Omit<NotedFact, "by">), by } as NotedFact);
      }
    } finally {
      closeSync(handle);
    }
  }
}

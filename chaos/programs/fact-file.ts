/** FactFile: where a process notes what it saw. */
import { openSync, writeSync } from "node:fs";
import type { Fact } from "../checker/facts.ts";

export class FactFile {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  /** Append one line. It outlives this process from here on, though not a power cut. */
  note(fact: Fact): void {
    writeSync(this.#file, `${JSON.stringify({ at: Date.now(), ...fact })}\n`);
  }
}

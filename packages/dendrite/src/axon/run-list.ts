/**
 * RunList: the runs of one host. An array and not a Set: V8's Set leaves its outgrown tables to the next full collection,
 * with every run they held and all that those touched (half of a busy worker's time went to collecting garbage).
 */
import type { TaskRun } from "./task-run.ts";

export class RunList implements Iterable<TaskRun> {
  readonly #runs: TaskRun[] = [];

  get size(): number {
    return this.#runs.length;
  }

  add(run: TaskRun): void {
    run.place = this.#runs.push(run) - 1;
  }

  has(run: TaskRun): boolean {
    return this.#runs[run.place] === run;
  }

  /** The last run takes the place of the one that goes. */
  delete(run: TaskRun): void {
    const last = this.#runs.pop();
    if (last === undefined || last === run) return;
    this.#runs[run.place] = last;
    last.place = run.place;
  }

  /** A copy: whoever walks through it may end runs. */
  [Symbol.iterator](): Iterator<TaskRun> {
    return [...this.#runs][Symbol.iterator]();
  }
}

/** RunningHandlers: counts what runs, so that a drain can wait for it (S1). */
export class RunningHandlers {
  readonly #running = new Set<Promise<unknown>>();

  /** Run `work` and count it until it settles. */
  track<T>(work: () => Promise<T>): Promise<T> {
    const promise = work();
    const tracked: Promise<unknown> = promise.then(
      () => this.#running.delete(tracked),
      () => this.#running.delete(tracked),
    );
    this.#running.add(tracked);
    return promise;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Resolves when nothing runs, counting what is started meanwhile. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}

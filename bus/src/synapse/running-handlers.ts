/** RunningHandlers: counts what runs, so that a drain can wait for it (S1). */
export class RunningHandlers {
  #size = 0;
  #idle: (() => void)[] = [];
  readonly #ended = () => {
    if (--this.#size > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle = [];
  };

  /** Run `work` and count it until it settles. */
  track<T>(work: () => Promise<T>): Promise<T> {
    const promise = work();
    this.#size++;
    promise.then(this.#ended, this.#ended);
    return promise;
  }

  /** Count what runs already until it settles. `onError` gets what it rejects with. */
  watch(promise: Promise<unknown>, onError: (error: unknown) => void): void {
    this.#size++;
    promise.then(this.#ended, (error: unknown) => {
      this.#ended();
      onError(error);
    });
  }

  get size(): number {
    return this.#size;
  }

  /** Resolves when nothing runs, counting what is started meanwhile. */
  async settled(): Promise<void> {
    while (this.#size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}

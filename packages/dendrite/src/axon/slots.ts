/** Slots: how many tasks of an Axon run at once. Whoever comes back from waiting for a child goes before new work. */
export class Slots {
  #free: number;
  readonly #returning: (() => void)[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Tasks that wait for a slot, those that come back included. */
  get queued(): number {
    return this.#waiting.length + this.#returning.length;
  }

  /** Take a slot now if one is free. */
  tryTake(): boolean {
    if (this.#free === 0) return false;
    this.#free--;
    return true;
  }

  /** Wait for a slot. `isReturning` goes to the front. */
  async take({ isReturning = false } = {}): Promise<void> {
    if (this.tryTake()) return;
    await new Promise<void>((resolve) => (isReturning ? this.#returning : this.#waiting).push(resolve));
  }

  /** Give a slot back, to whoever waits first. */
  give(): void {
    const next = this.#returning.shift() ?? this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}

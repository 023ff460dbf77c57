/**
 * Recent: remembers the last entries by key, at least `count` of them and at most twice as many, in two generations: when the
 * young one is full, the old one is forgotten as a whole.
 *
 * Not a Map whose first key is deleted for each that is added: V8 finds the first key behind the places of all that were deleted
 * since it last made room, which with 10,000 entries takes 6 µs. This takes 0.1.
 */
export class Recent<V> {
  readonly #count: number;
  #young = new Map<string, V>();
  #old: ReadonlyMap<string, V> = new Map();

  constructor(count: number) {
    this.#count = count;
  }

  set(key: string, value: V): void {
    this.#young.set(key, value);
    if (this.#young.size < this.#count) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key);
  }

  /** The values, the older ones first. One that was set twice may come twice. */
  *values(): Iterable<V> {
    yield* this.#old.values();
    yield* this.#young.values();
  }
}

/** Collecting what arrives, and waiting until enough of it has. */

export interface Collected<T> {
  readonly items: readonly T[];
  push(item: T): void;
  /** Resolves with the first `count` items; rejects when they did not arrive in `timeoutMs`, default 10_000. */
  first(count: number, timeoutMs?: number): Promise<T[]>;
}

export function collect<T>(): Collected<T> {
  const items: T[] = [];
  const waiting = new Set<() => void>();
  return {
    items,
    push(item) {
      items.push(item);
      for (const look of [...waiting]) look();
    },
    first(count, timeoutMs = 10_000) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`waited ${timeoutMs} ms for ${count} items, got ${items.length}`));
        }, timeoutMs);
        const look = () => {
          if (items.length < count) return;
          waiting.delete(look);
          clearTimeout(timer);
          resolve(items.slice(0, count));
        };
        waiting.add(look);
        look();
      });
    },
  };
}

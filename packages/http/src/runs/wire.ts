/** Wire: records of ours as JSON bodies: keys in snake_case, dates in ISO 8601 with a Z. What users stored stays as it is. */

/** Keys whose values are somebody's own JSON: nothing in them is renamed. */
const OPAQUE = new Set([
  "data",
  "guardrailFindings",
  "input",
  "messages",
  "metadata",
  "output",
  "params",
  "providerRequest",
  "providerResponse",
  "result",
]);

type Snake<S extends string> = S extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${Snake<Rest>}`
  : S;

/** A record as it is in a body. */
export type Wire<T> = unknown extends T
  ? T
  : T extends Date
    ? string
    : T extends readonly (infer Item)[]
      ? Wire<Item>[]
      : T extends object
        ? string extends keyof T
          ? Record<string, T[keyof T]>
          : { [K in keyof T as K extends string ? Snake<K> : never]: Wire<T[K]> }
        : T;

/** The record as it is in a body. */
export function toWire<T>(record: T): Wire<T> {
  return convert(record) as Wire<T>;
}

function convert(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(convert);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, one]) => typeof one !== "function");
  return Object.fromEntries(entries.map(([key, one]) => [toSnake(key), OPAQUE.has(key) ? one : convert(one)]));
}

const toSnake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What callers pass to RunStore, checked: each function returns the value or throws `INVALID_FILTER` with it and the fix. */
import { RunStoreError } from "../errors.ts";
import { isStorable } from "../recorder/storable.ts";

export const invalid = (message: string): RunStoreError => new RunStoreError("INVALID_FILTER", message);

/** Text to compare with: an empty one is a mistake (it would match nothing, or everything without a tenant). */
export function checkText(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "" && isStorable(value)) return value;
  throw invalid(`${name} must be text, not empty and without U+0000, got ${show(value)}; leave it out to match all`);
}

export function checkWholeNumber(name: string, value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw invalid(`${name} must be a whole number from ${min} to ${max}, got ${show(value)}`);
}

/** A time as Postgres takes it. */
export function checkDate(name: string, value: unknown): string {
  if (!(value instanceof Date)) throw invalid(`${name} must be a Date, got ${show(value)}`);
  const year = value.getUTCFullYear();
  if (year >= 1 && year <= 9999) return value.toISOString();
  throw invalid(`${name} must be a valid Date in the years 1 to 9999, got ${String(value)}`);
}

export function checkOneOf<T extends string>(name: string, value: unknown, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found !== undefined) return found;
  throw invalid(`${name} must be one of ${known.join(", ")}, got ${show(value)}`);
}

/** Refuses keys nobody reads: a misspelt filter would match everything. */
export function checkKeys(what: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(`${what} must be an object, got ${show(value)}`);
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw invalid(`${what} has no ${show(unknown)}; it knows ${known.join(", ")}`);
}

export function show(value: unknown): string {
  let text: string | undefined;
  try {
    text = typeof value === "bigint" ? `${value}n` : JSON.stringify(value);
  } catch {
    text = undefined; // a cycle
  }
  return (text ?? String(value)).slice(0, 80);
}

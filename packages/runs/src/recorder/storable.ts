/**
 * What Postgres cannot hold: U+0000 and lone surrogates in any text, however deep. JSON can say them, so a Signal may
 * carry them (models do produce them); Postgres refuses the whole statement.
 */

// Both are always escaped in JSON that is valid UTF-8, so a Signal whose bytes have no such escape needs no second look.
// A pair of surrogates may be escaped too, and is fine: hence the second look.
const SUSPICIOUS = /\\u(?:0000|[dD][89a-fA-F])/;

/** False for most text, without parsing. */
export const isSuspicious = (json: string): boolean => SUSPICIOUS.test(json);

/** Deeper than anybody means; Postgres gives up at some thousands, and so would the functions below. */
const MAX_DEPTH = 500;

/** True when every text in a JSON value, keys included, can be stored. */
export function isStorable(value: unknown, depth = 0): boolean {
  if (typeof value === "string") return isStorableText(value);
  if (typeof value !== "object" || value === null) return true;
  if (depth === MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((one) => isStorable(one, depth + 1));
  return Object.entries(value).every(([key, one]) => isStorableText(key) && isStorable(one, depth + 1));
}

/** A copy of a JSON value in which what cannot be stored is U+FFFD, as a browser would show it, and what is too deep is null. */
export function toStorable<T>(value: T): T;
export function toStorable(value: unknown): unknown {
  return copy(value, 0);
}

function copy(value: unknown, depth: number): unknown {
  if (typeof value === "string") return toStorableText(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth === MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.map((one: unknown) => copy(one, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [toStorableText(key), copy(one, depth + 1)]));
}

export const toStorableText = (text: string): string => wellFormed(text).replaceAll("\0", "\ufffd");

const isStorableText = (text: string): boolean => !text.includes("\0") && !LONE_SURROGATE.test(text);

// With the u flag a pair of surrogates is one character, so what matches is a lone one. (`toWellFormed` says the same, but
// the library of the oldest Node we compile for does not have it.)
const LONE_SURROGATE = /\p{Surrogate}/u;
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, "\ufffd");

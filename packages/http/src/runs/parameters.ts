/**
 * Parameters: what a query may say, each with its check and with what the OpenAPI document says of it. A wrong one is 422 with
 * the parameter's name and what is allowed; so is an unknown one, because a misspelt filter would match everything.
 */
import { HttpProblem } from "../problem.ts";

/** JSON Schema, as OpenAPI 3.1 takes it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Parameter<T> {
  readonly says: string;
  readonly schema: JsonSchema;
  /** Values as they came, none or more. Throws `Refused`. */
  readonly parse: (values: readonly string[], keys: readonly string[]) => T;
  /** The parameter is every one that begins with its name and a dot; `keys` are what follows the dot, value by value. */
  readonly isPrefix?: boolean;
}
export type Parameters = { readonly [name: string]: Parameter<unknown> };
export type ValuesOf<P extends Parameters> = { readonly [name in keyof P]: ReturnType<P[name]["parse"]> };

/** A value that a parameter does not take; `allowed` says what it takes. */
class Refused extends Error {
  override readonly name = "Refused";
}
const refused = (must: string, got: string) => new Refused(`must be ${must}, got ${JSON.stringify(got.slice(0, 80))}`);

const MAX_TEXT = 1_000;

/** Read the query. `ignored` names parameters that are somebody else's: a token that `authorize` reads. Throws `HttpProblem` 422. */
export function parseQuery<P extends Parameters>(
  parameters: P,
  query: URLSearchParams,
  ignored: readonly string[] = [],
): ValuesOf<P> {
  const given = new Map<string, { values: string[]; keys: string[] }>();
  for (const [name, value] of query) {
    if (ignored.includes(name)) continue;
    const known = nameOf(parameters, name);
    if (known === undefined) throw unknownParameter(name, parameters);
    const { values, keys } = given.get(known) ?? { values: [], keys: [] };
    given.set(known, { values: [...values, value], keys: [...keys, name.slice(known.length + 1)] });
  }
  const values = Object.entries(parameters).map(([name, parameter]) => {
    try {
      const { values, keys } = given.get(name) ?? { values: [], keys: [] };
      return [name, parameter.parse(values, keys)] as const;
    } catch (error) {
      if (error instanceof Refused) throw invalidParameter(name, error.message);
      throw error;
    }
  });
  return Object.fromEntries(values) as ValuesOf<P>;
}

/** A parameter has a value that it does not take. */
export const invalidParameter = (parameter: string, why: string): HttpProblem =>
  new HttpProblem({ status: 422, code: "INVALID_QUERY", detail: `${parameter} ${why}`, members: { parameter } });

function nameOf(parameters: Parameters, name: string): string | undefined {
  if (Object.hasOwn(parameters, name) && parameters[name]!.isPrefix !== true) return name;
  return Object.keys(parameters).find((known) => parameters[known]!.isPrefix === true && name.startsWith(`${known}.`));
}

function unknownParameter(name: string, parameters: Parameters): HttpProblem {
  const known = Object.keys(parameters).map((one) => (parameters[one]!.isPrefix === true ? `${one}.<key>` : one));
  return invalidParameter(name.slice(0, 80), `is unknown here; known are ${known.join(", ") || "none"}`);
}

function one(values: readonly string[]): string | undefined {
  if (values.length > 1) throw new Refused(`must be given once, got ${values.length} times`);
  return values[0];
}

/** A whole number in a range; undefined, or the fallback, when it is not given. */
export function wholeNumber(says: string, range: { min: number; max: number; fallback: number }): Parameter<number>;
export function wholeNumber(says: string, range: { min: number; max: number }): Parameter<number | undefined>;
export function wholeNumber(
  says: string,
  { min, max, fallback }: { min: number; max: number; fallback?: number },
): Parameter<number | undefined> {
  const allowed = `a whole number from ${min} to ${max}`;
  return {
    says,
    schema: { type: "integer", minimum: min, maximum: max, ...(fallback !== undefined && { default: fallback }) },
    parse: (values) => {
      const value = one(values);
      if (value === undefined) return fallback;
      const number = Number(value);
      if (!/^-?\d{1,16}$/.test(value) || number < min || number > max) throw refused(allowed, value);
      return number;
    },
  };
}

/** Text of 1 to 1_000 characters. */
export function text(says: string): Parameter<string | undefined> {
  return {
    says,
    schema: { type: "string", minLength: 1, maxLength: MAX_TEXT },
    parse: (values) => {
      const value = one(values);
      if (value === undefined || isText(value)) return value;
      throw refused(`text of 1 to ${MAX_TEXT} characters`, value);
    },
  };
}

/** Any of some words; may be given several times. */
export function anyOf<W extends string>(says: string, words: readonly W[]): Parameter<readonly W[] | undefined> {
  return {
    says,
    schema: { type: "array", items: { type: "string", enum: [...words] } },
    parse: (values) => {
      const wrong = values.find((value) => !words.includes(value as W));
      if (wrong !== undefined) throw refused(words.join(", "), wrong);
      return values.length > 0 ? (values as readonly W[]) : undefined;
    },
  };
}

/** What costs are told apart by: a fixed word, or `metadata.<key>`. */
export function costKey(says: string): Parameter<"model" | "agent" | "day" | { readonly metadata: string }> {
  const words = ["model", "agent", "day"] as const;
  return {
    says,
    schema: { type: "string", pattern: `^(${words.join("|")}|metadata\\..+)$`, default: "model" },
    parse: (values) => {
      const value = one(values) ?? "model";
      const word = words.find((one) => one === value);
      if (word !== undefined) return word;
      const [, key] = /^metadata\.(.+)$/s.exec(value) ?? [];
      if (key !== undefined && isText(key)) return { metadata: key };
      throw refused(`${words.join(", ")} or metadata.<key>`, value);
    },
  };
}

/** `1` or `0`; false when it is not given. */
export function flag(says: string): Parameter<boolean> {
  return {
    says,
    schema: { type: "string", enum: ["0", "1"], default: "0" },
    parse: (values) => {
      const value = one(values) ?? "0";
      if (value !== "0" && value !== "1") throw refused("0 or 1", value);
      return value === "1";
    },
  };
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/i;

/** A moment with its zone: without one, who asks and who answers would mean different times. */
export function moment(says: string): Parameter<Date | undefined> {
  return {
    says,
    schema: { type: "string", format: "date-time" },
    parse: (values) => {
      const value = one(values);
      if (value === undefined) return undefined;
      const text = value.replace(/ (\d\d:\d\d)$/, "+$1"); // a + that was not escaped arrives as a space
      const date = new Date(text);
      if (!ISO.test(text) || !isRealDay(text) || Number.isNaN(date.getTime())) {
        throw refused("a time with its zone, as 2026-11-20T15:55:22Z", value);
      }
      return date;
    },
  };
}

/** JavaScript takes 30 February for 2 March. */
function isRealDay(text: string): boolean {
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10));
}

/**
 * `metadata.<key>=<value>`: true, false, null, numbers as JSON writes them, and what stands in double quotes, braces or brackets
 * are JSON; anything else is text as it is. So a text that looks like a number is asked for in quotes: `"7"`.
 */
export function metadata(says: string): Parameter<Readonly<Record<string, unknown>> | undefined> {
  return {
    says,
    isPrefix: true,
    schema: { type: "object", propertyNames: { pattern: "^metadata\\..+" }, additionalProperties: { type: "string" } },
    parse: (values, keys) => {
      if (values.length === 0) return undefined;
      const wanted = new Map<string, unknown>();
      for (const [at, key] of keys.entries()) {
        const value = values[at]!;
        if (!isText(key)) throw refused(`a key of 1 to ${MAX_TEXT} characters, as metadata.thread_id=t1`, key);
        if (wanted.has(key)) throw new Refused(`must be given once for ${JSON.stringify(key.slice(0, 80))}`);
        if (value !== "" && !isText(value)) throw refused(`at most ${MAX_TEXT} characters`, value);
        wanted.set(key, jsonOrText(value));
      }
      return Object.fromEntries(wanted);
    },
  };
}

function jsonOrText(value: string): unknown {
  try {
    const parsed: unknown = JSON.parse(value);
    // 007, 1e3 and 12345678901234567890 are not what a number of theirs is written as: texts.
    return typeof parsed === "number" && String(parsed) !== value ? value : parsed;
  } catch {
    return value;
  }
}

/** Without U+0000, which Postgres cannot hold. */
const isText = (value: string): boolean => value.length >= 1 && value.length <= MAX_TEXT && !value.includes("\0");

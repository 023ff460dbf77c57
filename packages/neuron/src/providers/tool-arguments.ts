/** Tool arguments: what a model wrote as the parameters of a call, read with care: models write broken JSON. */

import type { AnsweredToolCall } from "../model/model.ts";
import type { JsonObject } from "../outcomes.ts";

/** In characters of what was written: enough for a model to see what it did. */
const LONGEST_QUOTE = 200;

/** A JSON text or what was parsed from one. Nothing at all is no parameters. */
export function readArguments(args: unknown): Pick<AnsweredToolCall, "params" | "problem"> {
  if (isObject(args)) return { params: args };
  if (args === null || args === undefined) return { params: {} };
  if (typeof args !== "string") return { params: {}, problem: broken(JSON.stringify(args)) };
  if (args.trim() === "") return { params: {} };
  const value = parseJson(args);
  return isObject(value) ? { params: value } : { params: {}, problem: broken(args) };
}

/** The value of a JSON text; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function broken(written: string): string {
  const quote = written.length > LONGEST_QUOTE ? `${written.slice(0, LONGEST_QUOTE)}…` : written;
  return `the arguments are no JSON object: ${quote}`;
}

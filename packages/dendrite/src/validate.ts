/** Checks at the edges: values against a contract's schema, and options against their bounds. */
import type { JsonObject } from "@myelin/neuron";
import type { z } from "zod";
import { DendriteError, InputValidationError, type InputIssue } from "./errors.ts";

/** The input as its schema reads it, or `InputValidationError` naming every place that is wrong. */
export function parseInput<S extends z.ZodType>(neuronId: string, schema: S, input: unknown): z.output<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new InputValidationError(neuronId, toIssues(parsed.error));
}

export function toIssues(error: z.ZodError): InputIssue[] {
  return error.issues.map(({ path, message }) => ({ path: path.map(String).join("."), message }));
}

/** A number of milliseconds within bounds, or `INVALID_OPTION` with the value. */
export function parseMs(name: string, value: number, { max = Number.MAX_SAFE_INTEGER } = {}): number {
  if (Number.isFinite(value) && value > 0 && value <= max) return value;
  throw new DendriteError("INVALID_OPTION", `${name} must be > 0 and <= ${max}, got ${show(value)}`);
}

export const MAX_TIMEOUT_MS = 604_800_000;

/** How long something may take or be waited for: above 0, at most 7 days. */
export const parseTimeoutMs = (value: number): number => parseMs("timeoutMs", value, { max: MAX_TIMEOUT_MS });

/** A whole number from 1, or `INVALID_OPTION` with the value. */
export function parseCount(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new DendriteError("INVALID_OPTION", `${name} must be a whole number >= 1, got ${show(value)}`);
}

/** Throws `INVALID_OPTION` with the value. */
export function checkTenant(tenantId: string | undefined): void {
  if (tenantId === undefined || (typeof tenantId === "string" && tenantId !== "" && tenantId.length <= 255)) return;
  throw new DendriteError("INVALID_OPTION", `tenantId must be 1 to 255 characters, got ${JSON.stringify(tenantId)}`);
}

/** A text in quotes, so that "4" is not read as 4. */
const show = (value: unknown): string => (typeof value === "string" ? JSON.stringify(value) : String(value));

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

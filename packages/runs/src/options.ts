/** Checks that the options of Recorder and Sweeper share. */
import type { Database } from "./database.ts";
import { RunsError } from "./errors.ts";

/** Throws `INVALID_OPTION` unless just one of them is given. */
export function checkDatabaseOption(
  what: string,
  { databaseUrl, client }: { databaseUrl?: string | undefined; client?: Database | undefined },
): void {
  if ((databaseUrl === undefined) !== (client === undefined)) return;
  throw new RunsError("INVALID_OPTION", `${what} takes either databaseUrl or client, not both and not neither`);
}

/** A whole number in its bounds, or the fallback for none. Throws `INVALID_OPTION`. */
export function wholeNumber(
  name: string,
  value: number | undefined,
  fallback: number,
  min: number,
  max: number,
): number {
  if (value === undefined) return fallback;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RunsError("INVALID_OPTION", `${name} must be a whole number from ${min} to ${max}, got ${String(value)}`);
}

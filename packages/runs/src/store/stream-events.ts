/**
 * streamEvents: the journal of a run as it grows. One query says what is new and whether the run is over, so its last entry
 * cannot be missed; in between Postgres says when to ask again.
 */
import type { RunStatus } from "@myelin/bus/run-events";
import { TERMINAL_STATUSES } from "@myelin/bus/run-events";
import { RunStoreError } from "../errors.ts";
import { checkKeys, checkText, checkWholeNumber } from "./check-arguments.ts";
import { EVENT_COLUMNS, toEvent, type EventRow } from "./get-events.ts";
import { inScope, parameters, type RunReader } from "./reader.ts";
import type { StoredEvent } from "./views.ts";

export interface EventStreamOptions {
  /** Begin behind this index; -1, the default, begins at the start. */
  afterSequenceIndex?: number | undefined;
  /** Ends the stream. Without it a stream that waits ends with its run only. */
  signal?: AbortSignal | undefined;
  /** End when the run is over. Default true; false waits for the signal, for late entries. */
  untilEnd?: boolean | undefined;
}

/** Entries read at once: what a reader that stands still holds of a journal, whose entries may be large. */
const PAGE = 32;

type StreamRow = { status: RunStatus } & (EventRow | { sequence_index: null });

export async function* streamEvents(
  reader: RunReader,
  runId: string,
  options: EventStreamOptions,
): AsyncGenerator<StoredEvent, void, undefined> {
  checkKeys("the options", options, ["afterSequenceIndex", "signal", "untilEnd"]);
  const { signal, untilEnd = true } = options;
  let after = checkWholeNumber("afterSequenceIndex", options.afterSequenceIndex ?? -1, -1);
  // Before the first look, so that nothing falls in between.
  using watch = await reader.watch(checkText("runId", runId));
  while (!signal?.aborted) {
    const { entries, isOver } = await readOn(reader, runId, after);
    for (const entry of entries) {
      yield entry;
      if (signal?.aborted) return;
      after = entry.sequenceIndex;
    }
    if (entries.length === PAGE) continue;
    if (isOver && untilEnd) return;
    await watch.next(signal);
  }
}

async function readOn(reader: RunReader, runId: string, after: number) {
  const { values, parameter } = parameters(runId, after);
  const rows = await reader.query<StreamRow>(
    `SELECT r.status, e.* FROM runs AS r LEFT JOIN LATERAL (
       SELECT ${EVENT_COLUMNS} FROM run_events AS e WHERE e.run_id = r.run_id AND e.sequence_index > $2::bigint
       ORDER BY e.sequence_index LIMIT ${PAGE}) AS e ON true
     WHERE r.run_id = $1 AND ${inScope(reader, parameter, "r.run_id")} ORDER BY e.sequence_index`,
    values,
  );
  const [first] = rows;
  if (!first) {
    throw new RunStoreError("RUN_NOT_FOUND", `no run ${runId} is recorded here; of one just begun, wait a moment`);
  }
  return {
    entries: rows.filter((row): row is { status: RunStatus } & EventRow => row.sequence_index !== null).map(toEvent),
    isOver: (TERMINAL_STATUSES as readonly RunStatus[]).includes(first.status),
  };
}

/** The recorder's place in a log: which number the log has in this database, and the last sequence recorded from it. */
import type { LogInfo } from "@myelin/bus";
import type { Database } from "../database.ts";

export interface RecordedPosition {
  readonly logId: number;
  /** The last sequence that is recorded; 0 when none is. */
  readonly seq: number;
  /** Id of the Signal at `seq`; null when that entry is no Signal, or there is none. */
  readonly signalId: string | null;
  /** When the log stored the entry at `seq`; null when there is none. */
  readonly storedAt: Date | null;
}

/** Read the position in a log, from Postgres. A log that is met for the first time gets a number and position 0. */
export async function openPosition(db: Database, namespace: string, log: LogInfo): Promise<RecordedPosition> {
  for (;;) {
    const position = await readPosition(db, namespace, log);
    if (position) return position;
    await createPosition(db, namespace, log);
  }
}

/** Null when this log was never recorded here. */
export async function readPosition(db: Database, namespace: string, log: LogInfo): Promise<RecordedPosition | null> {
  const [row] = await db.$queryRawUnsafe<
    { log_id: number; seq: bigint; signal_id: string | null; stored_ms: number | null }[]
  >(
    `SELECT log_id, seq, signal_id, (extract(epoch FROM p.stored_at) * 1000)::float8 AS stored_ms
     FROM logs AS l JOIN recorder_positions AS p USING (log_id)
     WHERE l.namespace = $1::text AND l.created_at = $2::text::timestamptz(3)`,
    namespace,
    log.createdAt.toISOString(),
  );
  if (!row) return null;
  return {
    logId: row.log_id,
    seq: Number(row.seq),
    signalId: row.signal_id,
    storedAt: row.stored_ms === null ? null : new Date(row.stored_ms),
  };
}

/**
 * Move the position over sequences the log does not hold any more, and note them as a gap. Does nothing when the position is
 * elsewhere by now. Resolves with whether it moved.
 */
export async function skipGap(db: Database, { logId, seq }: RecordedPosition, toSeq: number): Promise<boolean> {
  const rows = await db.$queryRawUnsafe<unknown[]>(
    `WITH moved AS (
       UPDATE recorder_positions SET seq = $3::bigint, signal_id = NULL, stored_at = NULL
       WHERE log_id = $1::smallint AND seq = $2::bigint
       RETURNING 1
     ), noted AS (
       INSERT INTO recorder_gaps (log_id, from_seq, to_seq) SELECT $1::smallint, $2::bigint + 1, $3::bigint FROM moved
       ON CONFLICT DO NOTHING
     )
     SELECT FROM moved`,
    logId,
    seq,
    toSeq,
  );
  return rows.length > 0;
}

// Does nothing when another recorder was quicker, be it with this log or with the same number for another one.
async function createPosition(db: Database, namespace: string, log: LogInfo): Promise<void> {
  await db.$queryRawUnsafe(
    `WITH created AS (
       INSERT INTO logs (log_id, namespace, stream, created_at)
       SELECT coalesce(max(log_id), 0) + 1, $1::text, $2::text, $3::text::timestamptz(3) FROM logs
       ON CONFLICT DO NOTHING
       RETURNING log_id)
     INSERT INTO recorder_positions (log_id, seq) SELECT log_id, 0 FROM created`,
    namespace,
    log.stream,
    log.createdAt.toISOString(),
  );
}

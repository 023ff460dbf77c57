/** countRecorded: how much of a namespace's log is in the database. Counts rows: meant for checks, not for dashboards. */
import { checkText } from "./check-arguments.ts";
import type { RunReader } from "./reader.ts";
import type { RecordedCount } from "./views.ts";

export async function countRecorded(reader: RunReader, namespace: string): Promise<RecordedCount | null> {
  const [row] = await reader.query<RecordedCount>(
    `WITH log AS (SELECT log_id FROM logs WHERE namespace = $1 ORDER BY created_at DESC LIMIT 1)
     SELECT p.seq::float8 AS position,
       (SELECT count(*)::float8 FROM signals AS s WHERE s.log_id = p.log_id AND s.seq <= p.seq) AS signals,
       (SELECT count(*)::float8 FROM dead_letters AS d WHERE d.log_id = p.log_id AND d.kind = 'message') AS "deadLetters",
       (SELECT coalesce(sum(to_seq - from_seq + 1), 0)::float8 FROM recorder_gaps AS g WHERE g.log_id = p.log_id) AS missing
     FROM recorder_positions AS p JOIN log USING (log_id)`,
    [checkText("namespace", namespace)],
  );
  return row ?? null;
}

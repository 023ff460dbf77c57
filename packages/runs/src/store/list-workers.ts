/** listWorkers: who serves which neuron, per process. A process that died without a word stays, with its last time. */
import { checkDate, checkKeys, checkText } from "./check-arguments.ts";
import { ms, toDate, toDateOrNull, type RunReader } from "./reader.ts";
import type { WorkerRecord } from "./views.ts";

export interface WorkerFilter {
  namespace?: string | undefined;
  neuronId?: string | undefined;
  /** Only those heard of since. */
  seenAfter?: Date | undefined;
}

type WorkerRow = Omit<WorkerRecord, "lastProcessedAt" | "registeredAt" | "lastSeenAt" | "leftAt"> & {
  registered_ms: number | null;
  processed_ms: number | null;
  seen_ms: number;
  left_ms: number | null;
};

export async function listWorkers(reader: RunReader, filter: WorkerFilter): Promise<WorkerRecord[]> {
  checkKeys("the filter", filter, ["namespace", "neuronId", "seenAfter"]);
  const { namespace, neuronId, seenAfter } = filter;
  const rows = await reader.query<WorkerRow>(
    `SELECT namespace, instance_id AS "instanceId", neuron_id AS "neuronId", label, capabilities, version, concurrency, status,
       in_flight AS "inFlight", processed::float8 AS processed, ${ms("last_processed_at")} AS processed_ms,
       ${ms("registered_at")} AS registered_ms, ${ms("last_seen_at")} AS seen_ms, ${ms("left_at")} AS left_ms
     FROM workers
     WHERE ($1::text IS NULL OR namespace = $1) AND ($2::text IS NULL OR neuron_id = $2)
       AND ($3::text IS NULL OR last_seen_at >= $3::text::timestamptz)
     ORDER BY namespace, neuron_id, instance_id`,
    [
      namespace === undefined ? null : checkText("namespace", namespace),
      neuronId === undefined ? null : checkText("neuronId", neuronId),
      seenAfter === undefined ? null : checkDate("seenAfter", seenAfter),
    ],
  );
  return rows.map(({ processed_ms, registered_ms, seen_ms, left_ms, ...worker }) => ({
    ...worker,
    lastProcessedAt: toDateOrNull(processed_ms),
    registeredAt: toDateOrNull(registered_ms),
    lastSeenAt: toDate(seen_ms),
    leftAt: toDateOrNull(left_ms),
  }));
}

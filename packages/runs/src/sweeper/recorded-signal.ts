/** A Signal as it is recorded. */
import { checkSignal, type Signal } from "@myelin/bus";
import type { Database } from "../database.ts";

/** The first one of which `condition` holds, perhaps with an order; null for none. The condition is ours, its values are parameters. */
export async function recordedSignal(db: Database, condition: string, ...values: unknown[]): Promise<Signal | null> {
  const [row] = await db.$queryRawUnsafe<Record<string, unknown>[]>(
    `SELECT '1' AS v, id, trace_id, parent_id, type, directed, payload, meta,
       to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ts
     FROM signals WHERE ${condition} LIMIT 1`,
    ...values,
  );
  const checked = checkSignal(row);
  return checked.ok ? checked.signal : null;
}

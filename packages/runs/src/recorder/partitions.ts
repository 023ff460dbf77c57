/** Partitions of `signals`: a week each, from Monday 00:00 UTC, made when the first Signal of the week is recorded. */
import type { Database } from "../database.ts";

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
const FIRST_MONDAY_MS = 4 * DAY_MS; // 1970-01-05

/** Make the partitions for these times, where missing. Safe to call concurrently; reads and writes go on meanwhile. */
export async function ensurePartitions(db: Database, times: readonly Date[]): Promise<void> {
  const weeks = new Set(times.map((time) => weekOf(time)));
  for (const week of [...weeks].sort((a, b) => a - b)) await db.$queryRawUnsafe(createPartition(week));
}

/** The Monday of a time's week, in milliseconds. */
const weekOf = (time: Date): number =>
  Math.floor((time.getTime() - FIRST_MONDAY_MS) / WEEK_MS) * WEEK_MS + FIRST_MONDAY_MS;

// Made beside and then attached: `CREATE TABLE … PARTITION OF` would lock the whole table against readers. The lock
// orders concurrent makers; the name holds digits only.
function createPartition(week: number): string {
  const from = new Date(week).toISOString();
  const name = `signals_${from.slice(0, 10).replaceAll("-", "")}`;
  return `DO $$ BEGIN
    PERFORM pg_advisory_xact_lock(72707370);
    IF to_regclass('${name}') IS NULL THEN
      CREATE TABLE ${name} (LIKE signals INCLUDING DEFAULTS);
      ALTER TABLE signals ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${new Date(week + WEEK_MS).toISOString()}');
    END IF;
  END $$`;
}

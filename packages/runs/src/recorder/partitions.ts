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

/** A week of `signals`: from this time on, and before that one. */
export interface Partition {
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
}

/** The weeks there are, oldest first. What somebody else attached under another kind of name is not among them. */
export async function listPartitions(db: Database): Promise<Partition[]> {
  const rows = await db.$queryRawUnsafe<{ name: string }[]>(
    `SELECT c.relname::text AS name FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'signals'::regclass AND c.relname ~ '^signals_[0-9]{8}$' ORDER BY 1`,
  );
  return rows.map(({ name }) => {
    const [, year, month, day] = /(\d{4})(\d\d)(\d\d)$/.exec(name)!;
    const from = Date.parse(`${year}-${month}-${day}T00:00:00Z`);
    return { name, from: new Date(from), to: new Date(from + WEEK_MS) };
  });
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

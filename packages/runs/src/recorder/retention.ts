/**
 * Retention: deletes what nobody needs any more, from the log and from Postgres. Once in a while, beside the recording.
 *
 * The log is purged up to a floor, below which every entry
 * - is recorded, as Postgres says in the same breath;
 * - is older than `keepLogMs`, for those who ask the log what happened just now;
 * - is of no open run: a TASK that nobody has done, a journal, a question. A run holds the log for 30 days at most: one that
 *   waits for an answer for ever must not fill the disk.
 * The entry that the position stands on is kept: it tells whether the log was rolled back.
 *
 * Weeks of `signals` are dropped whole, when asked to. The rows made from them stay.
 */
import type { Bus, LogInfo } from "@myelin/bus";
import type { Database } from "../database.ts";
import { listPartitions } from "./partitions.ts";

const HOLD_MS = 30 * 86_400_000;
/** A drop that waits for readers holds up all who come after it: it rather tries again later. */
const LOCK_TIMEOUT_MS = 2_000;

/**
 * Purge the log up to its floor. Resolves with how many sequences went. Safe to call concurrently, and when others record the
 * same log into the same database; a recorder of another database is not known here.
 */
export async function purgeLog(
  bus: Pick<Bus, "namespace" | "info" | "read" | "purge">,
  db: Database,
  log: Pick<LogInfo, "createdAt">,
  keepLogMs: number,
): Promise<number> {
  const { firstSeq, createdAt, lastSeq } = await bus.info();
  if (createdAt.getTime() !== log.createdAt.getTime() || firstSeq > lastSeq) return 0;
  const needed = await firstNeeded(db, bus.namespace, createdAt);
  if (needed <= firstSeq) return 0;
  const floor = Math.min(needed, (await firstSince(bus, new Date(Date.now() - keepLogMs))) ?? needed);
  if (floor <= firstSeq) return 0;
  await bus.purge(floor);
  return floor - firstSeq;
}

/** The first sequence that is not recorded, or of an open run, or the position's own; 0 when the log was never recorded. */
async function firstNeeded(db: Database, namespace: string, createdAt: Date): Promise<number> {
  const [row] = await db.$queryRawUnsafe<{ seq: number }[]>(
    `SELECT least(p.seq, (SELECT min(first_seq) FROM runs AS r WHERE r.log_id = p.log_id AND r.terminal_seq IS NULL
       AND r.updated_at > $3::text::timestamptz))::float8 AS seq
     FROM logs AS l JOIN recorder_positions AS p USING (log_id)
     WHERE l.namespace = $1::text AND l.created_at = $2::text::timestamptz(3)`,
    namespace,
    createdAt.toISOString(),
    new Date(Date.now() - HOLD_MS).toISOString(),
  );
  return row?.seq ?? 0;
}

/** The first entry that the log stored at this time or later; null when there is none. */
async function firstSince(bus: Pick<Bus, "read">, fromTime: Date): Promise<number | null> {
  for await (const { seq } of bus.read({}, { fromTime })) return seq;
  return null;
}

/** Drop the weeks of `signals` that ended longer ago than this. Resolves with the names of their tables. */
export async function dropOldWeeks(db: Database, keepSignalsMs: number): Promise<string[]> {
  const before = Date.now() - keepSignalsMs;
  const names = (await listPartitions(db)).filter(({ to }) => to.getTime() <= before).map(({ name }) => name);
  for (const name of names) {
    await db.$queryRawUnsafe(`DO $$ BEGIN
      PERFORM set_config('lock_timeout', '${LOCK_TIMEOUT_MS}ms', true);
      DROP TABLE IF EXISTS ${name};
    END $$`);
  }
  return names;
}

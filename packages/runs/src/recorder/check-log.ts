/**
 * Is this still the log that was recorded? A log that was restored from a copy keeps its name and its creation time, ends
 * before the position, grows past it again, and would be read on as if nothing had happened. What it holds at the position
 * gives it away.
 */
import type { Bus } from "@myelin/bus";
import { LogRolledBackError } from "../errors.ts";
import type { RecordedPosition } from "./position.ts";
import { witness } from "./write-batch.ts";

/**
 * Compare the log with the position. Resolves with false when the log is another one (deleted and made again), which is
 * no harm: it has a position of its own. Rejects with `LogRolledBackError`.
 */
export async function checkLog(
  bus: Pick<Bus, "namespace" | "info" | "get">,
  createdAt: Date,
  position: RecordedPosition,
): Promise<boolean> {
  const { seq, signalId, storedAt } = position;
  const info = await bus.info();
  if (info.createdAt.getTime() !== createdAt.getTime()) return false;
  if (seq === 0 || storedAt === null) return true;
  const rolledBack = (difference: string) => new LogRolledBackError(bus.namespace, seq, info.lastSeq, difference);
  if (info.lastSeq < seq) throw rolledBack(`it ends at ${info.lastSeq}, ${seq} is recorded`);
  const entry = await bus.get(seq);
  if (!entry) return true; // purged, or deleted inside: nothing is left to compare with
  const there = witness(entry);
  if (there !== signalId) {
    throw rolledBack(`it holds ${there ?? "no Signal"} at ${seq}, ${signalId ?? "no Signal"} is recorded`);
  }
  if (entry.storedAt.getTime() !== storedAt.getTime()) {
    throw rolledBack(`it stored ${seq} at ${entry.storedAt.toISOString()}, ${storedAt.toISOString()} is recorded`);
  }
  return true;
}

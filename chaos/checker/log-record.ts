/** LogRecord: what the log of a namespace holds, read through the same door as everybody's, at the end of a scenario. */
import { isEndType, isSignalType, type Bus, type EndType } from "@myelin/bus";
import type { RecordedSignal } from "./tables-record.ts";

export interface LoggedEntry {
  readonly seq: number;
  /** Null when it is no Signal. */
  readonly id: string | null;
}

/** A Signal that ends a run. */
export interface Terminal {
  readonly seq: number;
  readonly id: string;
  readonly run: string;
  readonly type: EndType;
}

export interface LogRecord {
  readonly entries: ReadonlyMap<number, LoggedEntry>;
  /** Per run, in the order of the log: the first counts. */
  readonly terminals: ReadonlyMap<string, readonly Terminal[]>;
}

/** Read all of a log. What was purged is taken from the tables, which is where it may be purged to. */
export async function readLog(
  bus: Pick<Bus, "read" | "info">,
  recorded: Iterable<RecordedSignal> = [],
): Promise<LogRecord> {
  const entries = new Map<number, LoggedEntry>();
  const terminals = new Map<string, Terminal[]>();
  const take = (seq: number, id: string, type: string, run: string | null) => {
    entries.set(seq, { seq, id });
    if (run === null || !isSignalType(type) || !isEndType(type)) return;
    const ofRun = terminals.get(run);
    if (ofRun) ofRun.push({ seq, id, run, type });
    else terminals.set(run, [{ seq, id, run, type }]);
  };
  const { firstSeq } = await bus.info();
  for (const { seq, id, type, run } of recorded) if (seq < firstSeq) take(seq, id, type, run);
  for await (const { seq, parsed } of bus.read({})) {
    if (parsed.ok) take(seq, parsed.signal.id, parsed.signal.type, parsed.signal.meta.run_id ?? null);
    else entries.set(seq, { seq, id: null });
  }
  return { entries, terminals };
}

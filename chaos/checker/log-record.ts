/** LogRecord: what the log of a namespace holds, read through the same door as everybody's, at the end of a scenario. */
import { isEndType, type Bus, type EndType } from "@myelin/bus";

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
  /** In ms of the epoch, by the log's clock. */
  readonly storedAt: number;
}

export interface LogRecord {
  readonly entries: ReadonlyMap<number, LoggedEntry>;
  /** Per run, in the order of the log: the first counts. */
  readonly terminals: ReadonlyMap<string, readonly Terminal[]>;
}

/** Read all of a log. */
export async function readLog(bus: Pick<Bus, "read">): Promise<LogRecord> {
  const entries = new Map<number, LoggedEntry>();
  const terminals = new Map<string, Terminal[]>();
  for await (const { seq, storedAt, parsed } of bus.read({})) {
    entries.set(seq, { seq, id: parsed.ok ? parsed.signal.id : null });
    if (!parsed.ok) continue;
    const { id, type, meta } = parsed.signal;
    if (!isEndType(type) || meta.run_id === undefined) continue;
    const terminal: Terminal = { seq, id, run: meta.run_id, type, storedAt: storedAt.getTime() };
    const ofRun = terminals.get(terminal.run);
    if (ofRun) ofRun.push(terminal);
    else terminals.set(terminal.run, [terminal]);
  }
  return { entries, terminals };
}

/** TablesRecord: what the tables hold of a namespace, in plain SQL: the checker shares no query with what it checks. */
import type { ChaosDatabase } from "../world/chaos-database.ts";

export interface RunRow {
  readonly run: string;
  readonly status: string;
  /** Null while it is open. */
  readonly terminalSeq: number | null;
  readonly terminals: number;
}

export interface RecordedSignal {
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly run: string | null;
}

export interface TablesRecord {
  /** By sequence, in its order. */
  readonly signals: ReadonlyMap<number, RecordedSignal>;
  /** Sequences of `signals` that are there more than once. */
  readonly doubled: readonly number[];
  readonly deadLetters: ReadonlySet<number>;
  readonly runs: ReadonlyMap<string, RunRow>;
}

/** Read the tables. They hold one log: every scenario has a database of its own. */
export async function readTables(database: ChaosDatabase): Promise<TablesRecord> {
  const rows = await database.query<{ seq: string; id: string; type: string; run: string | null }>(
    "SELECT seq, id, type, run_id AS run FROM signals ORDER BY seq",
  );
  const signals = new Map<number, RecordedSignal>();
  const doubled: number[] = [];
  for (const row of rows) {
    const seq = Number(row.seq);
    if (signals.has(seq)) doubled.push(seq);
    signals.set(seq, { ...row, seq });
  }
  const dead = await database.query<{ seq: string }>("SELECT seq FROM dead_letters WHERE kind = 'message'");
  const runs = await database.query<{ run: string; status: string; terminal: string | null; terminals: number }>(
    "SELECT run_id AS run, status, terminal_seq AS terminal, terminals FROM runs",
  );
  return {
    signals,
    doubled,
    deadLetters: new Set(dead.map(({ seq }) => Number(seq))),
    runs: new Map(
      runs.map(({ run, status, terminal, terminals }) => [
        run,
        { run, status, terminalSeq: terminal === null ? null : Number(terminal), terminals },
      ]),
    ),
  };
}

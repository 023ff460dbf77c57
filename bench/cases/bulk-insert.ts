/**
 * What one writes by hand to put Signals into Postgres: rows made in JavaScript, one statement per batch over
 * `jsonb_to_recordset`, an upsert for runs whose reply comes in a later batch. It trusts its input and its place: no
 * position, no second recorder, no repeats, no gaps, no dead letters, no journals, no pauses.
 */
import type { LogEntry, Signal } from "@myelin/bus";
import type pg from "pg";

const STATEMENT = {
  name: "bulk-insert",
  text: `
WITH stored AS (
  INSERT INTO signals (log_id, seq, stored_at, id, type, trace_id, parent_id, run_id, tenant_id, ts, directed, payload, meta)
  SELECT 1, seq, stored_at, id, type, trace_id, parent_id, run_id, tenant_id, ts, directed, payload, meta
  FROM jsonb_to_recordset($1::jsonb) AS s(seq bigint, stored_at timestamptz(3), id text, type text, trace_id text,
    parent_id text, run_id text, tenant_id text, ts timestamptz(3), directed jsonb, payload jsonb, meta jsonb)
)
INSERT INTO runs (run_id, log_id, tenant_id, trace_id, neuron_id, status, input, metadata, output, deadline, attempts,
  created_at, updated_at, ended_at, first_seq, last_seq, task_seq, last_task_seq, live_seq, terminal_seq, terminals)
SELECT run_id, 1, tenant_id, trace_id, neuron_id, status, input, coalesce(metadata, '{}'), output, deadline, attempts,
  created_at, updated_at, ended_at, first_seq, last_seq, task_seq, task_seq, task_seq, terminal_seq, terminals
FROM jsonb_to_recordset($2::jsonb) AS r(run_id text, tenant_id text, trace_id text, neuron_id text, status text, input jsonb,
  metadata jsonb, output jsonb, deadline timestamptz(3), attempts int, created_at timestamptz(3), updated_at timestamptz(3),
  ended_at timestamptz(3), first_seq bigint, last_seq bigint, task_seq bigint, terminal_seq bigint, terminals int)
ON CONFLICT (run_id) DO UPDATE SET status = excluded.status, output = excluded.output, attempts = excluded.attempts,
  updated_at = excluded.updated_at, ended_at = excluded.ended_at, last_seq = excluded.last_seq,
  terminal_seq = excluded.terminal_seq, terminals = excluded.terminals`,
};

interface RunRow {
  run_id: string;
  tenant_id: string;
  trace_id: string;
  neuron_id: string | null;
  status: "running" | "success";
  input: unknown;
  metadata: unknown;
  output: unknown;
  deadline: string | null;
  attempts: number;
  created_at: Date;
  updated_at: Date;
  ended_at: Date | null;
  first_seq: number;
  last_seq: number;
  task_seq: number | null;
  terminal_seq: number | null;
  terminals: number;
}

export async function bulkInsert(client: pg.Client, entries: readonly LogEntry[]): Promise<void> {
  const signals: object[] = [];
  const runs = new Map<string, RunRow>();
  for (const { seq, storedAt, parsed } of entries) {
    if (!parsed.ok) continue;
    const { signal } = parsed;
    const { id, type, trace_id, parent_id, ts, directed, payload, meta } = signal;
    const { run_id, tenant_id = "" } = meta;
    signals.push({
      ...{ seq, stored_at: storedAt, id, type, trace_id, parent_id, run_id, tenant_id, ts, directed, payload, meta },
    });
    if (run_id === undefined) continue;
    let run = runs.get(run_id);
    if (!run) runs.set(run_id, (run = newRun(run_id, signal, seq, storedAt)));
    run.last_seq = seq;
    run.updated_at = storedAt;
    if (signal.type === "AGENT_OUTPUT") {
      run.status = "success";
      run.output = signal.payload.output;
      run.attempts = meta.attempt ?? 0;
      run.ended_at = storedAt;
      run.terminal_seq = seq;
      run.terminals = 1;
    }
  }
  await client.query({ ...STATEMENT, values: [JSON.stringify(signals), JSON.stringify([...runs.values()])] });
}

function newRun(run_id: string, signal: Signal, seq: number, storedAt: Date): RunRow {
  const task = signal.type === "TASK" ? signal.payload : null;
  return {
    run_id,
    tenant_id: signal.meta.tenant_id ?? "",
    trace_id: signal.trace_id,
    neuron_id: signal.directed?.id ?? null,
    status: "running",
    input: task?.input ?? null,
    metadata: task?.metadata ?? {},
    output: null,
    deadline: task?.deadline ?? null,
    attempts: 0,
    created_at: storedAt,
    updated_at: storedAt,
    ended_at: null,
    first_seq: seq,
    last_seq: seq,
    task_seq: task ? seq : null,
    terminal_seq: null,
    terminals: 0,
  };
}

/** getRun: one run, with its input and output. */
import { checkText } from "./check-arguments.ts";
import { inScope, ms, parameters, toDateOrNull, type RunReader } from "./reader.ts";
import { RUN_COLUMNS, toRunSummary, type RunRow } from "./run-row.ts";
import type { RunDetail } from "./views.ts";

interface RunDetailRow extends RunRow {
  namespace: string;
  input: unknown;
  output: unknown;
  answer: string | null;
  strategy: string | null;
  agent_version: string | null;
  max_iterations: number | null;
  max_delegation_depth: number | null;
  idempotency_key: string | null;
  priority: string | null;
  deadline_ms: number | null;
  first_seq: number;
  last_seq: number;
  terminals: number;
}

export async function getRun(reader: RunReader, runId: string): Promise<RunDetail | null> {
  const { values, parameter } = parameters(checkText("runId", runId));
  const [row] = await reader.query<RunDetailRow>(
    `SELECT ${RUN_COLUMNS}, namespace, input, output, strategy, agent_version, max_iterations::float8, max_delegation_depth::float8,
       idempotency_key, (SELECT a.data->>'answer' FROM run_events AS a
         WHERE a.run_id = runs.run_id AND a.sequence_index = runs.completed_index) AS answer, priority, ${ms("deadline")} AS deadline_ms, first_seq::float8, last_seq::float8,
       terminals
     FROM runs JOIN logs USING (log_id) WHERE run_id = $1 AND ${inScope(reader, parameter, "runs.run_id")}`,
    values,
  );
  if (!row) return null;
  return {
    ...toRunSummary(row),
    namespace: row.namespace,
    input: row.input,
    output: row.output,
    answer: row.answer,
    strategy: row.strategy,
    agentVersion: row.agent_version,
    maxIterations: row.max_iterations,
    maxDelegationDepth: row.max_delegation_depth,
    idempotencyKey: row.idempotency_key,
    priority: row.priority === "high" || row.priority === "low" ? row.priority : "normal",
    deadline: toDateOrNull(row.deadline_ms),
    firstSeq: row.first_seq,
    lastSeq: row.last_seq,
    lateTerminals: Math.max(row.terminals - 1, 0),
  };
}

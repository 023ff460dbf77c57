/** getRun: one run, with its input and output. */
import { checkText } from "./check-arguments.ts";
import { ms, toDateOrNull, type RunReader } from "./reader.ts";
import { RUN_COLUMNS, toRunSummary, type RunRow } from "./run-row.ts";
import type { RunDetail } from "./views.ts";

interface RunDetailRow extends RunRow {
  namespace: string;
  input: unknown;
  output: unknown;
  priority: string | null;
  deadline_ms: number | null;
  first_seq: number;
  last_seq: number;
  terminals: number;
}

export async function getRun(reader: RunReader, runId: string): Promise<RunDetail | null> {
  const [row] = await reader.query<RunDetailRow>(
    `SELECT ${RUN_COLUMNS}, namespace, input, output, priority, ${ms("deadline")} AS deadline_ms, first_seq::float8, last_seq::float8,
       terminals
     FROM runs JOIN logs USING (log_id) WHERE run_id = $1`,
    [checkText("runId", runId)],
  );
  if (!row) return null;
  return {
    ...toRunSummary(row),
    namespace: row.namespace,
    input: row.input,
    output: row.output,
    priority: row.priority === "high" || row.priority === "low" ? row.priority : "normal",
    deadline: toDateOrNull(row.deadline_ms),
    firstSeq: row.first_seq,
    lastSeq: row.last_seq,
    lateTerminals: Math.max(row.terminals - 1, 0),
  };
}

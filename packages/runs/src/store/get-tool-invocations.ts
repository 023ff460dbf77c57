/** getToolInvocations: the answered tool calls of a run, as the model made them: parallel ones may have ended in another order. */
import { checkText } from "./check-arguments.ts";
import { toCallsPage, type CallsOptions } from "./page-rows.ts";
import { inScope, ms, parameters, toDate, type RunReader } from "./reader.ts";
import type { ToolInvocation } from "./views.ts";

const COLUMNS = `sequence_index AS "sequenceIndex", iteration_index AS iteration, order_index::float8 AS "orderIndex",
  call_id AS "toolCallId", provider_call_id AS "providerToolCallId", tool_name AS "toolName", target, params, result, success, error,
  duration_ms::float8 AS "durationMs", ${ms("created_at")} AS created_ms`;

export async function getToolInvocations(
  reader: RunReader,
  runId: string,
  options: CallsOptions,
): Promise<ToolInvocation[]> {
  const { ofIteration, page } = toCallsPage(options, "iteration_index");
  const { values, parameter } = parameters(checkText("runId", runId));
  const rows = await reader.query<Omit<ToolInvocation, "createdAt"> & { created_ms: number }>(
    `SELECT ${COLUMNS} FROM tool_invocations AS t
     WHERE run_id = $1 AND ${ofIteration} AND ${inScope(reader, parameter, "t.run_id")}
     ORDER BY t.order_index, t.sequence_index ${page}`,
    values,
  );
  return rows.map(({ created_ms, ...invocation }) => ({ ...invocation, createdAt: toDate(created_ms) }));
}

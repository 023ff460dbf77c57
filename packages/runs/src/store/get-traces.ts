/** getTraces: the conversation of a run. (The tree of what caused what is getTraceTree.) */
import { checkText } from "./check-arguments.ts";
import { toPage, type RowsOptions } from "./page-rows.ts";
import { inScope, ms, parameters, toDate, type RunReader } from "./reader.ts";
import { toToolCalls } from "./tool-calls.ts";
import type { TraceEntry } from "./views.ts";

const COLUMNS = `order_index::float8 AS "orderIndex", role, content, iteration_index AS iteration, tool_calls, call_id AS "toolCallId",
  tool_name AS "toolName", is_error AS "isError", is_seed AS "isSeed", ${ms("created_at")} AS created_ms`;

type TraceRow = Omit<TraceEntry, "toolCalls" | "createdAt"> & { tool_calls: unknown; created_ms: number };

export async function getTraces(reader: RunReader, runId: string, options: RowsOptions): Promise<TraceEntry[]> {
  const page = toPage(options);
  const { values, parameter } = parameters(checkText("runId", runId));
  const rows = await reader.query<TraceRow>(
    `SELECT ${COLUMNS} FROM messages AS m
     WHERE run_id = $1 AND ${inScope(reader, parameter, "m.run_id")} ORDER BY m.order_index ${page}`,
    values,
  );
  return rows.map(({ tool_calls, created_ms, ...entry }) => ({
    ...entry,
    toolCalls: toToolCalls(tool_calls),
    createdAt: toDate(created_ms),
  }));
}

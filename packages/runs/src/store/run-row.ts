/** Columns of `runs` and the views they become. */
import { dataOf, type RunStatus } from "@myelin/bus/run-events";
import { toOpenPause } from "./get-pauses.ts";
import { ms, toDate, toDateOrNull, toTenant, usd } from "./reader.ts";
import type { JsonObject, RunSummary, UsageTotals } from "./views.ts";

export interface RunRow extends UsageTotals {
  run_id: string;
  tenant_id: string;
  trace_id: string;
  parent_run_id: string | null;
  retry_of_run_id: string | null;
  neuron_id: string | null;
  agent_name: string | null;
  model: string | null;
  delegation_level: number;
  pause: unknown;
  status: RunStatus;
  metadata: JsonObject;
  error_code: string | null;
  error_message: string | null;
  error_recoverable: boolean | null;
  attempts: number;
  iteration_count: number;
  llm_calls: number;
  tool_calls: number;
  created_ms: number;
  updated_ms: number;
  ended_ms: number | null;
  progress_ms: number | null;
}

/** Of `runs`, by that name. The pause is read only of runs that wait, from their journals. */
export const RUN_COLUMNS = `run_id, tenant_id, trace_id, parent_run_id, retry_of_run_id, neuron_id, agent_name, runs.model,
  delegation_level::float8, status, metadata, error_code, error_message, error_recoverable, attempts, iteration_count, llm_calls,
  tool_calls, input_tokens::float8 AS "totalInputTokens", output_tokens::float8 AS "totalOutputTokens",
  cache_read_input_tokens::float8 AS "totalCacheReadTokens", cache_creation_input_tokens::float8 AS "totalCacheCreationTokens",
  reasoning_tokens::float8 AS "totalReasoningTokens", ${usd("cost_nano_usd")} AS "totalCostUsd",
  unknown_cost_calls AS "unknownCostCount", ${ms("runs.created_at")} AS created_ms, ${ms("updated_at")} AS updated_ms,
  ${ms("ended_at")} AS ended_ms, ${ms("last_progress_at")} AS progress_ms,
  CASE WHEN status LIKE 'waiting%' THEN (SELECT p.data FROM run_events AS p
    WHERE p.run_id = runs.run_id AND p.sequence_index = runs.pause_index) END AS pause`;

export function toRunSummary(row: RunRow): RunSummary {
  const paused = dataOf({ event_type: "run.paused", data: row.pause }, "run.paused");
  return {
    runId: row.run_id,
    tenantId: toTenant(row.tenant_id),
    traceId: row.trace_id,
    parentRunId: row.parent_run_id,
    retryOfRunId: row.retry_of_run_id,
    neuronId: row.neuron_id,
    agentName: row.agent_name,
    model: row.model,
    delegationLevel: row.delegation_level,
    status: row.status,
    pause: paused && toOpenPause(paused),
    metadata: row.metadata,
    error:
      row.error_code === null
        ? null
        : { code: row.error_code, message: row.error_message ?? "", recoverable: row.error_recoverable ?? false },
    attempts: row.attempts,
    iterationCount: row.iteration_count,
    llmCallCount: row.llm_calls,
    toolCallCount: row.tool_calls,
    totalInputTokens: row.totalInputTokens,
    totalOutputTokens: row.totalOutputTokens,
    totalCacheReadTokens: row.totalCacheReadTokens,
    totalCacheCreationTokens: row.totalCacheCreationTokens,
    totalReasoningTokens: row.totalReasoningTokens,
    totalCostUsd: row.totalCostUsd,
    unknownCostCount: row.unknownCostCount,
    createdAt: toDate(row.created_ms),
    updatedAt: toDate(row.updated_ms),
    endedAt: toDateOrNull(row.ended_ms),
    lastProgressAt: toDateOrNull(row.progress_ms),
  };
}

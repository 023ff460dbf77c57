/** Columns of `runs` and the views they become. */
import type { RunStatus } from "@myelin/bus/run-events";
import { ms, toDate, toDateOrNull, toTenant } from "./reader.ts";
import type { JsonObject, RunSummary } from "./views.ts";

export interface RunRow {
  run_id: string;
  tenant_id: string;
  trace_id: string;
  parent_run_id: string | null;
  neuron_id: string | null;
  status: RunStatus;
  metadata: JsonObject;
  error_code: string | null;
  error_message: string | null;
  error_recoverable: boolean | null;
  attempts: number;
  iteration_count: number;
  created_ms: number;
  updated_ms: number;
  ended_ms: number | null;
}

export const RUN_COLUMNS = `run_id, tenant_id, trace_id, parent_run_id, neuron_id, status, metadata, error_code, error_message,
  error_recoverable, attempts, iteration_count, ${ms("runs.created_at")} AS created_ms, ${ms("updated_at")} AS updated_ms,
  ${ms("ended_at")} AS ended_ms`;

export function toRunSummary(row: RunRow): RunSummary {
  return {
    runId: row.run_id,
    tenantId: toTenant(row.tenant_id),
    traceId: row.trace_id,
    parentRunId: row.parent_run_id,
    neuronId: row.neuron_id,
    status: row.status,
    metadata: row.metadata,
    error:
      row.error_code === null
        ? null
        : { code: row.error_code, message: row.error_message ?? "", recoverable: row.error_recoverable ?? false },
    attempts: row.attempts,
    iterationCount: row.iteration_count,
    createdAt: toDate(row.created_ms),
    updatedAt: toDate(row.updated_ms),
    endedAt: toDateOrNull(row.ended_ms),
  };
}

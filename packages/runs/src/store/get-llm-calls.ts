/** getLlmCalls: the model calls of a run. What is large in them, and what guardrails found, lies in their journal's entries. */
import { dataOf } from "@myelin/bus/run-events";
import { checkText } from "./check-arguments.ts";
import { toCallsPage, type CallsOptions } from "./page-rows.ts";
import { inScope, ms, parameters, toDate, usd, type RunReader } from "./reader.ts";
import { toToolCalls } from "./tool-calls.ts";
import type { GuardrailFindings, LlmCall } from "./views.ts";

type CallRow = Omit<LlmCall, "error" | "createdAt" | "toolCalls" | "guardrailFindings"> & {
  error_code: string | null;
  error_message: string | null;
  tool_calls: unknown;
  found: readonly FoundEntry[] | null;
  created_ms: number;
};

interface FoundEntry {
  readonly event_type: string;
  readonly data: unknown;
}

/** What was found between the call before and this one's end: in what is new to this call, then in its answer. */
const FOUND = `(SELECT jsonb_agg(jsonb_build_object('event_type', g.event_type, 'data', g.data) ORDER BY g.sequence_index)
  FROM run_events AS g WHERE g.run_id = c.run_id AND g.sequence_index < c.sequence_index
    AND g.sequence_index > coalesce((SELECT max(p.sequence_index) FROM llm_calls AS p
      WHERE p.run_id = c.run_id AND p.sequence_index < c.sequence_index), -1)
    AND g.event_type IN ('guardrail.detected', 'guardrail.blocked'))`;

const COLUMNS = `c.id, c.sequence_index AS "sequenceIndex", c.iteration_index AS iteration, c.provider, c.model, c.success, c.error_code,
  c.error_message, c.input_tokens::float8 AS "inputTokens", c.output_tokens::float8 AS "outputTokens",
  CASE WHEN c.input_tokens IS NULL AND c.output_tokens IS NULL THEN NULL
    ELSE (coalesce(c.input_tokens, 0) + coalesce(c.output_tokens, 0))::float8 END AS "totalTokens",
  c.cache_read_input_tokens::float8 AS "cacheReadInputTokens", c.cache_creation_input_tokens::float8 AS "cacheCreationInputTokens",
  c.reasoning_tokens::float8 AS "reasoningTokens", ${usd("c.cost_nano_usd")} AS "costUsd", c.duration_ms::float8 AS "durationMs",
  c.finish_reason AS "finishReason", e.data->>'text' AS text, e.data->'tool_calls' AS tool_calls, e.data->>'reasoning' AS reasoning,
  e.data->'messages' AS messages, e.data->'provider_request' AS "providerRequest", e.data->'provider_response' AS "providerResponse",
  ${FOUND} AS found, ${ms("c.created_at")} AS created_ms`;

export async function getLlmCalls(reader: RunReader, runId: string, options: CallsOptions): Promise<LlmCall[]> {
  const { ofIteration, page } = toCallsPage(options, "c.iteration_index");
  const { values, parameter } = parameters(checkText("runId", runId));
  const rows = await reader.query<CallRow>(
    `SELECT ${COLUMNS} FROM llm_calls AS c JOIN run_events AS e USING (run_id, sequence_index)
     WHERE c.run_id = $1 AND ${ofIteration} AND ${inScope(reader, parameter, "c.run_id")} ORDER BY c.sequence_index ${page}`,
    values,
  );
  return rows.map(({ error_code, error_message, tool_calls, found, created_ms, ...call }) => ({
    ...call,
    error: error_code === null ? null : { code: error_code, message: error_message ?? "" },
    toolCalls: toToolCalls(tool_calls),
    guardrailFindings: toFindings(found ?? []),
    createdAt: toDate(created_ms),
  }));
}

function toFindings(entries: readonly FoundEntry[]): GuardrailFindings | null {
  const counts: { [direction in keyof GuardrailFindings]: Record<string, number> } = { incoming: {}, outgoing: {} };
  let isEmpty = true;
  for (const entry of entries) {
    const data = dataOf(entry, "guardrail.detected") ?? dataOf(entry, "guardrail.blocked");
    if (data === null) continue;
    const found = data.direction === "outgoing" ? counts.outgoing : counts.incoming;
    for (const [entity, count] of Object.entries(data.findings)) found[entity] = (found[entity] ?? 0) + count;
    isEmpty = false;
  }
  return isEmpty ? null : counts;
}

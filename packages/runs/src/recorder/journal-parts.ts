/**
 * The parts of the batch statement that only journals need: entries as rows of run_events, and of those that were new, rows
 * of llm_calls, tool_invocations and messages, and sums for their runs. A batch without journals goes without them.
 *
 * R1: rows follow from entries that this statement inserted, and sums from rows that it inserted.
 */

/** Names of CTEs: `x` is the batch's Signals, `$12` the entries that fit. */
export const JOURNAL_PARTS = `, journal AS (
  INSERT INTO run_events (run_id, sequence_index, log_id, seq, tenant_id, event_type, iteration_index, correlation_id, data,
    created_at)
  SELECT x.run_id, e.sequence_index, $1::smallint, x._seq, x.tenant_id, e.event_type, e.iteration_index, e.correlation_id,
    e.data, x._at
  FROM x, ROWS FROM (jsonb_to_recordset(x.payload->'entries') AS (sequence_index int, event_type text, iteration_index int,
    correlation_id text, data jsonb)) WITH ORDINALITY AS e(sequence_index, event_type, iteration_index, correlation_id, data, place)
  WHERE x.type = 'RUN_EVENT' AND x.run_id IS NOT NULL
  ORDER BY x.run_id, e.sequence_index, x._seq, e.place
  ON CONFLICT DO NOTHING
  RETURNING run_id, sequence_index, seq, tenant_id, event_type, iteration_index, data, created_at
), fitting AS MATERIALIZED (
  SELECT j.*, f.messages
  FROM jsonb_to_recordset($12::text::jsonb) AS f(run_id text, sequence_index int, seq bigint, messages jsonb)
  JOIN journal AS j ON (j.run_id, j.sequence_index, j.seq) = (f.run_id, f.sequence_index, f.seq)
), asked AS (
  INSERT INTO llm_calls (run_id, sequence_index, log_id, tenant_id, id, iteration_index, provider, model, success, error_code,
    error_message, finish_reason, input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens,
    reasoning_tokens, cost_nano_usd, duration_ms, created_at)
  SELECT run_id, sequence_index, $1::smallint, tenant_id, data->>'id', iteration_index, data->>'provider', data->>'model',
    event_type = 'llm.completed', data->'error'->>'code', data->'error'->>'message', data->>'finish_reason',
    (data->'usage'->>'input_tokens')::numeric::bigint, (data->'usage'->>'output_tokens')::numeric::bigint,
    (data->'usage'->>'cache_read_input_tokens')::numeric::bigint, (data->'usage'->>'cache_creation_input_tokens')::numeric::bigint,
    (data->'usage'->>'reasoning_tokens')::numeric::bigint, (data->>'cost_nano_usd')::numeric::bigint,
    (data->>'duration_ms')::numeric::bigint, created_at
  FROM fitting WHERE event_type IN ('llm.completed', 'llm.failed')
  ORDER BY run_id, sequence_index
  ON CONFLICT DO NOTHING
  RETURNING *
), done AS (
  INSERT INTO tool_invocations (run_id, sequence_index, log_id, tenant_id, iteration_index, order_index, call_id,
    provider_call_id, tool_name, target, params, result, success, error, duration_ms, created_at)
  SELECT run_id, sequence_index, $1::smallint, tenant_id, iteration_index, (data->>'order_index')::numeric::bigint,
    data->>'call_id', data->>'provider_call_id', data->>'tool_name', data->>'target', data->'params',
    coalesce(data->'result', 'null'), (data->>'success')::boolean, data->>'error', (data->>'duration_ms')::numeric::bigint,
    created_at
  FROM fitting WHERE event_type = 'tool.completed'
  ORDER BY run_id, sequence_index
  ON CONFLICT DO NOTHING
  RETURNING run_id
), said AS (
  INSERT INTO messages (run_id, order_index, log_id, sequence_index, tenant_id, iteration_index, role, content, tool_calls,
    call_id, tool_name, is_error, is_seed, created_at)
  SELECT f.run_id, m.order_index, $1::smallint, f.sequence_index, f.tenant_id, f.iteration_index, m.role, m.content,
    coalesce(m.tool_calls, '[]'), m.call_id, m.tool_name, coalesce(m.is_error, false), coalesce(m.is_seed, false), f.created_at
  FROM fitting AS f, jsonb_to_recordset(f.messages) AS m(order_index bigint, role text, content text, tool_calls jsonb,
    call_id text, tool_name text, is_error boolean, is_seed boolean)
  ORDER BY f.run_id, m.order_index, f.seq, f.sequence_index
  ON CONFLICT DO NOTHING
), asked_sums AS (
  SELECT run_id, count(*) AS llm_calls, count(*) FILTER (WHERE success AND cost_nano_usd IS NULL) AS unknown_cost_calls,
    sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
    sum(cache_read_input_tokens)::bigint AS cache_read_input_tokens,
    sum(cache_creation_input_tokens)::bigint AS cache_creation_input_tokens,
    sum(reasoning_tokens)::bigint AS reasoning_tokens, sum(cost_nano_usd)::bigint AS cost_nano_usd
  FROM asked GROUP BY run_id
), done_sums AS (
  SELECT run_id, count(*) AS tool_calls FROM done GROUP BY run_id
)`;

/** Columns of `runs` that come with a journal, by how they merge. */
export const STARTED_COLUMNS = [
  "started_seq",
  "agent_name",
  "agent_version",
  "strategy",
  "model",
  "max_iterations",
  "delegation_level",
  "max_delegation_depth",
  "retry_of_run_id",
];
export const GREATEST_COLUMNS = ["pause_index", "completed_index", "last_progress_at"];
export const COUNT_COLUMNS = ["llm_calls", "unknown_cost_calls", "tool_calls"];
/** Null until a call says something: null and 0 differ. */
export const SUM_COLUMNS = [
  "input_tokens",
  "output_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
  "reasoning_tokens",
  "cost_nano_usd",
];

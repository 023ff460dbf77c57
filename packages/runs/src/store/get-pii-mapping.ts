/** getPiiMapping: the placeholders of a run, folded from what its guardrails redacted. The raw values are nowhere else in its journal. */
import { checkText } from "./check-arguments.ts";
import { inScope, parameters, type RunReader } from "./reader.ts";

export async function getPiiMapping(reader: RunReader, runId: string): Promise<Record<string, string>> {
  const { values, parameter } = parameters(checkText("runId", runId));
  const rows = await reader.query<{ placeholder: string; value: string }>(
    `SELECT m.key AS placeholder, m.value FROM run_events AS e,
       jsonb_each_text(CASE WHEN jsonb_typeof(e.data->'mapping') = 'object' THEN e.data->'mapping' ELSE '{}' END) AS m
     WHERE e.run_id = $1 AND e.event_type = 'guardrail.redacted' AND ${inScope(reader, parameter, "e.run_id")}
     ORDER BY e.sequence_index`,
    values,
  );
  return Object.fromEntries(rows.map(({ placeholder, value }) => [placeholder, value]));
}

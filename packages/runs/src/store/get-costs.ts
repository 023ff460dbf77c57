/**
 * getCosts: what runs cost, by one key. By agent and by metadata from the sums on the runs; by model and by day from their
 * calls, since a run may use several of either.
 */
import { checkKeys, checkOneOf, checkText, checkWholeNumber, invalid, show } from "./check-arguments.ts";
import { usd, type RunReader } from "./reader.ts";
import { toConditions, type RunFilter } from "./run-filter.ts";
import type { CostLine } from "./views.ts";

export interface CostsOptions {
  /** `{ metadata: "thread_id" }`: by the value of that key. Days are UTC, and those of the calls. */
  by: "model" | "agent" | "day" | { readonly metadata: string };
  /** Of which runs. Default: all. */
  filter?: RunFilter | undefined;
  /** Lines, 1 to 1_000. Default 100. */
  limit?: number | undefined;
}

const TOKENS = [
  ["input_tokens", "inputTokens"],
  ["output_tokens", "outputTokens"],
  ["cache_read_input_tokens", "cacheReadInputTokens"],
  ["cache_creation_input_tokens", "cacheCreationInputTokens"],
  ["reasoning_tokens", "reasoningTokens"],
];
const SUMS = `${TOKENS.map(([column, name]) => `sum(c.${column})::float8 AS "${name}"`).join(", ")},
  ${usd("sum(c.cost_nano_usd)")} AS "costUsd"`;

export async function getCosts(reader: RunReader, options: CostsOptions): Promise<CostLine[]> {
  checkKeys("the options", options, ["by", "filter", "limit"]);
  const limit = checkWholeNumber("limit", options.limit ?? 100, 1, 1_000);
  const { key, from, counts, order } = toGrouping(options.by);
  const { where, values, parameter } = toConditions(reader, options.filter ?? {});
  const keyed = key(parameter);
  return reader.query<CostLine>(
    `SELECT ${keyed} AS key, ${counts}, ${SUMS} FROM ${from(where)} GROUP BY 1 ORDER BY ${order} LIMIT ${limit}`,
    values,
  );
}

interface Grouping {
  key: (parameter: (value: unknown) => string) => string;
  from: (where: string) => string;
  counts: string;
  order: string;
}

const DEAREST_FIRST = `sum(c.cost_nano_usd) DESC NULLS LAST, 1`;
/** Groups over runs: those that made no model call are no line. */
const OF_RUNS = {
  from: (where: string) => `(SELECT * FROM runs ${where}) AS c WHERE c.llm_calls > 0`,
  counts: `count(*)::float8 AS "runCount", sum(c.llm_calls)::float8 AS "llmCallCount", sum(c.unknown_cost_calls)::float8 AS "unknownCostCount"`,
  order: DEAREST_FIRST,
};
const OF_CALLS = {
  from: (where: string) => `llm_calls AS c WHERE c.run_id IN (SELECT run_id FROM runs ${where})`,
  counts: `count(DISTINCT c.run_id)::float8 AS "runCount", count(*)::float8 AS "llmCallCount",
    count(*) FILTER (WHERE c.success AND c.cost_nano_usd IS NULL)::float8 AS "unknownCostCount"`,
};

function toGrouping(by: CostsOptions["by"]): Grouping {
  if (typeof by === "string") {
    switch (checkOneOf("by", by, ["model", "agent", "day"])) {
      case "model":
        return { ...OF_CALLS, key: () => "c.provider || ':' || c.model", order: DEAREST_FIRST };
      case "day":
        return { ...OF_CALLS, key: () => "to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')", order: "1" };
      case "agent":
        return { ...OF_RUNS, key: () => "c.neuron_id" };
    }
  }
  if (typeof by !== "object" || by === null) {
    throw invalid(`by must be "model", "agent", "day" or { metadata: key }, got ${show(by)}`);
  }
  checkKeys("by", by, ["metadata"]);
  const name = checkText("by.metadata", by.metadata);
  return { ...OF_RUNS, key: (parameter) => `c.metadata->>${parameter(name)}::text` };
}

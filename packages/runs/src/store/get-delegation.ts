/**
 * getDelegation: a run among the runs that asked for it and those it asked for. Two queries, however deep: up and down by
 * recursion, in which a run that is its own ancestor is met once.
 */
import { toUsd, type RunStatus } from "@myelin/bus/run-events";
import { checkText } from "./check-arguments.ts";
import { parameters, type RunReader } from "./reader.ts";
import type { DelegationInfo, RunBrief, SubtreeSummary } from "./views.ts";

interface FamilyRow {
  run_id: string;
  parent_run_id: string | null;
  agent_name: string | null;
  neuron_id: string | null;
  status: RunStatus;
  delegation_level: number;
}
interface BelowRow extends FamilyRow {
  depth: number;
  input_tokens: number | null;
  output_tokens: number | null;
  cost_nano_usd: number | null;
  unknown_cost_calls: number;
}

const COLUMNS = `r.run_id, r.parent_run_id, r.agent_name, r.neuron_id, r.status, r.delegation_level::float8`;

export async function getDelegation(reader: RunReader, runId: string): Promise<DelegationInfo | null> {
  const { values, parameter } = parameters(checkText("runId", runId));
  const ofTenant = reader.tenant === undefined ? "true" : `r.tenant_id = ${parameter(reader.tenant)}`;
  // UNION, not UNION ALL: what was found is not looked for again. The depth of a row is what it was first found at.
  const above = await reader.query<FamilyRow>(
    `WITH RECURSIVE above AS (
       SELECT run_id, parent_run_id FROM runs AS r WHERE run_id = $1 AND ${ofTenant}
       UNION
       SELECT r.run_id, r.parent_run_id FROM above AS a JOIN runs AS r ON r.run_id = a.parent_run_id AND ${ofTenant})
     SELECT ${COLUMNS} FROM above JOIN runs AS r USING (run_id)`,
    values,
  );
  const family = new Map(above.map((row) => [row.run_id, row]));
  const self = family.get(runId);
  if (!self) return null;
  const below = await reader.query<BelowRow>(
    `WITH RECURSIVE below AS (
       SELECT run_id, ARRAY[run_id] AS path FROM runs AS r WHERE run_id = $1 AND ${ofTenant}
       UNION ALL
       SELECT r.run_id, b.path || r.run_id FROM below AS b JOIN runs AS r ON r.parent_run_id = b.run_id AND ${ofTenant}
       WHERE r.run_id <> ALL (b.path))
     SELECT ${COLUMNS}, cardinality(path) - 1 AS depth, r.input_tokens::float8, r.output_tokens::float8,
       r.cost_nano_usd::float8, r.unknown_cost_calls
     FROM below JOIN runs AS r USING (run_id) ORDER BY r.created_at, r.run_id`,
    values,
  );
  const { ancestry, isAncestryComplete } = climb(self, family);
  const parent = self.parent_run_id === null ? null : family.get(self.parent_run_id);
  return {
    parent:
      parent === null
        ? null
        : parent
          ? { ...toBrief(parent), isKnown: true }
          : { runId: self.parent_run_id!, isKnown: false },
    children: below.filter(({ depth }) => depth === 1).map(toBrief),
    ancestry,
    isAncestryComplete,
    subtree: summarise(below),
  };
}

/** The way up, root first. It ends where a run has no parent, its parent is not known, or it comes by a run twice. */
function climb(self: FamilyRow, family: ReadonlyMap<string, FamilyRow>) {
  const ancestry: RunBrief[] = [];
  const met = new Set([self.run_id]);
  let at = self;
  while (at.parent_run_id !== null) {
    const next = family.get(at.parent_run_id);
    if (!next || met.has(next.run_id)) return { ancestry, isAncestryComplete: false };
    met.add(next.run_id);
    ancestry.unshift(toBrief(next));
    at = next;
  }
  return { ancestry, isAncestryComplete: true };
}

function summarise(below: readonly BelowRow[]): SubtreeSummary {
  const statusCounts: Partial<Record<RunStatus, number>> = {};
  for (const { status } of below) statusCounts[status] = (statusCounts[status] ?? 0) + 1;
  const cost = sum(below.map((row) => row.cost_nano_usd));
  return {
    directChildCount: below.filter(({ depth }) => depth === 1).length,
    descendantCount: below.length - 1,
    maxDepth: Math.max(...below.map(({ depth }) => depth)),
    inputTokens: sum(below.map((row) => row.input_tokens)),
    outputTokens: sum(below.map((row) => row.output_tokens)),
    costUsd: toUsd(cost),
    unknownCostCount: below.reduce((count, row) => count + row.unknown_cost_calls, 0),
    statusCounts,
  };
}

/** Null when nobody said anything. */
const sum = (values: readonly (number | null)[]): number | null =>
  values.reduce((total, value) => (value === null ? total : (total ?? 0) + value), null);

const toBrief = (row: FamilyRow): RunBrief => ({
  runId: row.run_id,
  agentName: row.agent_name,
  neuronId: row.neuron_id,
  status: row.status,
  delegationLevel: row.delegation_level,
});

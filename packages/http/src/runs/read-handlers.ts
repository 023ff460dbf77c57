/** Read handlers: the questions about runs, asked of the store that holds only what the caller may see (H1). None writes. */
import { json } from "../serve-routes.ts";
import type { Answer, AnswerName } from "./answers.ts";
import { findRun } from "./find-run.ts";
import { invalidParameter } from "./parameters.ts";
import type { RunCall, RunHandlers } from "./run-parts.ts";
import { toWire } from "./wire.ts";

/** Totals are exact up to here: counting a million rows would cost more than the page. */
export const MAX_TOTAL = 10_000;

export const answer = <N extends AnswerName>(_name: N, body: Answer<N>, status = 200, headers = {}): Response =>
  json(body, status, headers);

type Filtered = Pick<RunCall<"listRuns">, "query" | "scope">;

function toFilter({
  query,
  scope,
}: Pick<Filtered, "scope"> & { query: Omit<Filtered["query"], "limit" | "offset" | "cursor"> }) {
  if (query.tenant_id !== undefined && scope.tenantId !== undefined) {
    throw invalidParameter("tenant_id", "is not for you to choose: what you see is your own tenant's; leave it out");
  }
  return {
    status: query.status,
    agentName: query.agent_name,
    parentRunId: query.parent_run_id,
    traceId: query.trace_id,
    retryOf: query.retry_of,
    assignee: query.assignee,
    tenantId: query.tenant_id,
    startedAfter: query.started_after,
    startedBefore: query.started_before,
    metadataFilter: query.metadata,
  };
}

/** Rows of a run; an empty list is also what an unknown run has, so only then it is looked for. */
async function rowsOf<T>(
  { reads, runId, request }: Pick<RunCall<"getRun">, "reads" | "runId" | "request">,
  ask: (runId: string) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const rows = await ask(runId);
  if (rows.length > 0) return rows;
  await findRun(reads, runId, request.signal);
  return rows;
}

export const readHandlers = {
  async listRuns({ query, reads, scope }) {
    const { limit, offset, cursor } = query;
    if (cursor !== undefined && offset !== undefined) throw invalidParameter("cursor", "goes not together with offset");
    const filter = toFilter({ query, scope });
    const [page, counted] = await Promise.all([
      reads.listRuns(filter, { limit, ...(cursor === undefined ? { offset } : { cursor }) }),
      reads.countRuns(filter, { limit: MAX_TOTAL + 1 }),
    ]);
    return answer("RunPage", {
      items: page.runs.map(toWire),
      total: Math.min(counted, MAX_TOTAL),
      has_more: counted > MAX_TOTAL,
      limit,
      offset: offset ?? 0,
      next_cursor: page.nextCursor,
    });
  },

  async getRun({ reads, runId, request }) {
    return answer("Run", toWire(await findRun(reads, runId, request.signal)));
  },

  async getEvents(call) {
    const { after, limit } = call.query;
    const events = await rowsOf(call, (id) => call.reads.getEvents(id, { afterSequenceIndex: after, limit }));
    const last = events.at(-1)?.sequenceIndex ?? after ?? null;
    return answer("EventPage", { items: events.map(toWire), next_cursor: last === -1 ? null : last });
  },

  async getLlmCalls(call) {
    const { iteration, limit, offset } = call.query;
    const rows = await rowsOf(call, (id) => call.reads.getLlmCalls(id, { iteration, limit, offset }));
    return answer("LlmCallPage", { items: rows.map(toWire), limit, offset });
  },

  async getToolCalls(call) {
    const { iteration, limit, offset } = call.query;
    const rows = await rowsOf(call, (id) => call.reads.getToolInvocations(id, { iteration, limit, offset }));
    return answer("ToolCallPage", { items: rows.map(toWire), limit, offset });
  },

  async getTraces(call) {
    const { limit, offset } = call.query;
    const rows = await rowsOf(call, (id) => call.reads.getTraces(id, { limit, offset }));
    return answer("TracePage", { items: rows.map(toWire), limit, offset });
  },

  async getPauses(call) {
    const pauses = await rowsOf(call, (id) => call.reads.getPauses(id));
    return answer("PauseList", { items: pauses.map(toWire) });
  },

  async getDelegation({ reads, runId, request }) {
    await findRun(reads, runId, request.signal);
    const delegation = await reads.getDelegation(runId);
    if (delegation === null) throw new Error(`run ${runId} was deleted while it was asked for`);
    return answer("Delegation", toWire(delegation));
  },

  async getCosts({ query, reads, scope }) {
    const { by, limit } = query;
    const lines = await reads.getCosts({ by, limit, filter: toFilter({ query, scope }) });
    return answer("CostList", { items: lines.map(toWire) });
  },
} satisfies Partial<RunHandlers<"listRuns">> &
  RunHandlers<
    | "listRuns"
    | "getRun"
    | "getEvents"
    | "getLlmCalls"
    | "getToolCalls"
    | "getTraces"
    | "getPauses"
    | "getDelegation"
    | "getCosts"
  >;

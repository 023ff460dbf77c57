/**
 * getSignals: the Signals of one run or one trace, in the order of the log. getSignal: one of them by its id.
 *
 * `signals` is cut by time, so an unbounded read would ask every week there is. A run knows its first and last time. A trace is
 * bounded by its runs, and by a week more on both sides, for what belongs to the trace and to no run of it (a STOP that came
 * late); a trace without runs is looked for everywhere.
 */
import { SIGNAL_TYPES, type SignalType } from "@myelin/bus";
import { checkKeys, checkOneOf, checkText, checkWholeNumber, invalid } from "./check-arguments.ts";
import { ms, parameters, toDate, toTenant, type RunReader } from "./reader.ts";
import type { StoredSignal } from "./views.ts";

/** Of one run, or of everything that one root dispatch caused. */
export type SignalsOf = { runId: string; traceId?: never } | { traceId: string; runId?: never };

export interface SignalsOptions {
  /** Only these types. Default: all. */
  types?: readonly SignalType[] | undefined;
  /** Signals behind this sequence. Default 0. */
  afterSeq?: number | undefined;
  /** 1 to 1_000. Default: all of them. */
  limit?: number | undefined;
  /** `asc`: as they came. `desc`: the last one first. Default `asc`. */
  order?: "asc" | "desc" | undefined;
}

interface SignalRow {
  seq: number;
  stored_ms: number;
  id: string;
  type: SignalType;
  trace_id: string;
  parent_id: string | null;
  run_id: string | null;
  tenant_id: string;
  ts_ms: number;
  directed: StoredSignal["directed"];
  payload: StoredSignal["payload"];
  meta: StoredSignal["meta"];
}

const COLUMNS = `seq::float8, ${ms("stored_at")} AS stored_ms, id, type, trace_id, parent_id, run_id, tenant_id,
  ${ms("ts")} AS ts_ms, directed, payload, meta`;

const OF_RUN = `run_id = $1
  AND stored_at >= (SELECT created_at FROM runs WHERE run_id = $1) AND stored_at <= (SELECT updated_at FROM runs WHERE run_id = $1)`;
const OF_TRACE = `trace_id = $1
  AND stored_at >= (SELECT coalesce(min(created_at) - interval '7 days', '-infinity') FROM runs WHERE trace_id = $1)
  AND stored_at <= (SELECT coalesce(max(updated_at) + interval '7 days', 'infinity') FROM runs WHERE trace_id = $1)`;

export async function getSignals(reader: RunReader, of: SignalsOf, options: SignalsOptions): Promise<StoredSignal[]> {
  checkKeys("the selection", of, ["runId", "traceId"]);
  checkKeys("the options", options, ["types", "afterSeq", "limit", "order"]);
  if ((of.runId === undefined) === (of.traceId === undefined)) throw invalid("pass either runId or traceId");
  const id = of.runId === undefined ? checkText("traceId", of.traceId) : checkText("runId", of.runId);
  const types = (options.types ?? SIGNAL_TYPES).map((type) => checkOneOf("types", type, SIGNAL_TYPES));
  const after = checkWholeNumber("afterSeq", options.afterSeq ?? 0, 0);
  const limit = options.limit === undefined ? "ALL" : checkWholeNumber("limit", options.limit, 1, 1_000);
  const order = checkOneOf("order", options.order ?? "asc", ["asc", "desc"]);
  const { values, parameter } = parameters(id, after, types.join(","));
  const rows = await reader.query<SignalRow>(
    `SELECT ${COLUMNS} FROM signals WHERE ${ofTenant(reader, parameter)} AND ${of.runId === undefined ? OF_TRACE : OF_RUN}
       AND seq > $2::bigint AND type = ANY(string_to_array($3::text, ','))
     ORDER BY log_id ${order}, signals.seq ${order} LIMIT ${limit}`,
    values,
  );
  return rows.map(toSignal);
}

/** Of several appended under one id the first. */
export async function getSignal(reader: RunReader, id: string): Promise<StoredSignal | null> {
  const { values, parameter } = parameters(checkText("id", id));
  const [row] = await reader.query<SignalRow>(
    `SELECT ${COLUMNS} FROM signals WHERE id = $1 AND ${ofTenant(reader, parameter)} ORDER BY log_id, signals.seq LIMIT 1`,
    values,
  );
  return row ? toSignal(row) : null;
}

/** Of a run's Signals the run says whose they are; of others they do themselves. */
function ofTenant({ tenant }: RunReader, parameter: (value: unknown) => string): string {
  if (tenant === undefined) return "true";
  const value = parameter(tenant);
  return `coalesce((SELECT own.tenant_id FROM runs AS own WHERE own.run_id = signals.run_id), signals.tenant_id) = ${value}`;
}

const toSignal = (row: SignalRow): StoredSignal => ({
  seq: row.seq,
  storedAt: toDate(row.stored_ms),
  id: row.id,
  type: row.type,
  traceId: row.trace_id,
  parentId: row.parent_id,
  runId: row.run_id,
  tenantId: toTenant(row.tenant_id),
  ts: toDate(row.ts_ms),
  directed: row.directed,
  payload: row.payload,
  meta: row.meta,
});

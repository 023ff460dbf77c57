/**
 * Which runs: the filter of listRuns and countRuns, and its SQL. All of it is ANDed; what is left out (or undefined) matches all.
 */
import { OPEN_STATUSES, RUN_STATUSES, type RunStatus } from "@myelin/bus/run-events";
import { isStorable } from "../recorder/storable.ts";
import { checkDate, checkKeys, checkOneOf, checkText, invalid, show } from "./check-arguments.ts";
import { parameters, type RunReader } from "./reader.ts";

export interface RunFilter {
  /** One status, or any of several; an empty list matches nothing. */
  status?: RunStatus | readonly RunStatus[] | undefined;
  neuronId?: string | undefined;
  /** The same as `neuronId`: an agent's name is its neuron id. */
  agentName?: string | undefined;
  parentRunId?: string | undefined;
  /** A tenant's runs; null: those that have none. */
  tenantId?: string | null | undefined;
  traceId?: string | undefined;
  /** Runs that try this one again. */
  retryOf?: string | undefined;
  /** Dispatched with this key. A key belongs to a tenant and a neuron: name them too, and there is one at most. */
  idempotencyKey?: string | undefined;
  /** Runs that wait, and name this person among those who should answer. */
  assignee?: string | undefined;
  namespace?: string | undefined;
  /** From this time on, itself included. Compared with `createdAt`. */
  startedAfter?: Date | undefined;
  /** Before this time, itself excluded. */
  startedBefore?: Date | undefined;
  /**
   * Runs whose metadata has each of these keys with just this value. Values are compared as JSON: 1 is 1.0, but neither
   * true nor "1"; null matches a null, not a missing key; objects and lists match only equal ones. `{}` matches all.
   * Served by an index, however rare the value.
   */
  metadataFilter?: Readonly<Record<string, unknown>> | undefined;
}

const WAITING_STATUSES = OPEN_STATUSES.filter((status) => status !== "running")
  .map((status) => `'${status}'`)
  .join(", ");

const KEYS = [
  "status",
  "neuronId",
  "agentName",
  "parentRunId",
  "tenantId",
  "traceId",
  "retryOf",
  "idempotencyKey",
  "assignee",
  "namespace",
  "startedAfter",
  "startedBefore",
  "metadataFilter",
] as const satisfies (keyof RunFilter)[];

/** Conditions on `runs`, and the values they refer to. */
export interface Conditions {
  /** `WHERE …`, or empty. */
  readonly where: string;
  readonly values: unknown[];
  /** Name one more value. */
  readonly parameter: (value: unknown) => string;
}

/** The filter as SQL, within what the reader may see, with more conditions behind it. Throws `INVALID_FILTER`. */
export function toConditions(
  reader: Pick<RunReader, "tenant">,
  filter: RunFilter,
  more: (parameter: (value: unknown) => string) => string[] = () => [],
): Conditions {
  checkKeys("the filter", filter, KEYS);
  const { values, parameter } = parameters();
  const conditions: string[] = [];
  const equals = (column: string, name: keyof RunFilter) => {
    if (filter[name] !== undefined) conditions.push(`${column} = ${parameter(checkText(name, filter[name]))}`);
  };

  if (filter.status !== undefined) {
    const statuses: readonly unknown[] = Array.isArray(filter.status) ? filter.status : [filter.status];
    const known = statuses.map((status) => checkOneOf("status", status, RUN_STATUSES));
    // Written out, not passed: only so does the planner see that the index of open runs will do. Known words, no input.
    conditions.push(known.length > 0 ? `status IN (${known.map((status) => `'${status}'`).join(", ")})` : "false");
  }
  equals("neuron_id", "neuronId");
  equals("neuron_id", "agentName");
  equals("parent_run_id", "parentRunId");
  if (filter.tenantId === null) conditions.push("tenant_id = ''");
  else equals("tenant_id", "tenantId");
  if (reader.tenant !== undefined) conditions.push(`tenant_id = ${parameter(reader.tenant)}`);
  equals("trace_id", "traceId");
  equals("retry_of_run_id", "retryOf");
  equals("idempotency_key", "idempotencyKey");
  if (filter.assignee !== undefined) {
    const assignee = parameter(checkText("assignee", filter.assignee));
    conditions.push(
      `status IN (${WAITING_STATUSES}) AND EXISTS (SELECT FROM run_events AS p WHERE p.run_id = runs.run_id
        AND p.sequence_index = runs.pause_index AND p.data->'assignees' @> to_jsonb(${assignee}::text))`,
    );
  }
  if (filter.namespace !== undefined) {
    const namespace = parameter(checkText("namespace", filter.namespace));
    conditions.push(`log_id IN (SELECT log_id FROM logs WHERE namespace = ${namespace})`);
  }
  if (filter.startedAfter !== undefined) {
    conditions.push(`created_at >= ${parameter(checkDate("startedAfter", filter.startedAfter))}::text::timestamptz`);
  }
  if (filter.startedBefore !== undefined) {
    conditions.push(`created_at < ${parameter(checkDate("startedBefore", filter.startedBefore))}::text::timestamptz`);
  }
  if (filter.metadataFilter !== undefined) {
    const wanted = checkMetadata(filter.metadataFilter);
    if (wanted.length > 0) {
      const json = parameter(JSON.stringify(Object.fromEntries(wanted)));
      conditions.push(`metadata @> ${json}::text::jsonb`);
      // `@>` takes an object for its part; only there a second look is needed.
      if (wanted.some(([, value]) => typeof value === "object" && value !== null)) {
        conditions.push(
          `NOT EXISTS (SELECT FROM jsonb_each(${json}::text::jsonb) AS w WHERE metadata->w.key IS DISTINCT FROM w.value)`,
        );
      }
    }
  }
  conditions.push(...more(parameter));
  return { where: conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "", values, parameter };
}

function checkMetadata(filter: unknown): [string, unknown][] {
  if (typeof filter !== "object" || filter === null || Array.isArray(filter)) {
    throw invalid(`metadataFilter must be an object, got ${show(filter)}`);
  }
  return Object.entries(filter).map(([key, value]: [string, unknown]) => {
    if (!isJson(value)) {
      throw invalid(`metadataFilter.${key} must be a JSON value, got ${show(value)}; leave the key out to match all`);
    }
    if (!isStorable(key) || !isStorable(value)) {
      throw invalid(`metadataFilter.${show(key)} holds U+0000 or half a surrogate pair, which no stored metadata does`);
    }
    return [key, value];
  });
}

/** What JSON.stringify would not silently drop or change. */
function isJson(value: unknown, depth = 0): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || depth > 100) return false;
  if (Array.isArray(value)) return value.every((one) => isJson(one, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every((one) => isJson(one, depth + 1));
}

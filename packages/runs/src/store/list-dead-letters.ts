/** listDeadLetters and getDeadLetter: what failed for good. Newest first, in pages that cost the same anywhere in the list. */
import { checkKeys, checkOneOf, checkText, checkWholeNumber } from "./check-arguments.ts";
import { decodeCursor, encodeCursor } from "./keyset-cursor.ts";
import { ms, parameters, toDate, toTenant, type RunReader } from "./reader.ts";
import type { DeadLetter, DeadLetterDetail, DeadLetterKind } from "./views.ts";

const KINDS: readonly DeadLetterKind[] = ["task", "message"];

/** Which dead letters, and which page of them. Filters are ANDed; what is left out matches all. */
export interface DeadLetterOptions {
  /** A tenant's; null: those that have none. */
  tenantId?: string | null | undefined;
  /** Tasks of this neuron. */
  neuronId?: string | undefined;
  /** Of the ERROR (`DEADLINE_EXCEEDED`), or the reason why a message is none (`NOT_JSON`). */
  code?: string | undefined;
  kind?: DeadLetterKind | undefined;
  /** 1 to 1_000. Default 50. */
  limit?: number | undefined;
  /** `nextCursor` of the page before. Null: from the newest. */
  cursor?: string | null | undefined;
}

export interface DeadLetterPage {
  readonly deadLetters: readonly DeadLetter[];
  /** Of the next page; null when this was the last. */
  readonly nextCursor: string | null;
}

type DeadLetterRow = Omit<DeadLetter, "tenantId" | "createdAt"> & { tenant_id: string; created_ms: number };

const COLUMNS = `id, kind, code, message, namespace, seq::float8 AS seq, neuron_id AS "neuronId", run_id AS "runId",
  trace_id AS "traceId", tenant_id, task_seq::float8 AS "taskSeq", attempts, replayed_run_id AS "replayedRunId",
  ${ms("stored_at")} AS created_ms`;

export async function listDeadLetters(reader: RunReader, options: DeadLetterOptions): Promise<DeadLetterPage> {
  checkKeys("the options", options, ["tenantId", "neuronId", "code", "kind", "limit", "cursor"]);
  const { tenantId, neuronId, code, kind, cursor = null } = options;
  const limit = checkWholeNumber("limit", options.limit ?? 50, 1, 1_000);
  const conditions: string[] = [];
  const { values, parameter } = parameters();
  if (reader.tenant !== undefined) conditions.push(`tenant_id = ${parameter(reader.tenant)}`);
  if (tenantId === null) conditions.push("tenant_id = ''");
  else if (tenantId !== undefined) conditions.push(`tenant_id = ${parameter(checkText("tenantId", tenantId))}`);
  if (neuronId !== undefined) conditions.push(`neuron_id = ${parameter(checkText("neuronId", neuronId))}`);
  if (code !== undefined) conditions.push(`code = ${parameter(checkText("code", code))}`);
  if (kind !== undefined) conditions.push(`kind = ${parameter(checkOneOf("kind", kind, KINDS))}`);
  if (cursor !== null) {
    const { createdAt, id } = decodeCursor(cursor);
    conditions.push(`(stored_at, id) < (${parameter(createdAt)}::text::timestamptz, ${parameter(id)})`);
  }
  // One more than asked for tells whether there is a next page.
  const rows = await reader.query<DeadLetterRow>(
    `SELECT ${COLUMNS} FROM dead_letters JOIN logs USING (log_id)
     ${conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : ""}
     ORDER BY stored_at DESC, id DESC LIMIT ${limit + 1}`,
    values,
  );
  const deadLetters = rows.slice(0, limit).map(toDeadLetter);
  const last = deadLetters.at(-1);
  return { deadLetters, nextCursor: rows.length > limit && last ? encodeCursor(last) : null };
}

export async function getDeadLetter(reader: RunReader, id: string): Promise<DeadLetterDetail | null> {
  const { values, parameter } = parameters(checkText("id", id));
  const [row] = await reader.query<DeadLetterRow & { subject: string | null; base64: string | null }>(
    `SELECT ${COLUMNS}, subject, encode(bytes, 'base64') AS base64 FROM dead_letters JOIN logs USING (log_id)
     WHERE id = $1 AND ${reader.tenant === undefined ? "true" : `tenant_id = ${parameter(reader.tenant)}`}`,
    values,
  );
  if (!row) return null;
  const { subject, base64, ...rest } = row;
  const bytes = base64 === null ? null : new Uint8Array(Buffer.from(base64, "base64"));
  return { ...toDeadLetter(rest), subject, bytes };
}

const toDeadLetter = ({ tenant_id, created_ms, ...row }: DeadLetterRow): DeadLetter => ({
  ...row,
  tenantId: toTenant(tenant_id),
  createdAt: toDate(created_ms),
});

/**
 * Signal: one typed envelope on the bus. In memory it *is* the JSON on the wire; nothing is renamed.
 *
 * P1: a Signal that parses encodes to bytes that parse to an equal Signal. Schemas only check, they never change what
 * they check, so keys we do not know survive.
 */
import type { z } from "zod";
import { CATALOG, isSignalType, type PayloadOf, type SignalType } from "./catalog.ts";
import { BusError } from "./errors.ts";
import { isSignalId, isTraceId, newSignalId, type SignalId, type TraceId } from "./ids.ts";
import { isSurelyPayload } from "./sure-payloads.ts";
import { keptTimeText } from "./time-text.ts";

/** The address of a request, or the producer of a reply. */
export interface Directed {
  id: string | null;
  type: string | null;
  capabilities: string[];
}
export type Producer = Directed & { id: string };
export type DirectedOf<T extends SignalType> = {
  producer: Producer;
  address: Directed;
  none: Directed | null;
}[(typeof CATALOG)[T]["directed"]];

/** What travels beside the payload. Ours are named; other keys are kept and ignored. */
export interface Meta {
  run_id?: string;
  parent_run_id?: string;
  tenant_id?: string;
  /** Instance id of the dispatcher that waits for the reply. */
  reply_to?: string;
  /** Which start of the task made this, from 1. */
  attempt?: number;
  /** Instance id of the process that made this. A TASK of a dispatcher has none: there it is `reply_to`. */
  instance?: string;
  /** On a TASK: the key that stands for it. It is appended once, under its run's own subject. */
  idempotency_key?: string;
  /** Log sequence of the TASK a reply answers. Absent when the TASK was transient. */
  task_seq?: number;
  [key: string]: unknown;
}

interface Envelope<T extends SignalType> {
  v: "1";
  id: SignalId;
  trace_id: TraceId;
  parent_id: SignalId | null;
  type: T;
  directed: DirectedOf<T>;
  ts: string;
  payload: PayloadOf<T>;
  meta: Meta;
}

/** A Signal of one type; of several, a union that narrows on `type`. */
export type SignalOf<T extends SignalType> = { [K in T]: Envelope<K> }[T];
/** Any Signal; narrows on `type`. */
export type Signal = SignalOf<SignalType>;

/** What is needed to make a Signal; the rest has defaults: a fresh id, now, no parent, an empty meta. */
export type NewSignal<T extends SignalType> = Pick<Envelope<T>, "type" | "trace_id" | "payload"> &
  Partial<Pick<Envelope<T>, "id" | "ts" | "parent_id" | "meta">> &
  (null extends DirectedOf<T> ? { directed?: DirectedOf<T> } : { directed: DirectedOf<T> });

const textOfNow = keptTimeText();

/** Make a Signal. Trusts the compiler: nothing is checked at run time. */
export function createSignal<T extends SignalType>(init: NewSignal<T>): SignalOf<T> {
  const { id, trace_id, parent_id, type, directed, ts, payload, meta } = init as Partial<Envelope<T>>;
  return {
    v: "1",
    id: id ?? newSignalId(),
    trace_id,
    parent_id: parent_id ?? null,
    type,
    directed: directed ?? null,
    ts: ts ?? textOfNow(Date.now()),
    payload,
    meta: meta ?? {},
  } as unknown as SignalOf<T>;
}

/**
 * Why bytes are not a Signal. Closed, so that it can label a metric. `parseSignal` never says `BAD_OBJECT`: the Signal was too
 * large for a message, and the object that has it is gone, above what this process takes, or not what its name says.
 */
export type SignalProblemCode = "NOT_JSON" | "WRONG_VERSION" | "UNKNOWN_TYPE" | "WRONG_SHAPE" | "BAD_OBJECT";
export interface SignalProblem {
  readonly code: SignalProblemCode;
  /** One line: where, what is there, what should be. Long values are cut. */
  readonly message: string;
}
export type ParsedSignal = { ok: true; signal: Signal } | { ok: false; problem: SignalProblem };

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Read a Signal from bytes. Never throws: a bad message is data, and the next one is served. */
export function parseSignal(bytes: Uint8Array): ParsedSignal {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (error) {
    return problem("NOT_JSON", error instanceof Error ? error.message : String(error));
  }
  return checkSignal(value);
}

/** Check that a value is a Signal. Missing `parent_id`, `directed` and `meta` are read as their empty forms. */
export function checkSignal(value: unknown): ParsedSignal {
  if (!isObject(value)) return problem("WRONG_SHAPE", `a Signal is a JSON object, got ${show(value)}`);
  const { v, id, trace_id, parent_id = null, type, directed = null, ts, payload, meta = {} } = value;
  if (v !== "1" && !(typeof v === "string" && v.startsWith("1."))) {
    return problem("WRONG_VERSION", `v must be "1", got ${show(v)}`);
  }
  if (!isSignalType(type)) return problem("UNKNOWN_TYPE", `type ${show(type)} is not in the catalog`);
  if (!isSignalId(id)) return wrong("id", "evt_<ULID>", id);
  if (!isTraceId(trace_id)) return wrong("trace_id", "trc_<ULID>", trace_id);
  if (parent_id !== null && !isSignalId(parent_id)) return wrong("parent_id", "null or evt_<ULID>", parent_id);
  if (!isTimestamp(ts)) return wrong("ts", "an ISO 8601 time with zone", ts);
  const definition = CATALOG[type];
  const badDirected = checkDirected(directed, definition.directed);
  if (badDirected) return problem("WRONG_SHAPE", badDirected);
  const badMeta = checkMeta(meta);
  if (badMeta) return problem("WRONG_SHAPE", badMeta);
  const checked = isSurelyPayload(type, payload) ? null : (definition.payload as z.ZodType).safeParse(payload);
  if (checked?.success === false) {
    const issue = checked.error.issues[0]!;
    const where = ["payload", ...issue.path.map(String)].join(".").slice(0, 200);
    return problem("WRONG_SHAPE", `${type} ${where}: ${issue.message.slice(0, 300)}`);
  }
  const signal = { v: "1", id, trace_id, parent_id, type, directed, ts, payload, meta };
  return { ok: true, signal: signal as unknown as Signal };
}

// In Node small ones share its buffer pool. `TextEncoder.encode` takes 6 µs more: a buffer of its own for each.
const pooled = (globalThis as { Buffer?: { from(text: string): Uint8Array } }).Buffer;
const encoder = new TextEncoder();
const toBytes = (text: string): Uint8Array => (pooled ? pooled.from(text) : encoder.encode(text));

/** The bytes of a Signal. Throws as `toSignalText` does. */
export const encodeSignal = (signal: Signal): Uint8Array => toBytes(toSignalText(signal));

/** The JSON of a Signal. Throws `BusError` `NOT_JSON` when the payload holds what JSON cannot (BigInt, a cycle). */
export function toSignalText(signal: Signal): string {
  try {
    return JSON.stringify(signal);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new BusError("NOT_JSON", `${signal.type} ${signal.id} cannot be written as JSON: ${reason}`, { cause });
  }
}

function checkDirected(directed: unknown, role: "address" | "producer" | "none"): string | null {
  if (directed === null) return role === "none" ? null : `directed must name the ${role}, got null`;
  if (!isObject(directed)) return `directed must be an object or null, got ${show(directed)}`;
  const { id = null, type = null, capabilities } = directed;
  if (id !== null && (typeof id !== "string" || id === "")) return `directed.id must be text or null, got ${show(id)}`;
  if (id === null && role === "producer") return "directed.id must name the producer, got null";
  if (type !== null && typeof type !== "string") return `directed.type must be text or null, got ${show(type)}`;
  if (!Array.isArray(capabilities) || !capabilities.every((one) => typeof one === "string")) {
    return `directed.capabilities must be a list of texts, got ${show(capabilities)}`;
  }
  return null;
}

const META_TEXTS = ["run_id", "parent_run_id", "tenant_id", "reply_to", "instance", "idempotency_key"] as const;
const META_COUNTS = ["attempt", "task_seq"] as const;

function checkMeta(meta: unknown): string | null {
  if (!isObject(meta)) return `meta must be an object, got ${show(meta)}`;
  const { run_id, parent_run_id, tenant_id, reply_to, instance, idempotency_key, attempt, task_seq } = meta;
  const areTexts =
    isMetaText(run_id) &&
    isMetaText(parent_run_id) &&
    isMetaText(tenant_id) &&
    isMetaText(reply_to) &&
    isMetaText(instance) &&
    isMetaText(idempotency_key);
  if (areTexts && isMetaCount(attempt) && isMetaCount(task_seq)) return null;
  for (const key of META_TEXTS) {
    if (!isMetaText(meta[key])) return `meta.${key} must be text of at most 255 characters, got ${show(meta[key])}`;
  }
  for (const key of META_COUNTS) {
    if (!isMetaCount(meta[key])) return `meta.${key} must be a whole number, got ${show(meta[key])}`;
  }
  return null;
}

const isMetaText = (value: unknown): boolean =>
  value === undefined || (typeof value === "string" && value.length <= 255);
const isMetaCount = (value: unknown): boolean =>
  value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0);

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
/** The last one that was good: under load many Signals are of one millisecond. */
let goodTimestamp = "";
function isTimestamp(value: unknown): value is string {
  if (typeof value !== "string") return false;
  if (value === goodTimestamp) return true;
  if (!ISO_TIME.test(value) || Number.isNaN(Date.parse(value))) return false;
  goodTimestamp = value;
  return true;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const problem = (code: SignalProblemCode, message: string): ParsedSignal => ({
  ok: false,
  problem: { code, message: message.slice(0, 500) },
});
const wrong = (key: string, wanted: string, got: unknown) =>
  problem("WRONG_SHAPE", `${key} must be ${wanted}, got ${show(got)}`);

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

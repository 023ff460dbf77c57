/**
 * Ids: prefixed ULIDs, so that a glance tells what an id names and sorting by id sorts by creation time.
 *
 * Monotonic within a process and a millisecond, so two ids of one process never compare the wrong way round.
 */
import { monotonicFactory } from "ulid";
import { BusError } from "./errors.ts";

export type SignalId = `evt_${string}`;
export type TraceId = `trc_${string}`;
export type RunId = `run_${string}`;
/** One `new Dendrite`: a process, as far as replies and the roster are concerned. */
export type InstanceId = `dnd_${string}`;

// ulid's own generator asks the system for one random byte per character. A pool of 4 KiB makes an id eight times
// cheaper and exactly as random.
const pool = new Uint8Array(4096);
let poolAt = pool.length;
function randomUnit(): number {
  if (poolAt === pool.length) {
    globalThis.crypto.getRandomValues(pool);
    poolAt = 0;
  }
  return pool[poolAt++]! / 256;
}

const ulid = monotonicFactory(randomUnit);

export const newSignalId = (): SignalId => `evt_${ulid()}`;
export const newTraceId = (): TraceId => `trc_${ulid()}`;
export const newRunId = (): RunId => `run_${ulid()}`;
export const newInstanceId = (): InstanceId => `dnd_${ulid()}`;

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const CAPABILITY = /^[A-Za-z0-9_.:-]{1,64}$/;
const RESERVED_NEURON_ID = /^(dnd_|run_|_)/;

/** True for what may stand as one token of a subject. */
export const isId = (value: unknown): value is string => typeof value === "string" && ID.test(value);
export const isSignalId = (value: unknown): value is SignalId => isId(value) && value.startsWith("evt_");
export const isTraceId = (value: unknown): value is TraceId => isId(value) && value.startsWith("trc_");
export const isRunId = (value: unknown): value is RunId => isId(value) && value.startsWith("run_");

/** Accept a namespace, or throw `INVALID_ID`. */
export function parseNamespace(value: unknown): string {
  if (isId(value)) return value;
  throw invalidId("namespace", value, "1 to 64 of A-Z a-z 0-9 _ -");
}

/** Accept a neuron id, or throw `INVALID_ID`. `dnd_`, `run_` and `_` begin other kinds of address. */
export function parseNeuronId(value: unknown): string {
  if (isId(value) && !RESERVED_NEURON_ID.test(value)) return value;
  throw invalidId("neuron id", value, "1 to 64 of A-Z a-z 0-9 _ -, and may not begin with dnd_, run_ or _");
}

/** Accept a capability, or throw `INVALID_ID`. */
export function parseCapability(value: unknown): string {
  if (typeof value === "string" && CAPABILITY.test(value)) return value;
  throw invalidId("capability", value, "1 to 64 of A-Z a-z 0-9 _ . : -");
}

/** Accept a trace id, or throw `INVALID_ID`. */
export function parseTraceId(value: unknown): TraceId {
  if (isTraceId(value)) return value;
  throw invalidId("trace id", value, "trc_ and at most 60 of A-Z a-z 0-9 _ -; newTraceId() makes one");
}

function invalidId(what: string, value: unknown, rule: string): BusError {
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : String(value);
  return new BusError("INVALID_ID", `${what} must be ${rule}, got ${shown}`);
}

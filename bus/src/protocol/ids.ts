/**
 * Ids: prefixed ULIDs, so that a glance tells what an id names and sorting by id sorts by creation time.
 *
 * Monotonic within a process and a millisecond, so two ids of one process never compare the wrong way round.
 */
import { decodeTime, isValid, ulid } from "ulid";
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

// Of the ids of one millisecond only the first is made in full; the others count on from its last four characters (20 bits).
// The generator's own way to count costs 0.4 µs and a dozen strings, four times per dispatch; this costs a tenth.
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PAIRS = Array.from({ length: 1024 }, (_, value) => DIGITS[value >> 5]! + DIGITS[value & 31]!);
const LAST_COUNT = 2 ** 20 - 1;
let idMs = 0;
let head = "";
let count = 0;

function nextUlid(): string {
  const now = Date.now();
  if (now > idMs) startMs(now);
  // Out of numbers, or the clock was set back: go on as if time had.
  else if (++count > LAST_COUNT) startMs(idMs + 1);
  return head + PAIRS[count >> 10]! + PAIRS[count & 1023]!;
}

function startMs(ms: number): void {
  idMs = ms;
  const first = ulid(ms, randomUnit);
  head = first.slice(0, -4);
  count = [...first.slice(-4)].reduce((value, digit) => value * 32 + DIGITS.indexOf(digit), 0);
}

export const newSignalId = (): SignalId => `evt_${nextUlid()}`;
export const newTraceId = (): TraceId => `trc_${nextUlid()}`;
export const newRunId = (): RunId => `run_${nextUlid()}`;
export const newInstanceId = (): InstanceId => `dnd_${nextUlid()}`;

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const CAPABILITY = /^[A-Za-z0-9_.:-]{1,64}$/;
const RESERVED_NEURON_ID = /^(dnd_|run_|_)/;

/** True for what may stand as one token of a subject. */
export const isId = (value: unknown): value is string => typeof value === "string" && ID.test(value);
export const isSignalId = (value: unknown): value is SignalId => isId(value) && value.startsWith("evt_");
export const isTraceId = (value: unknown): value is TraceId => isId(value) && value.startsWith("trc_");
export const isRunId = (value: unknown): value is RunId => isId(value) && value.startsWith("run_");

/** When an id was made, by its maker's clock; null for one that is no ULID behind its prefix (a peer may make any). */
export function timeOfId(id: string): Date | null {
  const made = id.slice(id.indexOf("_") + 1);
  return isValid(made) ? new Date(decodeTime(made)) : null;
}

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

/** Accept the name of a key in a namespace's bucket, or throw `INVALID_ID`. Whoever has longer names hashes them. */
export function parseKey(value: unknown): string {
  if (isId(value)) return value;
  throw invalidId("key", value, "1 to 64 of A-Z a-z 0-9 _ -");
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

/**
 * Ticket: what travels in the place of a Signal that is too large for one message. Its bytes are an object beside the log;
 * the ticket names them, and says whose they are.
 *
 *     { "v": "object", "id": "evt_…", "trace_id": "trc_…", "type": "TASK", "meta": { "run_id": "run_…" },
 *       "object": "obj_<sha256 of the Signal's bytes>", "bytes": 3145728 }
 *
 * Its `v` is no version of a Signal, so a peer that does not know tickets refuses it (`WRONG_VERSION`), and whoever reads
 * Signals need look for one only then.
 */
import type { Signal } from "./signal.ts";

export interface Ticket {
  readonly reference: string;
  /** How many bytes the Signal has. */
  readonly bytes: number;
}

const REFERENCE = /^obj_[0-9a-f]{64}$/;

/** True for the name of an object: what it names can be checked against it. */
export const isObjectReference = (value: unknown): value is string =>
  typeof value === "string" && REFERENCE.test(value);

export function encodeTicket(signal: Signal, ticket: Ticket): Uint8Array {
  const { id, trace_id, type, meta } = signal;
  const run = meta.run_id === undefined ? {} : { run_id: meta.run_id };
  const { reference, bytes } = ticket;
  return new TextEncoder().encode(
    JSON.stringify({ v: "object", id, trace_id, type, meta: run, object: reference, bytes }),
  );
}

/** Null when the bytes are no ticket. */
export function readTicket(bytes: Uint8Array): Ticket | null {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown> | null;
    if (value?.["v"] !== "object" || !isObjectReference(value["object"])) return null;
    const size = value["bytes"];
    return Number.isSafeInteger(size) ? { reference: value["object"], bytes: size as number } : null;
  } catch {
    return null;
  }
}

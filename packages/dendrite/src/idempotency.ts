/**
 * Idempotency: a key that stands for one dispatch. This file says what the key is called, what its value holds, and when
 * two requests are the same; `claims.ts` keeps the keys.
 */
import { createHash } from "node:crypto";
import { checkSignal, type SignalOf } from "@myelin/bus";
import { DendriteError } from "./errors.ts";

/** Whose key it is: of a namespace (its bucket), a tenant, and who is asked. */
export interface KeyScope {
  readonly idempotencyKey: string;
  readonly neuron?: string | undefined;
  readonly capabilities?: readonly string[] | undefined;
  readonly tenantId?: string | undefined;
}

/** What a key's value holds. */
export interface Claim {
  /** Sent or not: whoever finds the key sends it if it is not in the log. */
  readonly task: SignalOf<"TASK">;
  /** Of what was asked for. */
  readonly requestHash: string;
  /** The log when the key was claimed: all of the run comes after. */
  readonly logCreatedAt: string;
  readonly logSeq: number;
}

/** The name of the key in the namespace's bucket. */
export function keyName({ tenantId, neuron, capabilities, idempotencyKey }: KeyScope): string {
  return `idem_${sha256([tenantId ?? null, neuron ?? sorted(capabilities), idempotencyKey])}`;
}

/** Tells one request from another: who is asked, and the input. Throws `INVALID_OPTION` for what is no JSON. */
export function requestHash(request: {
  readonly neuron?: string | undefined;
  readonly capabilities?: readonly string[] | undefined;
  readonly input: unknown;
}): string {
  return sha256([request.neuron ?? sorted(request.capabilities), request.input]);
}

export function encodeClaim(claim: Claim): Uint8Array {
  return Buffer.from(JSON.stringify({ v: 1, ...claim }));
}

/** Throws `INVALID_OPTION` when the value is none of ours: then the key is nobody's to use. */
export function decodeClaim(name: string, bytes: Uint8Array): Claim {
  const value = toObject(bytes);
  const checked = checkSignal(value?.["task"]);
  if (!value || value["v"] !== 1 || !checked.ok || checked.signal.type !== "TASK") {
    throw new DendriteError("INVALID_OPTION", `the key ${name} holds no claim that this version reads`);
  }
  return { ...(value as unknown as Claim), task: checked.signal };
}

/** JSON that is the same for equal values: keys of objects in order. */
export function canonicalJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, one: unknown) =>
      typeof one === "object" && one !== null && !Array.isArray(one)
        ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
        : one,
    );
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new DendriteError("INVALID_OPTION", `input cannot be written as JSON: ${reason}`, { cause });
  }
}

const sorted = (capabilities: readonly string[] = []): string[] => [...new Set(capabilities)].sort();
const sha256 = (value: unknown): string => createHash("sha256").update(canonicalJson(value)).digest("base64url");

function toObject(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null; // no JSON: no claim, which the caller says
  }
}

/** The largest Signal a connection sends and takes: one rule for every transport. */
import { BusError } from "../protocol/errors.ts";

const MIB = 1024 ** 2;
const DEFAULT_BYTES = 16 * MIB;
const MIN_BYTES = 1024;
/** Half of the longest text that V8 holds: it is JSON on the way in and out. */
const MAX_BYTES = 256 * MIB;

/** The option, checked. Throws `INVALID_OPTION`. */
export function resolveMaxPayloadBytes(value: number | undefined): number {
  if (value === undefined) return DEFAULT_BYTES;
  if (Number.isSafeInteger(value) && value >= MIN_BYTES && value <= MAX_BYTES) return value;
  throw new BusError(
    "INVALID_OPTION",
    `maxPayloadBytes must be a whole number from ${MIN_BYTES} to ${MAX_BYTES}, got ${String(value)}`,
  );
}

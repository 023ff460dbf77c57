/** The headers of an append: the dedup id, the expected last sequence, and whether it replaces what was there. */
import { BusError } from "../../protocol/errors.ts";

export interface HeaderFields {
  readonly signalId: string;
  readonly dedupId: string | undefined;
  readonly expectLastSeq: number | undefined;
  /** It takes the place of all that its subject had. */
  readonly replaces?: boolean | undefined;
}

function assertDedupId(dedupId: string): void {
  if (/^[\x21-\x7e]{1,255}$/.test(dedupId)) return;
  throw new BusError(
    "INVALID_OPTION",
    `dedupId must be 1 to 255 printable ASCII characters, got ${JSON.stringify(dedupId.slice(0, 80))}`,
  );
}

/** An upper bound of what toHeaders adds to a message, and so to what the server must take. */
export const HEADER_BYTES = 512;

/** The headers as NATS writes them. Throws `INVALID_OPTION` when the dedup id cannot be one. */
export function toHeaders(append: HeaderFields): string {
  const { signalId, dedupId, expectLastSeq, replaces } = append;
  // A line break in an id would be another header.
  const id = dedupId ?? (expectLastSeq === undefined ? signalId : undefined);
  if (id !== undefined) assertDedupId(id);
  const idLine = id === undefined ? "" : `Nats-Msg-Id: ${id}\r\n`;
  const seqLine =
    expectLastSeq === undefined ? "" : `Nats-Expected-Last-Subject-Sequence: ${String(expectLastSeq)}\r\n`;
  const rollupLine = replaces === true ? "Nats-Rollup: sub\r\n" : "";
  return `NATS/1.0\r\n${seqLine}${idLine}${rollupLine}\r\n`;
}

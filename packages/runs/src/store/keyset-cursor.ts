/** A place in a list that is newest first: opaque text outside, the sort key of a row inside. */
import { checkText, invalid, show } from "./check-arguments.ts";

export interface RowKey {
  readonly createdAt: Date;
  readonly id: string;
}

export const encodeCursor = ({ createdAt, id }: RowKey): string =>
  Buffer.from(`${createdAt.getTime()} ${id}`).toString("base64url");

/** Throws `INVALID_FILTER`. */
export function decodeCursor(cursor: string): { createdAt: string; id: string } {
  const [, time, id] =
    /^(\d{1,15}) (.+)$/su.exec(Buffer.from(checkText("cursor", cursor), "base64url").toString()) ?? [];
  const createdAt = new Date(Number(time));
  if (id === undefined || Number.isNaN(createdAt.getTime()) || createdAt.getUTCFullYear() > 9999) {
    throw invalid(`cursor must be the nextCursor of an earlier page, got ${show(cursor)}`);
  }
  return { createdAt: createdAt.toISOString(), id: checkText("cursor", id) };
}

/** A place in the list of runs: opaque text outside, the sort key of a run inside. */
import { checkText, invalid, show } from "./check-arguments.ts";

export interface RunKey {
  readonly createdAt: Date;
  readonly runId: string;
}

export const encodeCursor = ({ createdAt, runId }: RunKey): string =>
  Buffer.from(`${createdAt.getTime()} ${runId}`).toString("base64url");

/** Throws `INVALID_FILTER`. */
export function decodeCursor(cursor: string): { createdAt: string; runId: string } {
  const [, time, runId] =
    /^(\d{1,15}) (.+)$/su.exec(Buffer.from(checkText("cursor", cursor), "base64url").toString()) ?? [];
  const createdAt = new Date(Number(time));
  if (runId === undefined || Number.isNaN(createdAt.getTime()) || createdAt.getUTCFullYear() > 9999) {
    throw invalid(`cursor must be the nextCursor of an earlier page, got ${show(cursor)}`);
  }
  return { createdAt: createdAt.toISOString(), runId: checkText("cursor", runId) };
}

/** findRun: the run a path names, or 404: for unknown ids, ids that are none, and runs of other tenants alike. */
import { setTimeout as sleep } from "node:timers/promises";
import { timeOfId } from "@myelin/bus";
import type { RunDetail } from "@myelin/runs";
import { HttpProblem } from "../problem.ts";
import type { RunReads } from "./run-parts.ts";

/** What began this long ago may not be recorded yet. */
const YOUNG_MS = 5_000;
/** How long it is waited for, in pauses that double. */
const MAX_WAIT_MS = 1_000;

/** Throws `HttpProblem` 404. */
export async function findRun(reads: Pick<RunReads, "getRun">, runId: string, signal: AbortSignal): Promise<RunDetail> {
  const run = await whenRecorded(runId, () => reads.getRun(runId), signal);
  if (run) return run;
  throw runNotFound(runId);
}

export const runNotFound = (runId: string): HttpProblem =>
  new HttpProblem({
    status: 404,
    code: "RUN_NOT_FOUND",
    detail: `there is no run ${JSON.stringify(runId.slice(0, 80))}`,
    members: { runId: runId.slice(0, 80) },
  });

/**
 * Who starts a run and asks for it at once is ahead of the recorder by some milliseconds; so what has an id that was made a
 * moment ago is looked for again, for up to a second. Null when it is not there.
 */
async function whenRecorded<T>(id: string, look: () => Promise<T | null>, signal: AbortSignal): Promise<T | null> {
  const isYoung = Math.abs(Date.now() - (timeOfId(id)?.getTime() ?? 0)) < YOUNG_MS;
  for (let pauseMs = 20; ; pauseMs *= 2) {
    const found = await look();
    if (found !== null || !isYoung || pauseMs > MAX_WAIT_MS / 2) return found;
    await sleep(pauseMs, undefined, { signal });
  }
}

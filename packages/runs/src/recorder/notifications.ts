/**
 * Notifications: the recorder's word to whoever follows a run (RunListener) that there is something new of it. They are sent
 * with the batch and heard when it is committed.
 */

/** The channel. Its payloads are ids of runs, with spaces between them. */
export const RUNS_CHANNEL = "myelin_runs";

/** Postgres takes less than 8,000 bytes. */
const MAX_BYTES = 7_900;

/** Ids as payloads, each as long as may be. An id with a space in it is nobody's who follows it: it is left out. */
export function toPayloads(runIds: Iterable<string>): string[] {
  const payloads: string[] = [];
  let payload = "";
  let bytes = 0;
  for (const runId of runIds) {
    if (runId.includes(" ")) continue;
    const more = Buffer.byteLength(runId) + 1;
    if (bytes + more > MAX_BYTES) {
      payloads.push(payload);
      payload = "";
      bytes = 0;
    }
    payload += payload === "" ? runId : ` ${runId}`;
    bytes += more;
  }
  if (payload !== "") payloads.push(payload);
  return payloads;
}

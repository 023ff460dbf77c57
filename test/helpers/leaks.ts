/** A leak check for a test file: what it opened is closed at its end. */
import { afterAll } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";

/** Kinds of `process.getActiveResourcesInfo()` that keep a process alive and that we open. */
const WATCHED = new Set(["TCPSocketWrap", "TCPServerWrap", "PipeWrap", "ProcessWrap", "TLSWrap", "UDPWrap", "Timeout"]);

/** Closing takes a few turns of the event loop, and a busy machine its time. What is still there after this is a leak. */
const CLOSE_TIMEOUT_MS = 15_000;

/**
 * Fail the test file when sockets, servers, pipes, child processes or timers (not unref'd ones) remain at its end that
 * were not there when this was called. Call it once, at the top level of the file and below its own `afterAll` hooks:
 * Jest runs these in the order they were registered.
 */
export function expectNoLeaks(): void {
  const before = countResources();
  // Jest's own timer, which limits the hook below.
  before.set("Timeout", (before.get("Timeout") ?? 0) + 1);
  afterAll(async () => {
    const deadline = performance.now() + CLOSE_TIMEOUT_MS;
    let leaks = findLeaks(before);
    while (leaks.length > 0 && performance.now() < deadline) {
      await sleep(10, undefined, { ref: false });
      leaks = findLeaks(before);
    }
    if (leaks.length > 0) throw new Error(`left open by this test file: ${leaks.join(", ")}`);
  });
}

function findLeaks(before: ReadonlyMap<string, number>): string[] {
  return [...countResources()]
    .map(([kind, count]) => ({ kind, extra: count - (before.get(kind) ?? 0) }))
    .filter(({ extra }) => extra > 0)
    .map(({ kind, extra }) => `${extra} ${kind}`);
}

function countResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (WATCHED.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

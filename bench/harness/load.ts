/** Load: operations that are kept going for a while, and what they cost this process. */
import { toRound, type Round } from "./statistics.ts";

/** Keep `inFlight` operations going for `durationMs`, each as soon as one has ended. */
export async function keepGoing(
  { inFlight, durationMs }: { readonly inFlight: number; readonly durationMs: number },
  operate: () => Promise<void>,
): Promise<Round> {
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const operateAndOperateAgain = async () => {
    for (;;) {
      const begunAt = performance.now();
      if (begunAt - startedAt >= durationMs) return;
      await operate();
      latenciesMs.push(performance.now() - begunAt);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, operateAndOperateAgain));
  return toRound(latenciesMs, performance.now() - startedAt);
}

/** Processor time of this process, user's and system's. */
export function cpuUs(): Promise<number> {
  const { user, system } = process.cpuUsage();
  return Promise.resolve(user + system);
}

/** The program of a fleet's processes: a worker that answers, or a dispatcher that asks and takes the time. */
import { loadContender, type JobDispatcher } from "../contenders/contender.ts";
import { assertAnswer, makeJob } from "../contenders/job.ts";
import { serveParent } from "./child.ts";
import type { MeasureArgument, StartArgument } from "./fleet.ts";
import { toRound, type Round } from "./statistics.ts";

let running: AsyncDisposable | undefined;
let dispatcher: JobDispatcher | undefined;

serveParent({
  async start({ role, contender, url }: StartArgument): Promise<void> {
    const { startWorker, startDispatcher } = await loadContender(contender);
    if (role === "worker") running = await startWorker(url);
    else running = dispatcher = await startDispatcher(url);
  },

  async measure({ inFlight, durationMs }: MeasureArgument): Promise<Round> {
    const latenciesMs: number[] = [];
    const startedAt = performance.now();
    const askAndAskAgain = async () => {
      for (;;) {
        const sentAt = performance.now();
        if (sentAt - startedAt >= durationMs) return;
        const job = makeJob();
        assertAnswer(job, await dispatcher!.dispatch(job));
        latenciesMs.push(performance.now() - sentAt);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, askAndAskAgain));
    return toRound(latenciesMs, performance.now() - startedAt);
  },

  cpuUs(): Promise<number> {
    const { user, system } = process.cpuUsage();
    return Promise.resolve(user + system);
  },

  async stop(): Promise<void> {
    await running?.[Symbol.asyncDispose]();
  },
});

/** The program of a fleet's processes: a worker that answers, or a dispatcher that asks and takes the time. */
import { loadContender, type JobDispatcher } from "../contenders/contender.ts";
import { assertAnswer, makeJob } from "../contenders/job.ts";
import { serveParent } from "./child.ts";
import type { MeasureArgument, StartArgument } from "./fleet.ts";
import { cpuUs, keepGoing } from "./load.ts";
import type { Round } from "./statistics.ts";

let running: AsyncDisposable | undefined;
let dispatcher: JobDispatcher | undefined;

serveParent({
  async start({ role, contender, url }: StartArgument): Promise<void> {
    const { startWorker, startDispatcher } = await loadContender(contender);
    if (role === "worker") running = await startWorker(url);
    else running = dispatcher = await startDispatcher(url);
  },

  measure: (load: MeasureArgument): Promise<Round> =>
    keepGoing(load, async () => {
      const job = makeJob();
      assertAnswer(job, await dispatcher!.dispatch(job));
    }),

  cpuUs,

  async stop(): Promise<void> {
    await running?.[Symbol.asyncDispose]();
  },
});

/** The program of memory/waiting: it dispatches durably to a neuron that nobody hosts, and weighs itself before and after. */
import { connectSynapse } from "@myelin/bus";
import { Dendrite } from "@myelin/dendrite";
import { setTimeout as sleep } from "node:timers/promises";
import { makeJob } from "../contenders/job.ts";
import { serveParent } from "../harness/child.ts";

export interface WaitingArgument {
  readonly url: string;
  readonly waiting: number;
}
export interface WaitingResult {
  /** Live JavaScript objects and the buffers they own, after a full collection. */
  readonly heapBytes: number;
  /** What the operating system has given to the process, after the same. */
  readonly residentBytes: number;
}

const NAMESPACE = "bench-waiting";
const WARM_UP_WAVES = 200;
const WAVE = 100;

serveParent({
  async measure({ url, waiting }: WaitingArgument): Promise<WaitingResult> {
    const synapse = await connectSynapse(url);
    const dendrite = new Dendrite({ synapse, namespace: NAMESPACE });
    const bus = await synapse.open(NAMESPACE);
    const request = { neuron: "nobody", whenAbsent: "wait", timeoutMs: 3_600_000 } as const;
    // As a process that has worked for a while: code compiled, connections open, and the space for young objects grown.
    for (let wave = 0; wave < WARM_UP_WAVES; wave++) {
      const { signal, abort } = abortable();
      const waits = Array.from({ length: WAVE }, () =>
        dendrite
          .dispatchAndWait({ ...request, input: { ...makeJob() }, delivery: "transient", signal })
          .catch(() => {}),
      );
      await sleep(1);
      abort();
      await Promise.all(waits);
    }
    const before = await weigh();
    for (let count = 0; count < waiting; count++) {
      dendrite.dispatchAndWait({ ...request, input: { ...makeJob() } }).catch(() => {});
    }
    // All of them are in the log: what a dispatch holds while it is being sent is gone.
    while ((await bus.info()).lastSeq < waiting) await sleep(20);
    const after = await weigh();
    const waitingNow = dendrite.stats().waiting;
    if (waitingNow !== waiting) throw new Error(`${waitingNow} wait instead of ${waiting}`);
    return { heapBytes: after.heap - before.heap, residentBytes: after.resident - before.resident };
  },

  // Those that wait go with the process.
  stop: () => Promise.resolve(),
});

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** Let the questions of waiters to the log come and go, collect garbage, and look. */
async function weigh(): Promise<{ heap: number; resident: number }> {
  await sleep(200);
  for (let round = 0; round < 3; round++) {
    globalThis.gc!();
    await sleep(20);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

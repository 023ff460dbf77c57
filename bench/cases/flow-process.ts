/**
 * The programs of flow/flood: one that queues tasks and then asks for urgent ones, one that works, one that records. Each
 * is a process of its own and plays one part.
 */
import { connectSynapse } from "@myelin/bus";
import { Axon, Dendrite } from "@myelin/dendrite";
import { Recorder } from "@myelin/runs";
import { setTimeout as sleep } from "node:timers/promises";
import { makeJob } from "../contenders/job.ts";
import { serveParent } from "../harness/child.ts";

export interface WorkArgument {
  readonly url: string;
  readonly concurrency: number;
  readonly workMs: number;
}
export interface RecordArgument {
  readonly url: string;
  readonly databaseUrl: string;
}
export interface UrgentResult {
  /** From the dispatch of each high task to its reply, the slot's wait included. */
  readonly ms: readonly number[];
}

const NAMESPACE = "bench-flow";
const NEURON = "busy";
/** Dispatches on their way at once, as a process that has much to send would have. */
const IN_FLIGHT = 256;

const open: { stop: () => Promise<unknown> }[] = [];

async function connect(url: string): Promise<Dendrite> {
  const synapse = await connectSynapse(url);
  const dendrite = new Dendrite({ synapse, namespace: NAMESPACE, drainMs: 1_000 });
  open.push({ stop: () => dendrite.stop().then(() => synapse.drain()) });
  return dendrite;
}
let dispatcher: Dendrite | undefined;

serveParent({
  async work({ url, concurrency, workMs }: WorkArgument): Promise<void> {
    const dendrite = await connect(url);
    dendrite.attachAxon(
      new Axon({ neuronId: NEURON, concurrency, neuron: (input) => sleep(workMs, { name: input.prompt ?? null }) }),
    );
    await dendrite.start();
  },

  async record({ url, databaseUrl }: RecordArgument): Promise<void> {
    const synapse = await connectSynapse(url);
    const recorder = new Recorder({ bus: await synapse.open(NAMESPACE), databaseUrl });
    open.push({ stop: () => recorder.drain().then(() => synapse.drain()) });
    await recorder.start();
  },

  async open(url: string): Promise<void> {
    dispatcher = await connect(url);
  },

  /** Queue them, as fast as the log takes them. */
  async flood(tasks: number): Promise<void> {
    let sent = 0;
    const send = async () => {
      while (sent < tasks) {
        sent++;
        await dispatcher!.dispatch({ neuron: NEURON, input: { ...makeJob() }, whenAbsent: "wait" });
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, send));
  },

  /** Ask for high tasks, one after the other. */
  async urgent(count: number): Promise<UrgentResult> {
    const ms: number[] = [];
    for (let n = 0; n < count; n++) {
      const startedAt = performance.now();
      await dispatcher!.dispatchAndWait({ neuron: NEURON, input: { ...makeJob() }, priority: "high" });
      ms.push(performance.now() - startedAt);
      // Not in step with the slots.
      await sleep(Math.random() * 20);
    }
    return { ms };
  },

  pid: () => Promise.resolve(process.pid),

  async stop(): Promise<void> {
    await Promise.all(open.map((one) => one.stop()));
  },
});

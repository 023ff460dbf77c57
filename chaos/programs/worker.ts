/** A worker of the chaos fleet: it works for as long as its task says, and notes each start and each end. */
import { connectSynapse } from "@myelin/bus";
import { Axon, Dendrite } from "@myelin/dendrite";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { FactFile } from "./fact-file.ts";
import { notingSynapse } from "./noting-synapse.ts";
import { logger, readArgument, sayReady, untilTerminated, type ProgramArgument } from "./program.ts";

export interface WorkerArgument extends ProgramArgument {
  readonly concurrency: number;
  readonly version: string;
  /** A folder for marks that outlive this process: "this was done once". */
  readonly markFolder: string;
}

/** What a task asks for. */
export interface Work {
  readonly op: string;
  readonly workMs: number;
  /** Block the event loop for so long, once: whoever gets the task again does not. */
  readonly blockMs?: number | undefined;
}

const { natsUrl, namespace, factFile, name, ackWaitMs, concurrency, version, markFolder } =
  readArgument<WorkerArgument>();
const facts = new FactFile(factFile);
const synapse = await connectSynapse(natsUrl, { name });
const dendrite = new Dendrite({
  synapse: notingSynapse(synapse, facts),
  namespace,
  dendriteId: name,
  ackWaitMs,
  drainMs: 2_000,
  heartbeatMs: 1_000,
  logger,
});
dendrite.attachAxon(
  new Axon({
    neuronId: "work",
    concurrency,
    version,
    neuron: async (input, { runId: run, attempt, signal }) => {
      const { op, workMs, blockMs = 0 } = input as unknown as Work;
      facts.note({ fact: "started", run, op, attempt });
      await sleep(workMs, undefined, { signal });
      if (blockMs > 0 && markOnce(`${markFolder}/blocked-${op}`)) block(blockMs);
      facts.note({ fact: "ended", run, op });
      return { op, by: name, version };
    },
  }),
);
await dendrite.start();
sayReady();
await untilTerminated();
await dendrite.stop("SIGTERM");
await synapse.drain();

/** True for the first who asks, in any process. */
function markOnce(file: string): boolean {
  try {
    closeSync(openSync(file, "wx"));
    return true;
  } catch {
    return false; // somebody was here
  }
}

/** What a neuron does that computes without ever awaiting. */
function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

/** A worker of the chaos fleet: it works for as long as its task says, and notes each start and each end. */
import { connectSynapse } from "@myelin/bus";
import { Axon, Dendrite } from "@myelin/dendrite";
import type { NeuronContext } from "@myelin/neuron";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../world/random.ts";
import { FactFile } from "./fact-file.ts";
import { notingSynapse } from "./noting-synapse.ts";
import { logger, readArgument, sayReady, untilTerminated, type ProgramArgument } from "./program.ts";

export interface WorkerArgument extends ProgramArgument {
  readonly seed: number;
  readonly concurrency: number;
  readonly version: string;
  /** A folder for marks that outlive this process: "this was done once". */
  readonly markFolder: string;
}

/** What a task asks for. */
export interface Work {
  readonly op: string;
  /** How long it takes, on average: a second start may be quicker than the first, and overtake it. */
  readonly workMs: number;
  /** Do it in so many steps; 0 for none. */
  readonly steps: number;
  /** Block the event loop for so long, once: whoever gets the task again does not. */
  readonly blockMs: number;
}

const argument = readArgument<WorkerArgument>();
const { natsUrl, namespace, name, ackWaitMs, concurrency, version, markFolder } = argument;
const facts = new FactFile(argument.factFile);
const random = new Random(argument.seed);
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
dendrite.attachAxon(new Axon({ neuronId: "work", concurrency, version, neuron: doWork }));
// With slots of its own: those of the other may all wait for a log that is full.
dendrite.attachAxon(new Axon({ neuronId: "other-work", concurrency, version, neuron: doWork }));
await dendrite.start();
sayReady();
await untilTerminated();
await dendrite.stop("SIGTERM");
await synapse.drain();

async function doWork(input: Readonly<Record<string, unknown>>, ctx: NeuronContext): Promise<object> {
  const { runId: run, attempt, signal } = ctx;
  const { op, workMs, steps, blockMs } = input as unknown as Work;
  facts.note({ fact: "started", run, op, attempt });
  const work = () => sleep(random.between(0, (2 * workMs) / (steps + 1)), undefined, { signal });
  await work();
  for (let at = 1; at <= steps; at++) {
    const step = `step-${at}`;
    await ctx.step(step, async () => {
      facts.note({ fact: "effect", run, step });
      await work();
    });
    facts.note({ fact: "stepped", run, step });
  }
  if (blockMs > 0 && markOnce(`${markFolder}/blocked-${op}`)) {
    facts.note({ fact: "blocked", run, op, blockMs });
    block(blockMs);
  }
  facts.note({ fact: "ended", run, op });
  return { op, by: name, version };
}

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

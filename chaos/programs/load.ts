/** A dispatcher of the chaos fleet: it keeps some operations under way until it has made its total, or is told to finish. */
import { connectSynapse } from "@myelin/bus";
import { Dendrite, NeuronError } from "@myelin/dendrite";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../world/random.ts";
import { FactFile } from "./fact-file.ts";
import { codeOf, notingSynapse } from "./noting-synapse.ts";
import { logger, readArgument, sayReady, untilTerminated, type ProgramArgument } from "./program.ts";
import type { Work } from "./worker.ts";

export interface LoadArgument extends ProgramArgument {
  readonly seed: number;
  /** Operations under way at any time. */
  readonly inFlight: number;
  /** Operations in all; null: until SIGTERM. */
  readonly total: number | null;
  /** How long a task works: between these. */
  readonly workMs: readonly [number, number];
  /** One task in so many blocks the event loop of its worker for `blockMs`. Default: none. */
  readonly blockOneIn?: number | undefined;
  readonly blockMs?: number | undefined;
}

/** Longer than any scenario's faults: an operation that ends by it was lost. */
const TIMEOUT_MS = 60_000;
/** After an error, so that a server that is away is not asked in a tight loop. */
const PAUSE_MS = 100;

const argument = readArgument<LoadArgument>();
const { natsUrl, namespace, name, ackWaitMs, total } = argument;
const random = new Random(argument.seed);
const facts = new FactFile(argument.factFile);
const synapse = await connectSynapse(natsUrl, { name });
const dendrite = new Dendrite({
  synapse: notingSynapse(synapse, facts),
  namespace,
  dendriteId: name,
  ackWaitMs,
  logger,
});
await dendrite.start();

let isFinishing = false;
let made = 0;
void untilTerminated().then(() => (isFinishing = true));
sayReady();
await Promise.all(Array.from({ length: argument.inFlight }, operateAndOperateAgain));
await dendrite.stop("finished");
await synapse.drain();

async function operateAndOperateAgain(): Promise<void> {
  while (!isFinishing && (total === null || made < total)) await operate(nextWork());
}

function nextWork(): Work {
  const op = `${name}-${++made}`;
  const workMs = random.between(...argument.workMs);
  const { blockOneIn, blockMs } = argument;
  if (blockOneIn === undefined || made % blockOneIn !== 0) return { op, workMs };
  return { op, workMs, blockMs };
}

async function operate(work: Work): Promise<void> {
  const { op } = work;
  facts.note({ fact: "asked", op });
  try {
    const reply = await dendrite.dispatchAndWait({
      neuron: "work",
      input: { ...work },
      timeoutMs: TIMEOUT_MS,
      whenAbsent: "wait",
    });
    const { id, type } = reply;
    facts.note({
      fact: "completed",
      run: reply.meta.run_id!,
      op,
      id,
      type,
      isRight: reply.payload.output["op"] === op,
    });
  } catch (error) {
    if (error instanceof NeuronError) {
      const { id, type, meta } = error.signal;
      facts.note({ fact: "completed", run: meta.run_id!, op, id, type, isRight: false });
    } else {
      facts.note({ fact: "failed", op, code: codeOf(error), message: (error as Error).message });
    }
    await sleep(PAUSE_MS);
  }
}

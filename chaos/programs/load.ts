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
  /** Bytes of ballast in each task. Default 0. */
  readonly ballastBytes?: number | undefined;
  /** Whether some of the tasks have an idempotency key. Default: the durable ones. */
  readonly hasKeys?: boolean | undefined;
  /** Default `work`. */
  readonly neuron?: "work" | "other-work" | undefined;
  /** Default `durable`. */
  readonly delivery?: "durable" | "transient" | undefined;
}

/** Longer than any scenario's faults: an operation that ends by it was lost. */
const TIMEOUT_MS = 60_000;
/** Every other task does its work in so many steps, the rest in one go. */
const STEPS = 2;
/** One task in so many has an idempotency key. */
const KEYED_ONE_IN = 3;
/** After an error, so that a server that is away is not asked in a tight loop. */
const PAUSE_MS = 100;

const argument = readArgument<LoadArgument>();
const { natsUrl, namespace, name, ackWaitMs, total, delivery = "durable" } = argument;
const { hasKeys = delivery === "durable" } = argument;
const ballast = "x".repeat(argument.ballastBytes ?? 0);
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
  const { blockOneIn, blockMs = 0 } = argument;
  const isBlocking = blockOneIn !== undefined && made % blockOneIn === 0;
  return { op, workMs, steps: made % 2 === 0 ? STEPS : 0, blockMs: isBlocking ? blockMs : 0 };
}

async function operate(work: Work): Promise<void> {
  const { op } = work;
  const input = { ...work, ballast };
  const isKeyed = hasKeys && made % KEYED_ONE_IN === 0;
  facts.note({ fact: "asked", op, ...(isKeyed && { keyed: input }) });
  try {
    const reply = await dendrite.dispatchAndWait({
      neuron: argument.neuron ?? "work",
      input,
      idempotencyKey: isKeyed ? op : undefined,
      delivery,
      timeoutMs: TIMEOUT_MS,
      whenAbsent: "wait",
    });
    const { id, type, meta } = reply;
    const isRight = reply.payload.output["op"] === op;
    if (delivery === "transient") facts.note({ fact: "transient", op, isRight });
    else facts.note({ fact: "completed", run: meta.run_id!, op, id, type, isRight });
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

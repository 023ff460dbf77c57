/**
 * An heir: it reads what a dispatcher that was killed had noted, and gets the replies that one still waited for. What was
 * accepted is reattached to by its run id; what was asked under an idempotency key, accepted or not, is asked again.
 */
import { connectSynapse, type SignalOf } from "@myelin/bus";
import { Dendrite } from "@myelin/dendrite";
import { readFileSync } from "node:fs";
import type { Fact } from "../checker/facts.ts";
import { FactFile } from "./fact-file.ts";
import { notingSynapse } from "./noting-synapse.ts";
import { readArgument, sayReady, type ProgramArgument } from "./program.ts";

export interface HeirArgument extends ProgramArgument {
  /** The fact file of the dead. */
  readonly inheritance: string;
}

const TIMEOUT_MS = 30_000;

const { natsUrl, namespace, name, factFile, ackWaitMs, inheritance } = readArgument<HeirArgument>();
const facts = new FactFile(factFile);
const synapse = await connectSynapse(natsUrl, { name });
const dendrite = new Dendrite({ synapse: notingSynapse(synapse, facts), namespace, dendriteId: name, ackWaitMs });
sayReady();
await Promise.all(inherit(readFacts(inheritance)));
await dendrite.stop("finished");
await synapse.drain();

function readFacts(file: string): Fact[] {
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Fact);
}

function inherit(noted: readonly Fact[]): Promise<void>[] {
  const settled = new Set(noted.flatMap((one) => (one.fact === "completed" || one.fact === "failed" ? [one.op] : [])));
  return noted.flatMap((one) => {
    if (!("op" in one) || one.op === undefined || settled.has(one.op)) return [];
    if (one.fact === "asked" && one.keyed) return [take(one.op, askAgain(one.op, one.keyed))];
    if (one.fact === "acknowledged") return [take(one.op, dendrite.reattach(one.run, { timeoutMs: TIMEOUT_MS }))];
    return [];
  });
}

function askAgain(op: string, input: Readonly<Record<string, unknown>>): Promise<SignalOf<"AGENT_OUTPUT">> {
  const options = { timeoutMs: TIMEOUT_MS, whenAbsent: "wait" } as const;
  return dendrite.dispatchAndWait({ neuron: "work", input, idempotencyKey: op, ...options });
}

async function take(op: string, replied: Promise<SignalOf<"AGENT_OUTPUT">>): Promise<void> {
  const { id, type, meta, payload } = await replied;
  facts.note({ fact: "completed", run: meta.run_id!, op, id, type, isRight: payload.output["op"] === op });
}

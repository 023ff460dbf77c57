/** An heir: it reads what a dispatcher that was killed had noted, and gets the replies that one still waited for. */
import { bucketOf, connectSynapse, isEndType, type Bus, type LogEntry } from "@myelin/bus";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fact } from "../checker/facts.ts";
import { FactFile } from "./fact-file.ts";
import { readArgument, sayReady, type ProgramArgument } from "./program.ts";

export interface HeirArgument extends ProgramArgument {
  /** The fact file of the dead. */
  readonly inheritance: string;
}

type Accepted = Extract<Fact, { fact: "acknowledged" }>;

const LOOK_MS = 100;

const { natsUrl, namespace, name, factFile, inheritance } = readArgument<HeirArgument>();
const facts = new FactFile(factFile);
const synapse = await connectSynapse(natsUrl, { name });
const bus = await synapse.open(namespace);
sayReady();
await Promise.all(openOf(readFacts(inheritance)).map(inherit));
await synapse.drain();

function readFacts(file: string): Fact[] {
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Fact);
}

/** What was accepted and not answered yet. */
function openOf(noted: readonly Fact[]): Accepted[] {
  const settled = new Set(noted.flatMap((one) => (one.fact === "completed" ? [one.run] : [])));
  return noted.filter(
    (one): one is Accepted => one.fact === "acknowledged" && one.type === "TASK" && !settled.has(one.run),
  );
}

async function inherit({ run, op = "", trace = "", replyTo = "" }: Accepted): Promise<void> {
  const { id, type, payload } = await endOf(bus, { to: replyTo, lane: "_", bucket: bucketOf(trace), run });
  const output = (payload as { output?: Record<string, unknown> }).output;
  facts.note({ fact: "completed", run, op, id, type, isRight: output?.["op"] === op });
}

/** The terminal of a run, once it is in the log. */
async function endOf(of: Bus, filter: Parameters<Bus["lastOf"]>[0]) {
  for (;;) {
    const entry: LogEntry | null = await of.lastOf(filter);
    if (entry?.parsed.ok && isEndType(entry.parsed.signal.type)) return entry.parsed.signal;
    await sleep(LOOK_MS);
  }
}

/**
 * The demo: the main job of Myelin, end to end, each part a process of its own; `--keep` (npm start) leaves it running.
 *
 * Answers and counts go to stdout, progress and trouble to stderr. Exit code 0 when every question was answered and every
 * Signal of the log is in Postgres; 1 when not; 130 or 143 when it was ended before it was done.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import { onStopSignal } from "@myelin/dev";
import { EnvError, readEnv } from "../env.ts";
import { parseDemoArguments } from "./arguments.ts";
import { Fleet } from "./fleet.ts";
import { watchNpm } from "./npm-watch.ts";
import { Progress } from "./progress.ts";
import { problemOf, runDemo, type DemoResult } from "./run-demo.ts";

const interrupted = new AbortController();
let endedBy: NodeJS.Signals | undefined;
function interrupt(name: NodeJS.Signals): void {
  endedBy ??= name;
  interrupted.abort(new Error(`received ${name}`));
}
// A second one does not wait: the children's guards stop them without us.
onStopSignal(interrupt, (name) => process.exit(128 + constants.signals[name]));
watchNpm(() => interrupt("SIGTERM"));
// A reader that goes away (`| head`) must not end us in the middle.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

process.exit(await main());

async function main(): Promise<number> {
  using progress = new Progress(process.stderr);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  let fleet: Fleet | undefined;
  let result: DemoResult | undefined;
  let problem: string | null = null;
  try {
    const args = parseDemoArguments(process.argv.slice(2));
    const servers = readServers();
    // Counts are right only where nobody else is: servers that are there already get a namespace of our own.
    const isOwn = servers.natsUrl === undefined && servers.databaseUrl === undefined;
    const fresh = isOwn ? "demo" : `demo-${randomBytes(4).toString("hex")}`;
    const namespace = args.isKept ? readEnv(["MYELIN_NAMESPACE"]).MYELIN_NAMESPACE : fresh;
    const { signal } = interrupted;
    fleet = new Fleet({
      ...servers,
      namespace,
      isKept: args.isKept,
      signal,
      onProgress: (message) => progress.say(message),
      onTrouble: (line) => progress.print(line),
    });
    const died = fleet.died.then((sentence) => Promise.reject(new Error(sentence)));
    died.catch(() => {});
    const stopped = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
    stopped.catch(() => {});

    result = await Promise.race([runDemo({ fleet, args, namespace, progress, print: say, signal }), died, stopped]);
    problem = problemOf(result.report);
    if (args.isKept && problem === null) {
      for (const line of urlLines(result)) say(line);
      await Promise.race([died, stopped]);
    }
  } catch (error) {
    // Ctrl-C is how a kept one ends; before it was done, it is an interruption.
    if (endedBy === undefined) problem = describe(error);
  }
  progress.say("stopping");
  interrupted.abort(new Error("the demo is over")); // what is still starting must not start
  try {
    await fleet?.stop();
  } catch (error) {
    problem ??= describe(error);
  }
  progress.clear();
  if (problem !== null) process.stderr.write(`${problem}\n`);
  if (result && process.argv.includes("--json")) say(JSON.stringify(result.report));
  if (problem !== null) return 1;
  return endedBy !== undefined && !result ? 128 + constants.signals[endedBy] : 0;
}

/** Servers that are there already, by the same variables that our processes read. */
function readServers(): { natsUrl?: string; databaseUrl?: string } {
  const isSet = (name: string) => (process.env[name] ?? "").trim() !== "";
  return {
    ...((isSet("NATS_URL") || isSet("SYNAPSE_URL")) && { natsUrl: readEnv(["SYNAPSE_URL"]).SYNAPSE_URL }),
    ...(isSet("DATABASE_URL") && { databaseUrl: readEnv(["DATABASE_URL"]).DATABASE_URL }),
  };
}

function urlLines({ urls }: DemoResult): string[] {
  const { gateway, nats, postgres } = urls;
  const ask = `curl -s ${gateway}/ask -H 'content-type: application/json' -d '{"prompt":"What is a Dendrite?"}'`;
  return [
    "",
    "Running until Ctrl-C. To try:",
    `  ${ask}`,
    `  ${gateway}/readyz   ${gateway}/metrics`,
    `  ${gateway}/runs   ${gateway}/openapi.json`,
    `  SYNAPSE_URL=${nats}   # for a worker of your own`,
    `  DATABASE_URL=${postgres}   # for RunStore and psql`,
  ];
}

/** An error of ours is written for people; of anything else the stack says where to look. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const hasCode = error instanceof EnvError || "code" in error || "kind" in error;
  return hasCode || error.constructor === Error || error instanceof AggregateError
    ? error.message
    : (error.stack ?? error.message);
}

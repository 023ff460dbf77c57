/** runDemo: the main job, from a prompt over HTTP to the story in Postgres. Starts everything through a Fleet. */
import { randomUUID } from "node:crypto";
import { connectSynapse } from "@myelin/bus";
import { RunStore } from "@myelin/runs";
import type { DemoArguments } from "./arguments.ts";
import { askAll, isAnswer, median, type Answer } from "./ask.ts";
import type { Fleet } from "./fleet.ts";
import { answerLines, countLines, formatMs, traceLines } from "./print.ts";
import type { Progress } from "./progress.ts";
import { readStory, type Story } from "./story.ts";

/** What `--json` prints. */
export interface DemoReport {
  readonly asked: number;
  readonly answered: number;
  readonly runs: number;
  readonly logSignals: number;
  readonly recordedSignals: number;
  readonly missing: number;
  /** Answers by worker instance. */
  readonly workers: Readonly<Record<string, number>>;
  readonly p50Ms: number;
}

export interface RunDemoOptions {
  readonly fleet: Fleet;
  readonly args: DemoArguments;
  readonly namespace: string;
  readonly progress: Progress;
  readonly print: (line: string) => void;
  /** Ends it wherever it is. */
  readonly signal: AbortSignal;
}

export interface DemoResult {
  readonly report: DemoReport;
  readonly urls: { readonly gateway: string; readonly nats: string; readonly postgres: string };
}

/** A log for a few questions; the default would reserve 10 GiB on a server that somebody else runs. */
const LOG_MAX_BYTES = 256 * 1024 * 1024;

/** Start, ask, read back, print. Rejects when something could not be started or read, or with the signal's reason. */
export async function runDemo(options: RunDemoOptions): Promise<DemoResult> {
  const { fleet, args, namespace, progress, print, signal } = options;
  progress.say("starting NATS and PostgreSQL");
  const servers = fleet.servers();
  servers.postgres.catch(() => {}); // awaited below; until then its failure is nobody's
  const natsUrl = await servers.nats;

  await using synapse = await connectSynapse(natsUrl, {
    name: "myelin-demo",
    ...(!args.isKept && { logMaxBytes: LOG_MAX_BYTES }),
  });
  const bus = await synapse.open(namespace);
  const { lastSeq: sinceSeq } = await bus.info();
  const askable = fleet.askable(natsUrl, servers.postgres);
  askable.catch(() => {}); // as above
  const databaseUrl = await servers.postgres;
  progress.say("starting the recorder, two workers and the gateway");
  const [gatewayUrl] = await Promise.all([askable, fleet.recorder(natsUrl, databaseUrl)]);

  progress.say(`asking ${args.questions.length} questions at ${gatewayUrl}/ask`);
  const metadata = { demo: randomUUID() };
  const results = await askAll(args.questions, {
    gatewayUrl,
    metadata,
    signal,
    onAnswer: (result) => {
      progress.clear();
      for (const line of answerLines(result)) print(line);
    },
  });
  const answers = results.filter(isAnswer);

  progress.say("waiting for the recorder, and reading back from Postgres");
  await using store = RunStore.fromDatabaseUrl(databaseUrl);
  const story = await readStory({ bus, store, answers, sinceSeq, metadata, signal });
  progress.clear();
  const report = toReport(args.questions.length, answers, story);
  if (story.trace.length > 0) {
    print(`\nWhat Postgres says about "${answers[0]!.question}" (${answers[0]!.traceId}):`);
    for (const line of traceLines(story.trace)) print(line);
  }
  print("");
  for (const line of countLines(story, answers.length, new Map(Object.entries(report.workers)))) print(line);
  print(`answered  in ${formatMs(report.p50Ms)} (median)`);
  return { report, urls: { gateway: gatewayUrl, nats: natsUrl, postgres: databaseUrl } };
}

function toReport(asked: number, answers: readonly Answer[], story: Story): DemoReport {
  const workers: Record<string, number> = {};
  for (const { instance } of answers) workers[instance] = (workers[instance] ?? 0) + 1;
  return {
    asked,
    answered: answers.length,
    runs: story.runs,
    logSignals: story.logSignals,
    recordedSignals: story.recordedSignals,
    missing: story.missing.length,
    workers,
    p50Ms: Math.round(median(answers.map(({ ms }) => ms)) * 100) / 100,
  };
}

/** Why a report is no success; null when it is one. */
export function problemOf({ asked, answered, runs, missing, logSignals }: DemoReport): string | null {
  if (answered < asked) return `${asked - answered} of ${asked} questions got no answer`;
  if (runs < answered) return `${answered - runs} of ${answered} runs are not in Postgres as successes`;
  if (missing > 0) return `${missing} of ${logSignals} Signals of the log are not in Postgres`;
  // A question is at least a TASK and its answer: fewer would mean that the log was not read.
  if (logSignals < 2 * answered) return `the log holds only ${logSignals} Signals`;
  return null;
}

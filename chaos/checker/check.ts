/**
 * The checker: what the processes noted, what the log holds and what the tables hold must agree.
 *
 * lost: an append that was acknowledged and is not in the log, a task that was accepted and has no terminal there, or a
 *   caller that got no reply although its task was accepted
 * doubleTerminals: a caller got another terminal than the first in the log, or the row of the run says another; or an
 *   operation with an idempotency key has two runs
 * unrecorded: an entry of the log that is neither in `signals` nor in `dead_letters`, or a run without its row
 * duplicatedEffects: the effect of a step happened after that step was acknowledged
 *
 * Allowed by the design, and counted apart: terminals after the first (`lateTerminals`: stored, and reaching nobody), tasks
 * started again after a lease lapsed (`reexecutions`), effects repeated before they were acknowledged (`effectsInDoubt`).
 */
import type { EndType } from "@myelin/bus";
import type { FactOf, NotedFact } from "./facts.ts";
import type { LogRecord } from "./log-record.ts";
import type { TablesRecord } from "./tables-record.ts";

export interface Findings {
  /** Operations that the log accepted. */
  readonly operations: number;
  /** Of these, answered, and right. */
  readonly successes: number;
  /** Operations that were refused with an error that says so: nothing was promised. */
  readonly refused: number;
  readonly lost: number;
  readonly duplicatedEffects: number;
  readonly doubleTerminals: number;
  readonly unrecorded: number;
  readonly lateTerminals: number;
  readonly reexecutions: number;
  readonly effectsInDoubt: number;
  /** One sentence for each of the first that went wrong. */
  readonly problems: readonly string[];
}

/** How a dispatch may be refused: these say that nothing, or nothing known, was stored. */
const REFUSALS = new Set(["LOG_UNAVAILABLE"]);
const STATUS_OF: { readonly [T in EndType]: string } = {
  AGENT_OUTPUT: "success",
  FINAL: "success",
  ERROR: "error",
  STOPPED: "cancelled",
};

export interface Evidence {
  readonly facts: readonly NotedFact[];
  readonly log: LogRecord;
  readonly tables: TablesRecord;
}

export function check(evidence: Evidence): Findings {
  const problems: string[] = [];
  const found = (problem: string): number => problems.push(problem);
  const of = <K extends NotedFact["fact"]>(kind: K) =>
    evidence.facts.filter((one): one is FactOf<K> => one.fact === kind);
  const accepted = new Map(
    of("acknowledged").flatMap((one) => (one.type === "TASK" && one.op !== undefined ? [[one.run, one] as const] : [])),
  );
  const completed = of("completed");

  const lost = countLost(evidence, accepted, of("acknowledged"), of("failed"), found);
  const keyed = new Set(of("asked").flatMap(({ op, keyed: input }) => (input ? [op] : [])));
  const doubleTerminals =
    countDoubleTerminals(evidence, completed, found) + countDoubleRuns(accepted.values(), keyed, found);
  const unrecorded = countUnrecorded(evidence, accepted.keys(), found);
  const effects = countEffects(of("effect"), of("stepped"), found);
  for (const { op, type, isRight, by } of completed) {
    if (!isRight) found(`${by} got a wrong answer to ${op}: ${type}`);
  }
  const failed = of("failed");
  for (const { op, by, code, message } of failed) {
    if (!REFUSALS.has(code)) found(`${by} got ${code} for ${op}: ${message}`);
  }
  const starts = of("started");
  return {
    operations: accepted.size,
    successes: new Set(completed.filter(({ isRight }) => isRight).map(({ run }) => run)).size,
    refused: failed.filter(({ code }) => REFUSALS.has(code)).length,
    lost,
    doubleTerminals,
    unrecorded,
    ...effects,
    lateTerminals: [...evidence.log.terminals.values()].reduce((sum, { length }) => sum + length - 1, 0),
    reexecutions: starts.length - new Set(starts.map(({ run }) => run)).size,
    problems,
  };
}

type Found = (problem: string) => void;

function countLost(
  { log }: Evidence,
  accepted: ReadonlyMap<string, FactOf<"acknowledged">>,
  acknowledged: readonly FactOf<"acknowledged">[],
  failed: readonly FactOf<"failed">[],
  found: Found,
): number {
  let lost = 0;
  for (const { seq, id, type, duplicate, by } of acknowledged) {
    const entry = log.entries.get(seq);
    // A duplicate is somebody else's entry, under the same dedup id.
    if (entry && (duplicate || entry.id === id)) continue;
    lost++;
    found(`${by} was told that its ${type} ${id} is at ${seq}; the log has ${entry ? entry.id : "nothing"} there`);
  }
  const acceptedOps = new Set<string>();
  for (const { run, op, by } of accepted.values()) {
    acceptedOps.add(op!);
    if (log.terminals.has(run)) continue;
    lost++;
    found(`${run} (${op} of ${by}) was accepted and has no terminal in the log`);
  }
  for (const { op, by, code } of failed) {
    if (!acceptedOps.has(op)) continue;
    lost++;
    found(`${op} was accepted, and ${by} got ${code} instead of its reply`);
  }
  return lost;
}

function countDoubleTerminals({ log, tables }: Evidence, completed: readonly FactOf<"completed">[], found: Found) {
  let doubled = 0;
  for (const { run, id, type, by } of completed) {
    const first = log.terminals.get(run)?.[0];
    if (first?.id === id) continue;
    doubled++;
    found(`${by} got the ${type} ${id} of ${run}; the first terminal in the log is ${first?.id ?? "missing"}`);
  }
  for (const [run, [first]] of log.terminals) {
    const row = tables.runs.get(run);
    if (!row || !first || (row.terminalSeq === first.seq && row.status === STATUS_OF[first.type])) continue;
    doubled++;
    found(`the row of ${run} says ${row.status} at ${row.terminalSeq}; the log ${first.type} at ${first.seq}`);
  }
  return doubled;
}

function countDoubleRuns(accepted: Iterable<FactOf<"acknowledged">>, keyed: ReadonlySet<string>, found: Found): number {
  const runs = new Map<string, string>();
  let doubled = 0;
  for (const { op = "", run } of accepted) {
    const first = runs.get(op);
    runs.set(op, run);
    if (first === undefined || !keyed.has(op)) continue;
    doubled++;
    found(`${op} has an idempotency key and two runs: ${first} and ${run}`);
  }
  return doubled;
}

function countUnrecorded({ log, tables }: Evidence, acceptedRuns: Iterable<string>, found: Found): number {
  let unrecorded = 0;
  for (const { seq, id } of log.entries.values()) {
    if (tables.signals.get(seq)?.id === id || tables.deadLetters.has(seq)) continue;
    unrecorded++;
    found(
      `entry ${seq} of the log (${id ?? "no Signal"}) is not recorded; there is ${tables.signals.get(seq)?.id ?? "nothing"}`,
    );
  }
  for (const seq of tables.doubled) {
    unrecorded++;
    found(`entry ${seq} of the log is recorded twice`);
  }
  for (const run of acceptedRuns) {
    const row = tables.runs.get(run);
    if (row && row.terminals === (log.terminals.get(run)?.length ?? 0)) continue;
    unrecorded++;
    found(row ? `the row of ${run} counts ${row.terminals} terminals` : `${run} was accepted and has no row`);
  }
  return unrecorded;
}

function countEffects(effects: readonly FactOf<"effect">[], stepped: readonly FactOf<"stepped">[], found: Found) {
  const acknowledgedAt = new Map<string, number>();
  for (const { run, step, at } of stepped) {
    const key = `${run} ${step}`;
    acknowledgedAt.set(key, Math.min(at, acknowledgedAt.get(key) ?? Infinity));
  }
  let duplicatedEffects = 0;
  let effectsInDoubt = 0;
  const seen = new Set<string>();
  for (const { run, step, at, by } of [...effects].sort((a, b) => a.at - b.at)) {
    const key = `${run} ${step}`;
    if (at > (acknowledgedAt.get(key) ?? Infinity)) {
      duplicatedEffects++;
      found(`${by} repeated the effect of step ${step} of ${run} after it was acknowledged`);
    } else if (seen.has(key)) {
      effectsInDoubt++;
    }
    seen.add(key);
  }
  return { duplicatedEffects, effectsInDoubt };
}

/** The command line of the benchmarks. */
import { parseArgs } from "node:util";
import type { Budget } from "./harness/bench-case.ts";

export interface BenchOptions {
  /** Cases whose name it matches are run. */
  readonly pattern: RegExp;
  readonly isQuick: boolean;
  readonly json: boolean;
  readonly list: boolean;
  readonly budget: Budget;
  readonly profileDir: string | undefined;
  readonly mayInstall: boolean;
}

export const USAGE = `npm run bench -- [pattern] [options]

  pattern           run the cases whose name matches this regular expression (default: all)
  --quick           64 in flight only and shorter rounds: all of it in under 50 s
  --json            the last line of output is one JSON object, a key per case
  --list            print the names of the cases and stop
  --rounds <n>      measured rounds per case (default 9; 5 with --quick)
  --round-ms <n>    length of a round of dispatches (default 1000; 250 with --quick)
  --profile <dir>   write CPU profiles of our own processes there (slower: compare shares, not speed)
  --no-install      skip peers that are not installed instead of installing them`;

/** Throws an Error whose message is for the user. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      rounds: { type: "string" },
      "round-ms": { type: "string" },
      profile: { type: "string" },
      "no-install": { type: "boolean", default: false },
    },
  });
  if (positionals.length > 1) throw new Error(`one pattern at most, got ${positionals.join(" ")}`);
  const isQuick = values.quick;
  return {
    pattern: toPattern(positionals[0] ?? ""),
    isQuick,
    json: values.json,
    list: values.list,
    budget: {
      rounds: toCount("--rounds", values.rounds, isQuick ? 5 : 9),
      roundMs: toCount("--round-ms", values["round-ms"], isQuick ? 250 : 1_000),
    },
    profileDir: values.profile,
    mayInstall: !values["no-install"],
  };
}

function toPattern(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (error) {
    throw new Error(`the pattern must be a regular expression: ${(error as Error).message}`, { cause: error });
  }
}

function toCount(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${name} must be a whole number > 0, got ${JSON.stringify(text)}`);
}

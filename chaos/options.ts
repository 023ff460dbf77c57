/** The command line of the chaos suite. */
import { parseArgs } from "node:util";
import type { Size } from "./world/world.ts";

export interface ChaosOptions {
  /** Names; empty for all. */
  readonly scenarios: readonly string[];
  readonly seed: number;
  readonly size: Size;
  readonly json: boolean;
  readonly list: boolean;
}

export const USAGE = `npm run chaos -- [options]

  --scenario <name>   play this one; may be given several times (default: all)
  --seed <n>          the same choices again (default: one of the clock, printed)
  --minutes <n>       go on breaking for so long, each scenario (default: a number of faults each; soak: 10 minutes)
  --quick             the short form of each, some seconds: what npm test plays
  --json              the last line of output is one JSON object, a key per scenario
  --list              print the scenarios and stop`;

/** Throws an Error whose message is for the user. */
export function parseOptions(args: readonly string[]): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: "string", multiple: true, default: [] },
      seed: { type: "string" },
      minutes: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
  });
  if (values.quick && values.minutes !== undefined) throw new Error("--quick and --minutes exclude each other");
  return {
    scenarios: values.scenario,
    seed: values.seed === undefined ? Date.now() % 1_000_000 : parseSeed(values.seed),
    size: { isQuick: values.quick, minutes: values.minutes === undefined ? null : parseMinutes(values.minutes) },
    json: values.json,
    list: values.list,
  };
}

function parseSeed(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--seed must be a whole number >= 0, got ${JSON.stringify(text)}`);
}

function parseMinutes(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--minutes must be a number > 0, got ${JSON.stringify(text)}`);
}

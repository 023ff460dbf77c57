/** The report: a few lines for people per scenario, and one JSON object for programs at the end. */
import type { ScenarioResult } from "./run-scenario.ts";

/** What `--json` holds per scenario. */
export type JsonResult = Omit<ScenarioResult, "problems">;

const SHOWN_PROBLEMS = 10;

export function toLines(name: string, result: ScenarioResult): string[] {
  const { problems, ...counted } = result;
  const figures: [string, number][] = [
    ["operations", counted.operations],
    ["faults", counted.faults],
    ["lost", counted.lost],
    ["duplicated effects", counted.duplicatedEffects],
    ["double terminals", counted.doubleTerminals],
    ["unrecorded", counted.unrecorded],
  ];
  const apart: [string, number][] = [
    ["right answers", counted.successes],
    ["refused", counted.refused],
    ["started again", counted.reexecutions],
    ["late terminals", counted.lateTerminals],
    ["effects in doubt", counted.effectsInDoubt],
  ];
  const say = (list: [string, number][]) => list.map(([label, count]) => `${label} ${count}`).join(" · ");
  const recovery = `longest recovery ${seconds(counted.longestRecoveryMs)}`;
  const missed =
    counted.longestRecoveryMs > counted.recoveryLimitMs ? ` MISSED ${seconds(counted.recoveryLimitMs)}` : "";
  return [
    `${problems.length === 0 ? "ok  " : "FAIL"} ${name} (${seconds(counted.durationMs)})`,
    `     ${say(figures)} · ${recovery}${missed}`,
    `     ${say(apart)}`,
    ...toProblemLines(problems),
  ];
}

export function toJson({ problems: _problems, ...counted }: ScenarioResult): JsonResult {
  const { longestRecoveryMs, durationMs } = counted;
  return { ...counted, longestRecoveryMs: Math.round(longestRecoveryMs), durationMs: Math.round(durationMs) };
}

/** The last says where the facts are. */
function toProblemLines(problems: readonly string[]): string[] {
  const hidden = problems.length - SHOWN_PROBLEMS;
  const shown =
    hidden > 1 ? [...problems.slice(0, SHOWN_PROBLEMS - 1), `… and ${hidden} more`, problems.at(-1)!] : problems;
  return shown.map((problem) => `     ! ${problem}`);
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

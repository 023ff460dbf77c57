/** The report: a table for people while the cases run, and one JSON object for programs at the end. */
import type { CaseResult } from "./bench-case.ts";
import { spread } from "./statistics.ts";

/** What `--json` prints per case. `opsPerSec` and the latencies are the medians of our own rounds. */
export interface JsonResult {
  opsPerSec?: number;
  p50Ms?: number;
  p99Ms?: number;
  [figure: string]: unknown;
  ratios: Record<string, number>;
}

export function toJson(result: CaseResult): JsonResult {
  const json: Omit<JsonResult, "ratios"> = {};
  const ours = result.contenders[0];
  if (ours) {
    json.opsPerSec = Math.round(medianOf(ours.samples.map((sample) => sample.opsPerSec)));
    const p50 = middleOf(ours.samples, "p50Ms");
    const p99 = middleOf(ours.samples, "p99Ms");
    if (p50 !== null) json.p50Ms = round(p50);
    if (p99 !== null) json.p99Ms = round(p99);
  }
  for (const [name, figure] of Object.entries(result.figures ?? {})) json[name] = shortest(figure.value);
  const ratios = Object.entries(result.ratios).map(([name, { median }]) => [name, round(median)] as const);
  return { ...json, ratios: Object.fromEntries(ratios) };
}

/** The lines of one case's table. */
export function toTable(name: string, result: CaseResult): string[] {
  const lines = [name];
  for (const { name: contender, samples } of result.contenders) {
    const ops = spread(samples.map((sample) => sample.opsPerSec));
    const p50 = middleOf(samples, "p50Ms");
    const p99 = middleOf(samples, "p99Ms");
    const cpu = middleOf(samples, "cpuUs");
    const ratio = result.ratios[contender];
    lines.push(
      [
        `  ${contender.padEnd(14)}`,
        `${whole(ops.median).padStart(9)}/s (${whole(ops.min)} to ${whole(ops.max)})`.padEnd(34),
        (p50 === null ? "" : `p50 ${p50.toFixed(2)} ms`).padEnd(14),
        (p99 === null ? "" : `p99 ${p99.toFixed(2)} ms`).padEnd(15),
        (cpu === null ? "" : `cpu ${cpu.toFixed(0)} µs`).padEnd(11),
        ratio && `ours/theirs ${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)})`,
        ratio?.target !== undefined && verdict(ratio.median >= ratio.target, `at least ${ratio.target}`),
      ]
        .filter((part) => part !== undefined && part !== false)
        .join(" ")
        .trimEnd(),
    );
  }
  for (const [figure, { value, target }] of Object.entries(result.figures ?? {})) {
    const wanted = target === undefined ? "" : ` ${verdict(value <= target, `at most ${target}`)}`;
    lines.push(`  ${figure} ${shortest(value).toLocaleString("en-US")}${wanted}`);
  }
  for (const note of result.notes ?? []) lines.push(`  ${note}`);
  return lines;
}

const verdict = (isReached: boolean, wanted: string): string => `${isReached ? "ok" : "MISSED"}, ${wanted}`;

const medianOf = (values: readonly number[]): number => spread(values).median;

function middleOf(
  samples: CaseResult["contenders"][number]["samples"],
  key: "p50Ms" | "p99Ms" | "cpuUs",
): number | null {
  const values = samples.map((sample) => sample[key]).filter((value) => value !== null);
  return values.length === 0 ? null : medianOf(values);
}

const round = (value: number): number => Math.round(value * 1_000) / 1_000;
const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
/** Small numbers with their fractions, large ones without. */
const shortest = (value: number): number => (Math.abs(value) < 10 ? round(value) : Math.round(value));

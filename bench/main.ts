/** npm run bench: runs the cases that match, prints a table for each, and with --json one object at the end. */
import { availableParallelism, constants, cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { onStopSignal } from "@myelin/dev";
import { agentCases } from "./cases/agent.ts";
import { dispatchCases } from "./cases/dispatch.ts";
import { flowCases } from "./cases/flow.ts";
import { recorderCases } from "./cases/recorder.ts";
import { runsCases } from "./cases/runs.ts";
import { scaleCases } from "./cases/scale.ts";
import { waitingCases } from "./cases/waiting.ts";
import type { BenchCase } from "./harness/bench-case.ts";
import { Environment } from "./harness/environment.ts";
import { toJson, toTable, type JsonResult } from "./harness/report.ts";
import { parseOptions, USAGE, type BenchOptions } from "./options.ts";

const CASES: readonly BenchCase[] = [
  ...dispatchCases,
  ...recorderCases,
  ...runsCases,
  ...waitingCases,
  ...flowCases,
  ...scaleCases,
  ...agentCases,
];

let options: BenchOptions;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exit(2);
}

const chosen = CASES.filter(({ name, isQuick }) => options.pattern.test(name) && (isQuick || !options.isQuick));
if (options.list) {
  for (const { name } of chosen) console.log(name);
  process.exit(0);
}
if (chosen.length === 0) {
  console.error(`no case matches ${String(options.pattern)}; --list shows their names`);
  process.exit(2);
}

const environment = new Environment({
  onProgress: (message) => console.error(`… ${message}`),
  profileDir: options.profileDir,
  mayInstall: options.mayInstall,
});
let isInterrupted = false;
onStopSignal(
  (signal) => {
    isInterrupted = true;
    void environment.close().then(() => process.exit(128 + constants.signals[signal]));
  },
  (signal) => process.exit(128 + constants.signals[signal]),
);

const results: Record<string, JsonResult> = {};
let hasFailed = false;
console.log(`${cpus()[0]?.model ?? "unknown CPU"}, ${availableParallelism()} cores, Node ${process.version}`);
for (const one of chosen) {
  if (isInterrupted) break;
  try {
    const result = await one.run(environment, options.budget);
    console.log(`\n${toTable(one.name, result).join("\n")}`);
    results[one.name] = toJson(result);
  } catch (error) {
    // Ctrl-C reaches our processes too, and the end of one may be noticed before the signal is.
    await sleep(50);
    if (isInterrupted) break;
    hasFailed = true;
    console.error(`\n${one.name} failed: ${(error as Error).stack}`);
  }
}
if (!isInterrupted) {
  await environment.close();
  if (options.json) console.log(JSON.stringify(results));
  process.exitCode = hasFailed ? 1 : 0;
}

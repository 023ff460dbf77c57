/** npm run chaos: plays the scenarios, prints what came of each, and fails when anything was lost, doubled or unrecorded. */
import { constants } from "node:os";
import { onStopSignal } from "@myelin/dev";
import { parseOptions, USAGE, type ChaosOptions } from "./options.ts";
import { toJson, toLines, type JsonResult } from "./report.ts";
import { runScenario } from "./run-scenario.ts";
import { SCENARIOS } from "./scenarios/index.ts";
import { Environment } from "./world/environment.ts";

let options: ChaosOptions;
try {
  options = parseOptions(process.argv.slice(2));
  const unknown = options.scenarios.find((name) => !SCENARIOS.some((one) => one.name === name));
  if (unknown !== undefined) throw new Error(`no scenario is called ${unknown}; --list shows them`);
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exit(2);
}

const chosen = SCENARIOS.filter(({ name }) => options.scenarios.length === 0 || options.scenarios.includes(name));
if (options.list) {
  for (const { name, about } of chosen) console.log(`${name.padEnd(18)} ${about}`);
  process.exit(0);
}

const environment = new Environment();
let interrupted: NodeJS.Signals | undefined;
onStopSignal(
  (signal) => {
    interrupted = signal;
    void environment.close();
  },
  (signal) => process.exit(128 + constants.signals[signal]),
);

const results: Record<string, JsonResult> = {};
let hasFailed = false;
const { seed, size } = options;
console.log(`seed ${seed}`);
for (const scenario of chosen) {
  if (interrupted) break;
  try {
    const result = await runScenario(scenario, environment, { seed, size });
    console.log(`\n${toLines(scenario.name, result).join("\n")}`);
    results[scenario.name] = toJson(result);
    hasFailed ||= result.problems.length > 0;
  } catch (error) {
    if (interrupted) break;
    hasFailed = true;
    console.error(`\nFAIL ${scenario.name} could not be played: ${(error as Error).stack}`);
  }
}
await environment.close();
if (interrupted) process.exit(128 + constants.signals[interrupted]);
if (options.json) console.log(JSON.stringify(results));
process.exitCode = hasFailed ? 1 : 0;

/** runScenario: play one scenario to its end, and hold what was seen against what is stored. */
import { check, type Findings } from "./checker/check.ts";
import { readLog } from "./checker/log-record.ts";
import { longestRecovery } from "./checker/recovery.ts";
import { readTables } from "./checker/tables-record.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import type { Environment } from "./world/environment.ts";
import { World, type Size } from "./world/world.ts";

export interface ScenarioResult extends Findings {
  readonly faults: number;
  readonly longestRecoveryMs: number;
  /** What is to be reached: 5 s plus the lease. */
  readonly recoveryLimitMs: number;
  readonly durationMs: number;
}

export interface RunOptions {
  readonly seed: number;
  readonly size: Size;
}

const RECOVERY_MS = 5_000;

/**
 * Rejects when the scenario itself could not be played. What it found, problems included, is in the result; when there are
 * problems, the fact files are kept and the last problem says where.
 */
export async function runScenario(
  scenario: Scenario,
  environment: Environment,
  options: RunOptions,
): Promise<ScenarioResult> {
  const startedAt = performance.now();
  const world = await World.open(environment, { ...scenario.options, ...options });
  let isGood = false;
  try {
    await scenario.run(world);
    await untilEnough(scenario, world);
    await finishAll(world);
    const result = await findOut(scenario, world, startedAt);
    isGood = result.problems.length === 0;
    return result;
  } finally {
    await world.close({ keepFacts: !isGood && !world.signal.aborted });
  }
}

/** On a slow machine the last fault may be over before there are as many right answers as are asked for: the load goes on. */
async function untilEnough(scenario: Scenario, world: World): Promise<void> {
  const minimum = minimumOf(scenario, world);
  const isEnough = () => {
    const right = world.facts.of("completed").filter(({ isRight }) => isRight);
    return right.length >= minimum || world.running("load").length === 0;
  };
  // When they do not come, that is what will be found.
  await world.until(`${minimum} right answers`, isEnough).catch(() => {});
}

/** Let the load end, then the workers, and have all of it recorded. */
async function finishAll(world: World): Promise<void> {
  await Promise.all(world.running("load").map((one) => one.finish()));
  await Promise.all(world.running("heir").map((one) => one.ended()));
  await untilAnswered(world);
  await Promise.all(world.running("worker").map((one) => one.finish()));
  await world.untilRecorded();
  await Promise.all(world.running("recorder").map((one) => one.finish()));
}

/** What a dispatcher that was killed had asked is answered all the same, and nobody else waits for it. */
async function untilAnswered(world: World): Promise<void> {
  const open = new Set<string>();
  for (const one of world.facts.of("acknowledged")) if (one.type === "TASK") open.add(one.run);
  for (const { run } of world.facts.of("completed")) open.delete(run);
  if (open.size === 0) return;
  const patienceMs = RECOVERY_MS + 3 * world.ackWaitMs;
  const isAnswered = async () => {
    const { terminals } = await world.onBus((bus) => readLog(bus));
    for (const run of open) if (terminals.has(run)) open.delete(run);
    return open.size === 0;
  };
  // Those that are not will be found lost.
  await world.until("all accepted tasks are answered", isAnswered, patienceMs).catch(() => {});
}

async function findOut(scenario: Scenario, world: World, startedAt: number): Promise<ScenarioResult> {
  const tables = await readTables(world.database);
  const log = await world.onBus((bus) => readLog(bus, tables.signals.values()));
  const facts = world.facts.all();
  const findings = check({ facts, log, tables });
  const problems = [...world.problems, ...findings.problems];
  for (const { complaint } of world.processes) if (complaint !== null) problems.push(complaint);
  const minimum = minimumOf(scenario, world);
  if (findings.successes < minimum) {
    problems.push(
      `${findings.successes} right answers; at least ${minimum} are to come, or all may have failed politely`,
    );
  }
  if (problems.length > 0) problems.push(`the facts are in ${world.folder}`);
  return {
    ...findings,
    problems,
    faults: world.faults.length,
    longestRecoveryMs: Math.max(longestRecovery(facts, world.faults), ...world.recordingRecoveriesMs),
    recoveryLimitMs: RECOVERY_MS + world.ackWaitMs,
    durationMs: performance.now() - startedAt,
  };
}

function minimumOf({ minimum: { quick, full } }: Scenario, { size }: World): number {
  // How much a number of minutes makes nobody knows, but it is no less than the short form.
  return size.isQuick || size.minutes !== null ? quick : full;
}

/** The chaos suite, each scenario in its short form: real processes, real faults, and nothing lost, doubled or unrecorded. */
import { afterAll, describe, expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { runScenario } from "../../chaos/run-scenario.ts";
import { SCENARIOS } from "../../chaos/scenarios/index.ts";
import { Environment } from "../../chaos/world/environment.ts";
import { Descendants } from "../helpers/descendants.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";

const MAIN = fileURLToPath(new URL("../../chaos/main.ts", import.meta.url));
const SEED = 1;
/** Played by the test of the command line. */
const BY_COMMAND = "worker-kill";

const environment = new Environment();
afterAll(() => environment.close());
expectNoLeaks();

describe("chaos", () => {
  test.each(SCENARIOS.filter(({ name }) => name !== BY_COMMAND))("A1, R2: $name: $about", async (scenario) => {
    const result = await runScenario(scenario, environment, { seed: SEED, size: { isQuick: true, minutes: null } });
    expect(result).toMatchObject({ lost: 0, doubleTerminals: 0, unrecorded: 0, duplicatedEffects: 0, problems: [] });
    expect(result.operations).toBeGreaterThanOrEqual(100);
    expect(result.faults).toBeGreaterThanOrEqual(scenario.name === "soak" ? 0 : 1);
  });

  test("A1, R2: worker-kill, by npm run chaos: ends with one JSON object, and leaves no process behind", async () => {
    const args = ["--quick", "--scenario", BY_COMMAND, "--seed", String(SEED), "--json"];
    const child = spawn(process.execPath, ["--import", "tsx", "--conditions=source", MAIN, ...args]);
    using descendants = new Descendants(child.pid!);
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    expect([code, output]).toEqual([0, expect.stringContaining("ok   worker-kill")]);
    const results = JSON.parse(output.trimEnd().split("\n").at(-1)!) as Record<string, object>;
    const nothing = { lost: 0, duplicatedEffects: 0, doubleTerminals: 0, unrecorded: 0 };
    expect(results).toEqual({ [BY_COMMAND]: expect.objectContaining({ operations: 200, ...nothing }) });
    expect(Object.keys(results[BY_COMMAND]!)).toEqual(expect.arrayContaining(["faults", "longestRecoveryMs"]));
    expect(descendants.running()).toEqual([]);
    expect(descendants.temporaryDirectories()).toEqual([]);
  });
});

/** Every example runs as its README says, on a real nats-server and in memory, and finds nothing wrong with itself. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { compilePrograms, type Programs } from "../../scripts/compile-programs.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { startProgram } from "../helpers/program.ts";
import { withDatabase } from "../helpers/with-database.ts";
import { sharedNatsUrl } from "../helpers/with-nats.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
/** Without a vendor's key the examples answer by rules: no test asks the internet. */
const NO_KEYS = { ANTHROPIC_API_KEY: undefined, OPENAI_API_KEY: undefined, HF_TOKEN: undefined, PORT: undefined };

const examples = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => {
    const readme = readFileSync(path.join(EXAMPLES, name, "README.md"), "utf8");
    return { name, readme, schemes: readme.includes("Needs NATS") ? ["nats"] : ["nats", "memory"] };
  });
/** Run from its source, as every README says; it starts its processes so too. The others are compiled, and start faster. */
const FROM_SOURCE = "05-approval-two-processes";
let programs: Programs<string>;

/** Run one to its end: what it printed, and how it exited. */
async function run(name: string, scheme: string, needsPostgres: boolean) {
  await using database = needsPostgres ? await withDatabase() : null;
  const url = scheme === "nats" ? sharedNatsUrl() : "memory://";
  const env = { ...NO_KEYS, SYNAPSE_URL: url, DATABASE_URL: database?.url };
  const file =
    name === FROM_SOURCE ? path.join(EXAMPLES, name, "main.ts") : programs.fileOf(`${name}/main.ts`).pathname;
  await using program = startProgram(file, { env });
  const { code } = await program.exited;
  return { code, lines: program.lines };
}

/** All of them run beside each other, two at a time, and each test waits for its own. */
const ends = new Map<string, ReturnType<typeof run>>();
beforeAll(async () => {
  programs = await compilePrograms(
    "examples",
    examples.map(({ name }) => `${name}/main.ts`),
  );
  const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
  for (const { name, schemes, readme } of examples) {
    for (const scheme of schemes) {
      const lane = ends.size % lanes.length;
      const end = lanes[lane]!.then(() => run(name, scheme, readme.includes("Needs Postgres")));
      ends.set(`${name} ${scheme}`, end);
      lanes[lane] = end.catch(() => {}); // its test says so
    }
  }
});
afterAll(async () => {
  await Promise.allSettled(ends.values());
  await programs[Symbol.asyncDispose]();
});
expectNoLeaks();

describe.each(examples)("examples/$name", ({ name, readme, schemes }) => {
  test.each(schemes)("exits with 0 on %s://, having printed what it checked", async (scheme) => {
    const { code, lines } = await ends.get(`${name} ${scheme}`)!;
    if (code !== 0) throw new Error(`it exited with ${code}:\n${lines.join("\n")}`);
    expect(lines.length).toBeGreaterThan(2);
  });

  test("has a README of a few lines that says how to run it", () => {
    expect(readme.trim().split("\n").length).toBeLessThanOrEqual(10);
    expect(readme).toContain(`node --import tsx --conditions=source examples/${name}/main.ts`);
  });
});

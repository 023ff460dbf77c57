/** Every example runs as its README says, on a real nats-server, and finds nothing wrong with itself. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { startProgram } from "../helpers/program.ts";
import { sharedNatsUrl } from "../helpers/with-nats.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const examples = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

expectNoLeaks();

describe.each(examples)("examples/%s", (name) => {
  const directory = path.join(EXAMPLES, name);

  test.each(["nats", "memory"])("exits with 0 on %s://, having printed what it checked", async (scheme) => {
    const url = scheme === "nats" ? sharedNatsUrl() : "memory://";
    await using program = startProgram(path.join(directory, "main.ts"), { env: { SYNAPSE_URL: url } });
    const { code } = await program.exited;
    if (code !== 0) throw new Error(`it exited with ${code}:\n${program.lines.join("\n")}`);
    expect(program.lines.length).toBeGreaterThan(2);
  });

  test("has a README of a few lines that says how to run it", () => {
    const readme = readFileSync(path.join(directory, "README.md"), "utf8");
    expect(readme.trim().split("\n").length).toBeLessThanOrEqual(10);
    expect(readme).toContain(`node --import tsx --conditions=source examples/${name}/main.ts`);
  });
});

/** docs/governance.md says what the code says: what a budget takes, what the built-in guardrails find and take. */
import { describe, expect, test } from "@jest/globals";
import { pii, secrets } from "@myelin/agent";
import { asSet, readRepository, tableUnder } from "../helpers/docs.ts";

const document = readRepository("docs/governance.md");

/** Names of the members of an interface, from its source. */
function membersOf(path: string, name: string): string[] {
  const body = new RegExp(`export interface ${name} \\{(.*?)\\n\\}`, "s").exec(readRepository(path))![1]!;
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member]) => member!);
}

describe("docs/governance.md", () => {
  test("names every limit of a budget", () => {
    const documented = tableUnder(document, "Limit what a run uses up").map(([name]) => name!);
    expect(asSet(documented)).toEqual(asSet(membersOf("bus/src/protocol/budget.ts", "Budget")));
  });

  test("names what pii looks for", () => {
    const entities = pii().patterns!.map(({ entity }) => entity);
    const row = document.split("\n").find((line) => line.startsWith("| `pii("))!;
    expect(asSet(row.match(/[A-Z][A-Z_]+[A-Z]/g)!)).toEqual(asSet(entities));
    expect(secrets().patterns!.length).toBeGreaterThan(10);
  });

  test.each([
    ["pii", "Pii"],
    ["secrets", "Secrets"],
    ["promptInjection", "PromptInjection"],
  ])("names every option of %s", (name, type) => {
    const file = name === "promptInjection" ? "prompt-injection" : name;
    const [, options] = new RegExp(`\`${name}\\(\\{ (.*?) \\}\\)\` \\|`).exec(document)!;
    const documented = options!.split(", ").map((option) => option.replace("?", ""));
    expect(asSet(documented)).toEqual(asSet(membersOf(`packages/agent/src/guardrails/${file}.ts`, `${type}Options`)));
  });
});

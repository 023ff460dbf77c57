/** docs/agents.md names every option of an agent and of a tool, with the defaults that the code says, and every code. */
import { describe, expect, test } from "@jest/globals";
import { asSet, readRepository, tableUnder, unionOf } from "../helpers/docs.ts";

const document = readRepository("docs/agents.md");
const column = (heading: string, at: number) => asSet(tableUnder(document, heading).map((row) => row[at]));

/** The properties of the interfaces whose declaration matches. */
function optionsOf(path: string, interfaces: RegExp): string[] {
  const declared = [...readRepository(path).matchAll(/^(?:export )?interface (\w+)[^{]*\{([\s\S]*?)^\}/gm)];
  const bodies = declared.filter(([, name]) => interfaces.test(name!)).map(([, , body]) => body!);
  return bodies.flatMap((body) => [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name!));
}

describe("docs/agents.md", () => {
  test("names every option of defineAgent", () => {
    const options = optionsOf("packages/agent/src/definition/agent-options.ts", /^AgentOptions$/);
    expect(options.length).toBeGreaterThan(20);
    expect(column("Define", 0)).toEqual(asSet(options));
  });

  test("names every option of tool", () => {
    const options = optionsOf("packages/agent/src/tool.ts", /ToolOptions$/);
    expect(column("Tools", 0)).toEqual(asSet(options));
  });

  test("names every code that a run fails with", () => {
    const codes = unionOf("packages/agent/src/errors.ts", "AgentFailureCode");
    expect(column("What a run fails with", 0)).toEqual(asSet(codes));
  });

  test.each([
    [
      "Define",
      "packages/agent/src/definition/agent-options.ts",
      ["maxIterations", "maxDelegationDepth", "recordPayloads"],
    ],
    ["Tools", "packages/agent/src/tool.ts", ["timeoutMs", "parallel", "idempotent"]],
  ])("says the defaults that the docstrings of %s say", (heading, path, names) => {
    const source = readRepository(path);
    for (const name of names) {
      const doc = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*readonly ${name}\\?`).exec(source)![1]!;
      const said = tableUnder(document, heading)
        .find(([option]) => option === name)![1]!
        .replaceAll(",", "_");
      expect(doc).toMatch(new RegExp(`Default (true|false)?.*${said}|\`${said}\` \\(default\\)`));
    }
  });
});

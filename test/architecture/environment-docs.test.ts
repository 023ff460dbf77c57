/** docs/deployment.md lists every environment variable of our processes, who reads it, and its default. */
import { readdirSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { asSet, readRepository, tableUnder } from "../helpers/docs.ts";

const rows = tableUnder(readRepository("docs/deployment.md"), "Environment");
const variables = [
  ...readRepository("workers/src/variables.ts").matchAll(/^ {2}(\w+): variable\(\{(.*?)^ {2}\}\)/gms),
].map(([, name, body]) => ({ name: name!, fallback: /fallback: "([^"]*)"/.exec(body!)?.[1] ?? "" }));

describe("docs/deployment.md", () => {
  test("lists every variable, and its default", () => {
    const documented = rows.map(([name, , fallback]) => `${name}=${fallback}`);
    expect(asSet(documented)).toEqual(asSet(variables.map(({ name, fallback }) => `${name}=${fallback}`)));
  });

  test.each(["agent", "gateway", "recorder"])("says which of them %s reads", (process) => {
    const folder = new URL(`../../workers/src/${process}/`, import.meta.url);
    const files = readdirSync(folder).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
    const own = files.map((file) => readRepository(`workers/src/${process}/${file}`)).join("\n");
    const source = own.includes("...SYNAPSE_VARIABLES") ? own + readRepository("workers/src/connect.ts") : own;
    const read = variables.map(({ name }) => name).filter((name) => source.includes(`"${name}"`));
    const documented = rows.filter(([, by]) => by === "all" || by!.split(", ").includes(process)).map(([name]) => name);
    expect(asSet(documented)).toEqual(asSet([...read, "LOG_LEVEL"])); // every process reads that one
  });
});

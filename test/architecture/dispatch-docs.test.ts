/** docs/dispatch.md names every option and every error code of the code, no other, and the class that bears it. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import * as bus from "@myelin/bus";
import * as dendrite from "@myelin/dendrite";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const document = read("docs/dispatch.md");

/** The members of `export type <name> = "A" | "B"`, from the source: a type leaves nothing to import. */
function unionOf(path: string, name: string): string[] {
  const declaration = new RegExp(`export type ${name} =([^;]*);`).exec(read(path))![1]!;
  return [...declaration.matchAll(/"([A-Z_]+)"/g)].map(([, code]) => code!);
}

/** The cells of the table under a heading, row by row, without its two head lines. */
function tableUnder(heading: string): string[][] {
  const section = document.split(/^#+ /m).find((text) => text.startsWith(heading))!;
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

const sorted = (codes: readonly string[]) => [...new Set(codes)].sort();

describe("docs/dispatch.md", () => {
  test("names every option of a dispatch", () => {
    const options = [...read("packages/dendrite/src/requests.ts").matchAll(/^ {2}readonly (\w+)\??:/gm)];
    const parents = ["runId", "deadline"]; // of `Parent`, which no user passes
    const names = options.map(([, name]) => name!).filter((name) => !parents.includes(name));
    expect(sorted(tableUnder("Four ways to ask").map(([name]) => name!))).toEqual(sorted(names));
  });

  test("names every kind of DendriteError", () => {
    const codes = tableUnder("What a dispatch rejects with").map(([, code]) => code!);
    expect(sorted(codes)).toEqual(sorted(unionOf("packages/dendrite/src/errors.ts", "DendriteErrorCode")));
  });

  test("names every code that an ERROR can carry, and who chooses it", () => {
    const rows = tableUnder("Codes of a");
    const from = (who: string) => sorted(rows.filter(([, by]) => by!.includes(who)).map(([code]) => code!));
    expect(from("neuron")).toEqual(sorted(unionOf("packages/neuron/src/errors.ts", "NeuronFailureCode")));
    expect(from("Axon")).toEqual(sorted(unionOf("packages/dendrite/src/errors.ts", "AxonErrorCode")));
  });

  test("names every code of BusError", () => {
    const codes = tableUnder("Errors of the bus").map(([, code]) => code!);
    expect(sorted(codes)).toEqual(sorted(unionOf("bus/src/protocol/errors.ts", "BusErrorCode")));
  });

  test.each([
    ["What a dispatch rejects with", dendrite],
    ["Errors of the bus", bus],
  ])("names, under %j, classes that are exported, and all of them", (heading, exported) => {
    const classes = tableUnder(heading).map(([name]) => name!);
    const ours = Object.keys(exported).filter((name) => name.endsWith("Error"));
    expect(sorted(classes)).toEqual(sorted(ours));
  });
});

/** docs/dispatch.md names every option and every error code of the code, no other, and the class that bears it. */
import { describe, expect, test } from "@jest/globals";
import * as bus from "@myelin/bus";
import * as dendrite from "@myelin/dendrite";
import { asSet, readRepository, tableUnder, unionOf } from "../helpers/docs.ts";

const document = readRepository("docs/dispatch.md");
const column = (heading: string, at: number) => asSet(tableUnder(document, heading).map((row) => row[at]));

describe("docs/dispatch.md", () => {
  test("names every option of a dispatch", () => {
    const options = [...readRepository("packages/dendrite/src/requests.ts").matchAll(/^ {2}readonly (\w+)\??:/gm)];
    const parents = ["runId", "deadline"]; // of `Parent`, which no user passes
    const names = options.map(([, name]) => name!).filter((name) => !parents.includes(name));
    expect(column("Four ways to ask", 0)).toEqual(asSet(names));
  });

  test("names every kind of DendriteError", () => {
    const kinds = unionOf("packages/dendrite/src/errors.ts", "DendriteErrorCode");
    expect(column("What a dispatch rejects with", 1)).toEqual(asSet(kinds));
  });

  test("names every code that an ERROR can carry, and who chooses it", () => {
    const rows = tableUnder(document, "Codes of a");
    const from = (who: string) => asSet(rows.filter(([, by]) => by!.includes(who)).map(([code]) => code));
    expect(from("neuron")).toEqual(asSet(unionOf("packages/neuron/src/errors.ts", "NeuronFailureCode")));
    expect(from("step")).toEqual(asSet(unionOf("packages/neuron/src/errors.ts", "StepErrorCode")));
    expect(from("Axon")).toEqual(asSet(unionOf("packages/dendrite/src/errors.ts", "AxonErrorCode")));
  });

  test("names every code of BusError", () => {
    const codes = unionOf("bus/src/protocol/errors.ts", "BusErrorCode");
    expect(column("Errors of the bus", 1)).toEqual(asSet(codes));
  });

  test.each([
    ["What a dispatch rejects with", dendrite],
    ["Errors of the bus", bus],
  ])("names, under %j, classes that are exported, and all of them", (heading, exported) => {
    const ours = Object.keys(exported).filter((name) => name.endsWith("Error"));
    expect(column(heading, 0)).toEqual(asSet(ours));
  });
});

/** Layers: imports point down. Every import of every source file is held against floors.json; lint says the same, earlier. */
import { describe, expect, test } from "@jest/globals";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { FLOORS, floorOf, floorProblem, floorsTable, isOurs } from "../helpers/floors.ts";
import { ROOT, WORKSPACES, isTestFile, listFiles, listImports, type Import } from "../helpers/source-files.ts";

const FOLDERS = [...WORKSPACES, "test", "bench", "chaos", "examples", "scripts"];

describe("floors", () => {
  test("no import of any file breaks a floor", () => {
    const problems = FOLDERS.flatMap(listFiles).flatMap((file) =>
      listImports(file, readFileSync(path.join(ROOT, file), "utf8")).map((found) => floorProblem(file, found)),
    );
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });

  test("every source file of a workspace stands on a floor", () => {
    const files = WORKSPACES.flatMap(listFiles).filter((file) => !isTestFile(file));
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((file) => !floorOf(file))).toEqual([]);
  });

  test("every zone holds a source file", () => {
    expect(FLOORS.map(({ zone }) => zone).filter((zone) => !existsSync(path.join(ROOT, zone)))).toEqual([]);
  });

  test("what a zone may import of ours stands below it", () => {
    const floorOfPackage = new Map(
      WORKSPACES.map((workspace) => {
        const { name } = JSON.parse(readFileSync(path.join(ROOT, workspace, "package.json"), "utf8")) as {
          name: string;
        };
        return [name, Math.max(...FLOORS.filter(({ zone }) => zone.startsWith(workspace)).map(({ floor }) => floor))];
      }),
    );
    const upward = FLOORS.flatMap(({ zone, floor, mayImport }) =>
      mayImport
        .filter(isOurs)
        .filter(
          (name) =>
            (floorOfPackage.get(
              name
                .split("/")
                .slice(0, name.startsWith("@") ? 2 : 1)
                .join("/"),
            ) ?? 9) >= floor,
        )
        .map((name) => `${zone} -> ${name}`),
    );
    expect(upward).toEqual([]);
  });

  test("docs/architecture.md prints the same table", () => {
    const page = readFileSync(path.join(ROOT, "docs/architecture.md"), "utf8");
    const printed = /<!-- floors -->\n([\s\S]*?)\n<!-- \/floors -->/.exec(page)?.[1]?.trim();
    expect(printed).toBe(floorsTable());
  });
});

describe("the check itself", () => {
  const importing = (specifier: string, ...names: string[]): Import => ({ specifier, names, line: 1 });

  test.each([
    ["bus/src/protocol/ids.ts", "node:crypto", "loads in a browser"],
    ["bus/src/protocol/ids.ts", "../synapse/synapse.ts", "loads in a browser"],
    ["bus/src/synapse/nats/nats-bus.ts", "../memory/memory-bus.ts", "never another implementation"],
    ["bus/src/synapse/synapse.ts", "./connect.ts", "no implementation of itself"],
    ["bus/src/synapse/synapse.ts", "../../../packages/neuron/src/index.ts", "by its name"],
    ["packages/dev/src/index.ts", "@myelin/bus", "knows nothing of us"],
    ["packages/neuron/src/index.ts", "@myelin/bus", "never sees a Signal"],
    ["packages/neuron/src/providers/openai/openai-neuron.ts", "@anthropic-ai/sdk/core", "no other provider"],
    ["packages/dendrite/src/dendrite.ts", "@myelin/runs", "neither the database nor HTTP"],
    ["packages/dendrite/src/dendrite.ts", "@myelin/bus/src/index.ts", "through a door"],
    ["packages/runs/src/recorder/recorder.ts", "@prisma/client", "only its db.ts knows Prisma"],
    ["packages/runs/src/recorder/recorder.ts", "../generated/prisma/client.ts", "only its db.ts knows Prisma"],
    ["packages/runs/src/recorder/recorder.ts", "../../../../test/helpers/leaks.ts", "outside of its package"],
    ["packages/http/src/index.ts", "pg", "neither transport nor database"],
    ["packages/myelin/src/index.ts", "zod", "runs an agent in one process"],
    ["test/e2e/some.test.ts", "../../bus/src/index.ts", "by its name"],
  ])("%s may not import %s", (file, specifier, why) => {
    expect(floorProblem(file, importing(specifier))).toContain(why);
  });

  test("a name can be closed while its door is open", () => {
    const file = "packages/dendrite/src/axon/axon.ts";
    expect(floorProblem(file, importing("@myelin/bus", "Bus"))).toBeUndefined();
    expect(floorProblem(file, importing("@myelin/bus", "Bus", "connectSynapse"))).toContain("takes connectSynapse");
  });

  test("sees types, re-exports, dynamic imports, import types and requires", () => {
    const text = `
      import a, { type b as c } from "a";
      import type { d } from "d";
      import "e";
      export { f } from "f";
      export * from "g";
      const h = await import("h");
      type I = import("i").I;
      const j = require("j");
      // import "not-this";
      const k = 'import "nor-this"';`;
    const found = listImports("x.ts", text);
    expect(found.map(({ specifier }) => specifier)).toEqual(["a", "d", "e", "f", "g", "h", "i", "j"]);
    expect(found[0]).toEqual({ specifier: "a", names: ["b"], line: 2 });
  });
});

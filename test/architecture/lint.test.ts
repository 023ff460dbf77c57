/**
 * Lint: every rule that holds a decision is seen to fire on a planted fault. The faults are linted as if they stood in
 * real files, with the project's own configuration; nothing is written.
 */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { FLOORS, floorOf } from "../helpers/floors.ts";
import { ROOT, isTestFile, listFiles } from "../helpers/source-files.ts";

interface Fault {
  readonly title: string;
  readonly file: string;
  readonly text: string;
  readonly ruleId: string;
  /** Part of the message. */
  readonly says: string;
}
interface Finding {
  readonly ruleId: string | null;
  readonly message: string;
}

const LIBRARY = "packages/dendrite/src/validate.ts";
const WORKER = "workers/src/env.ts";
const TEST = "packages/neuron/src/errors.test.ts";
const use = (name: string, from: string) => `import { ${name} } from "${from}";\nexport const used = ${name};\n`;

const FAULTS: readonly Fault[] = [
  {
    title: "a cycle",
    file: "bus/src/protocol/ids.ts",
    text: use("parseSignal", "./signal.ts"),
    ruleId: "import-x/no-cycle",
    says: "cycle",
  },
  {
    title: "a floating promise",
    file: LIBRARY,
    text: "async function work() { await Promise.resolve(); }\nwork();\n",
    ruleId: "@typescript-eslint/no-floating-promises",
    says: "must be awaited",
  },
  {
    title: "a promise where a value is expected",
    file: LIBRARY,
    text: "export const f = (p: Promise<boolean>) => (p ? 1 : 2);\n",
    ruleId: "@typescript-eslint/no-misused-promises",
    says: "Expected non-Promise value",
  },
  {
    title: "a type imported as a value",
    file: LIBRARY,
    text: `import { Logger } from "@myelin/bus";\nexport type L = Logger;\n`,
    ruleId: "@typescript-eslint/consistent-type-imports",
    says: "only used as type",
  },
  {
    title: "a switch that forgets a case",
    file: LIBRARY,
    text: `export function f(x: "a" | "b"): number {\n  switch (x) {\n    case "a":\n      return 1;\n  }\n  return 2;\n}\n`,
    ruleId: "@typescript-eslint/switch-exhaustiveness-check",
    says: `"b"`,
  },
  {
    title: "an undeclared dependency",
    file: LIBRARY,
    text: `import * as pg from "pg";\nexport const used = pg;\n`,
    ruleId: "import-x/no-extraneous-dependencies",
    says: "'pg' should be listed in the project's dependencies",
  },
  {
    title: "an undeclared package of ours",
    file: "packages/neuron/src/names.ts",
    text: `import type { Dendrite } from "@myelin/dendrite";\nexport type D = Dendrite;\n`,
    ruleId: "import-x/no-extraneous-dependencies",
    says: "'@myelin/dendrite' should be listed",
  },
  {
    title: "a dependency of development in a library",
    file: LIBRARY,
    text: `import * as fc from "fast-check";\nexport const used = fc;\n`,
    ruleId: "import-x/no-extraneous-dependencies",
    says: "'fast-check' should be listed",
  },
  {
    title: "console in a library",
    file: LIBRARY,
    text: `console.warn("x");\n`,
    ruleId: "no-console",
    says: "console",
  },
  {
    title: "the environment in a library",
    file: LIBRARY,
    text: `export const url = process.env["URL"];\n`,
    ruleId: "no-restricted-properties",
    says: "A library is told its options",
  },
  {
    title: "an exit in a library",
    file: LIBRARY,
    text: "process.exit(1);\n",
    ruleId: "no-restricted-properties",
    says: "only a process of ours may exit",
  },
  {
    title: "a package entered past its doors",
    file: WORKER,
    text: use("resolveNatsOptions", "@myelin/bus/src/synapse/nats/nats-options.ts"),
    ruleId: "no-restricted-imports",
    says: "through a door of its `exports`",
  },
  {
    title: "a path into another package",
    file: "test/helpers/with-nats.ts",
    text: use("resolveNatsOptions", "../../bus/src/synapse/nats/nats-options.ts"),
    ruleId: "no-restricted-imports",
    says: "through a door of its `exports`",
  },
  {
    title: "a synapse that imports another",
    file: "bus/src/synapse/nats/nats-options.ts",
    text: use("connectMemorySynapse", "../memory/memory-synapse.ts"),
    ruleId: "import-x/no-restricted-paths",
    says: "never another implementation",
  },
  {
    title: "Prisma outside of its file",
    file: "packages/runs/src/database.ts",
    text: `export const load = () => import("./generated/prisma/client.ts");\n`,
    ruleId: "import-x/no-restricted-paths",
    says: "only its db.ts knows Prisma",
  },
  {
    title: "an axon that connects",
    file: "packages/dendrite/src/axon/axon.ts",
    text: use("connectSynapse", "@myelin/bus"),
    ruleId: "no-restricted-imports",
    says: "connecting is the caller's",
  },
  {
    title: "a focused test",
    file: TEST,
    text: `import { test } from "@jest/globals";\ntest.only("x", () => {});\n`,
    ruleId: "no-restricted-syntax",
    says: "silences all others",
  },
  {
    title: "an expect in a catch",
    file: TEST,
    text: `import { expect } from "@jest/globals";\ntry {\n  JSON.parse("");\n} catch (error) {\n  expect(error).toBe(1);\n}\n`,
    ruleId: "no-restricted-syntax",
    says: "skipped when nothing throws",
  },
  // One for every zone: a package that nobody lists.
  ...FLOORS.filter(({ zone }) => zone !== "packages/runs/src/generated").map((floor) => ({
    title: `a stranger in ${floor.zone}`,
    file: fileOf(floor.zone),
    text: use("stranger", "a-stranger"),
    ruleId: "no-restricted-imports",
    says: floor.because,
  })),
];

/** What must stay silent: the same in a place where it is allowed. */
const FINE: readonly Omit<Fault, "says">[] = [
  { title: "console in a worker", file: WORKER, text: `console.warn("x");\n`, ruleId: "no-console" },
  {
    title: "the environment in a worker",
    file: WORKER,
    text: `export const url = process.env["URL"];\n`,
    ruleId: "no-restricted-properties",
  },
  {
    title: "the environment in dev",
    file: "packages/dev/src/launch.ts",
    text: `export const path = process.env["PATH"];\n`,
    ruleId: "no-restricted-properties",
  },
];

let found: Finding[][];

beforeAll(() => {
  const texts = [...FAULTS, ...FINE].map(({ file, text, ruleId }) => {
    return { file, text, isTyped: ruleId.startsWith("@typescript-eslint/") };
  });
  const child = spawnSync(process.execPath, [path.join(ROOT, "test/helpers/lint-texts.mjs")], {
    input: JSON.stringify(texts),
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (child.status !== 0) throw new Error(`ESLint did not run:\n${child.stderr}`);
  found = JSON.parse(child.stdout) as Finding[][];
});

describe("a planted fault is found", () => {
  test.each(FAULTS.map((fault, index) => ({ ...fault, index })))("$title", ({ index, ruleId, says }) => {
    const messages = found[index]!.filter((finding) => finding.ruleId === ruleId).map(({ message }) => message);
    expect(messages).toContainEqual(expect.stringContaining(says));
  });
});

describe("what is allowed is not found", () => {
  test.each(FINE.map((fault, index) => ({ ...fault, index: FAULTS.length + index })))("$title", ({ index, ruleId }) => {
    expect(found[index]!.filter((finding) => finding.ruleId === ruleId || finding.ruleId === null)).toEqual([]);
  });
});

/** Some source file whose zone is exactly this one. */
function fileOf(zone: string): string {
  const files = zone.endsWith(".ts") ? [zone] : listFiles(zone);
  const file = files.find((file) => !isTestFile(file) && floorOf(file)?.zone === zone);
  if (file === undefined) throw new Error(`no source file in ${zone}: remove its row from floors.json`);
  return file;
}

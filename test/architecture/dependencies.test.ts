/** Dependencies: docs/dependencies.md and the package.json files say the same, and nothing is declared in vain. */
import { describe, expect, test } from "@jest/globals";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { readRepository, tableUnder } from "../helpers/docs.ts";
import { isOurs } from "../helpers/floors.ts";
import { ROOT, WORKSPACES, listFiles } from "../helpers/source-files.ts";

interface Manifest {
  readonly version?: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const HEADINGS = [
  "Installed with `myelin`",
  "Installed with `@myelin/dev`",
  "In the processes we start",
  "In this repository only",
  "In benches only",
];
const FOLDERS = [".", ...WORKSPACES, "bench/peers"];
const page = readRepository("docs/dependencies.md");
const rows = HEADINGS.flatMap((heading) => tableUnder(page, heading));
const declared = FOLDERS.flatMap((folder) =>
  Object.entries(declaredIn(manifest(folder))).map(([name, version]) => ({ folder, name, version })),
);
const thirdParty = declared.filter(({ name }) => !isOurs(name));

describe("docs/dependencies.md", () => {
  test("names every third-party package with its version and who declares it, and no others", () => {
    const documented = rows.map(([name, version, by]) => `${name}@${version} by ${by}`);
    const real = [...new Set(thirdParty.map(({ name, version }) => `${name}@${version}`))].map((one) => {
      const by = thirdParty
        .filter(({ name, version }) => `${name}@${version}` === one)
        .map(({ folder }) => owner(folder));
      return `${one} by ${by.sort(repositoryLast).join(", ")}`;
    });
    expect(documented.sort()).toEqual(real.sort());
  });

  test("gives the license that each package states", () => {
    const installed = rows.filter(([name]) => existsSync(manifestOf(name!)));
    expect(installed.length).toBeGreaterThan(20);
    const stated = installed.map(([name]) => [name, read(manifestOf(name!)).license]);
    expect(installed.map(([name, , , license]) => [name, license])).toEqual(stated);
  });

  test("says of each what it is for", () => {
    expect(rows.filter(([, , , , why]) => (why ?? "").length < 10)).toEqual([]);
  });
});

describe("package.json", () => {
  test("every version is exact", () => {
    expect(declared.filter(({ version }) => !/^\d+\.\d+\.\d+(-[\w.-]+)?$/.test(version))).toEqual([]);
  });

  test("a package is declared with the same version everywhere", () => {
    const versions = new Map(thirdParty.map(({ name, version }) => [name, version]));
    expect(thirdParty.filter(({ name, version }) => versions.get(name) !== version)).toEqual([]);
  });

  test("our own packages are declared with the version they have", () => {
    const versions = new Map(WORKSPACES.map((folder) => [nameOf(folder), manifest(folder).version]));
    expect(declared.filter(({ name, version }) => isOurs(name) && versions.get(name) !== version)).toEqual([]);
  });

  test.each(WORKSPACES)("%s declares nothing that its sources do not name", (folder) => {
    const sources = [...listFiles(`${folder}/src`), ...listFiles(`${folder}/testing`)].map((file) =>
      readRepository(file),
    );
    const { dependencies = {}, optionalDependencies = {} } = manifest(folder);
    const unused = Object.keys({ ...dependencies, ...optionalDependencies })
      // Imported by the generated client, which is not among the sources.
      .filter((name) => name !== "@prisma/client")
      .filter((name) => !sources.some((text) => text.includes(`"${name}"`) || text.includes(`"${name}/`)));
    expect(unused).toEqual([]);
  });
});

function manifestOf(name: string): string {
  return path.join(ROOT, "node_modules", name, "package.json");
}

function read(file: string): Manifest & { readonly name: string } {
  return JSON.parse(readFileSync(file, "utf8")) as Manifest & { readonly name: string };
}

function manifest(folder: string): Manifest {
  const file = path.join(ROOT, folder, "package.json");
  return existsSync(file) ? read(file) : {};
}

function nameOf(folder: string): string {
  return read(path.join(ROOT, folder, "package.json")).name;
}

// Peers are ranges, and installed by somebody else.
function declaredIn(of: Manifest): Record<string, string> {
  return { ...of.dependencies, ...of.devDependencies, ...of.optionalDependencies };
}

/** How the page names the owner of a package.json. */
function owner(folder: string): string {
  return folder === "." ? "the repository" : folder.replace("packages/", "");
}

function repositoryLast(a: string, b: string): number {
  return Number(a === "the repository") - Number(b === "the repository") || a.localeCompare(b);
}

/** Floors: test/architecture/floors.json as data, and the one function that says whether an import keeps to it. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { ROOT, WORKSPACES, isTestFile, type Import } from "./source-files.ts";

/** A folder or a file, and what it may import. The most specific zone of a file is the one that counts. */
export interface Floor {
  readonly floor: number;
  /** Relative to the root. */
  readonly zone: string;
  /** Zones of its own workspace, doors of ours (exact), other packages (with subpaths), or families: `node:*`. */
  readonly mayImport: readonly string[];
  /** Names that may not be taken from a door which is else open. */
  readonly notNames?: Readonly<Record<string, readonly string[]>>;
  readonly because: string;
}

export const FLOORS = JSON.parse(readFileSync(path.join(ROOT, "test/architecture/floors.json"), "utf8")) as Floor[];

/** The most specific zone that holds a file; undefined for a file on no floor. */
export function floorOf(file: string): Floor | undefined {
  return FLOORS.filter(({ zone }) => file === zone || file.startsWith(`${zone}/`)).sort(
    (a, b) => b.zone.length - a.zone.length,
  )[0];
}

/** What is wrong with an import, as a sentence that names file, import and reason; undefined when nothing is. */
export function floorProblem(file: string, { specifier, names, line }: Import): string | undefined {
  const here = `${file}:${line} imports ${JSON.stringify(specifier)}`;
  if (specifier.startsWith(".")) return pathProblem(file, specifier, here);
  if (isDeep(specifier)) return `${here}: a package is imported through a door of its exports`;
  const floor = isTestFile(file) ? undefined : floorOf(file);
  if (!floor) return undefined;
  if (!floor.mayImport.some((allowed) => opens(allowed, specifier))) return `${here}, but ${floor.because}`;
  const name = names.find((name) => floor.notNames?.[specifier]?.includes(name));
  return name === undefined ? undefined : `${here} and takes ${name}, but ${floor.because}`;
}

function pathProblem(file: string, specifier: string, here: string): string | undefined {
  const target = path.posix.join(path.posix.dirname(file), specifier);
  const home = workspaceOf(target);
  if (home !== undefined && home !== workspaceOf(file)) return `${here}: import ${home} by its name`;
  if (isTestFile(file) || workspaceOf(file) === undefined) return undefined;
  if (home === undefined) return `${here}: what is packed may not reach outside of its package`;
  const [from, to] = [floorOf(file), floorOf(target)];
  if (!from || !to || from === to || from.mayImport.includes(to.zone)) return undefined;
  return `${here}, but ${from.because}`;
}

/** Does an entry of `mayImport` open a bare specifier? */
function opens(allowed: string, specifier: string): boolean {
  if (allowed.endsWith("*")) return specifier.startsWith(allowed.slice(0, -1));
  if (allowed === specifier) return true;
  return !isOurs(allowed) && specifier.startsWith(`${allowed}/`);
}

export function isOurs(specifier: string): boolean {
  return specifier.startsWith("@myelin/") || specifier === "myelin" || specifier.startsWith("myelin/");
}

function isDeep(specifier: string): boolean {
  return isOurs(specifier) && /\/(src|dist|testing\/.)/.test(specifier);
}

function workspaceOf(file: string): string | undefined {
  return WORKSPACES.find((workspace) => file.startsWith(`${workspace}/`));
}

/** The table of docs/architecture.md, between its `floors` markers. */
export function floorsTable(): string {
  const rows = [...FLOORS]
    .sort((a, b) => b.floor - a.floor)
    .map(({ floor, zone, mayImport }) => {
      const names = mayImport.map((name) => `\`${name}\``).join(" ");
      return `| ${floor} | \`${zone}\` | ${names || "nothing"} |`;
    });
  return ["| Floor | Package | May import |", "|---|---|---|", ...rows].join("\n");
}

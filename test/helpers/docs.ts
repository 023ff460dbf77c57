/** Docs: read what a document claims, and what the code says, for the tests that compare the two. */
import { readFileSync } from "node:fs";

/** The text of a file of this repository, by its path from the root. */
export const readRepository = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** The members of `export type <name> = "A" | "B"`, from the source: a type leaves nothing to import. */
export function unionOf(path: string, name: string): string[] {
  const declaration = new RegExp(`export type ${name} =([^;]*);`).exec(readRepository(path))?.[1];
  if (declaration === undefined) throw new Error(`${path} has no "export type ${name} = …;"`);
  return membersOf(declaration);
}

const membersOf = (text: string): string[] => [...text.matchAll(/"([A-Za-z_.]+)"/g)].map(([, member]) => member!);

/** The cells of the table under a heading, row by row, without its two head lines and without backquotes. */
export function tableUnder(document: string, heading: string): string[][] {
  const section = document.split(/^#+ /m).find((text) => text.startsWith(heading));
  if (section === undefined) throw new Error(`there is no heading "${heading}"`);
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) => {
    const cells = row.split("|").slice(1, -1);
    return cells.map((cell) => cell.trim().replaceAll("`", ""));
  });
}

/** Each text once, in order: for comparing sets. */
export const asSet = (texts: readonly (string | undefined)[]): string[] =>
  [...new Set(texts.map((text) => text ?? "(empty)"))].sort();

/**
 * Invariants: each number of docs/architecture.md stands in the header of a source file that keeps it, and in the title
 * of a test that proves it. A number without a test is a wish.
 */
import { describe, expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { readRepository } from "../helpers/docs.ts";
import { ROOT, WORKSPACES, isTestFile, listFiles } from "../helpers/source-files.ts";

const HELD = ["P1", "S1", "S2", "S3", "D1", "D2", "A1", "A2", "J1", "J2", "J3", "R1", "R2", "R3", "H1", "T2"];
/** Journals and taps are not written yet; what the wire already does for them may be tested. */
const LATER = ["J1", "J2", "J3", "T1"];

const FILES = [...WORKSPACES, "test"].flatMap(listFiles);
const headers = FILES.filter((file) => file.includes("/src/") && !isTestFile(file)).map(headerOf);
const titles = FILES.filter((file) => file.endsWith(".test.ts") || file.startsWith("bus/testing/")).flatMap(titlesOf);

describe("invariants", () => {
  test("docs/architecture.md lists those that are held, and no others", () => {
    const rows = readRepository("docs/architecture.md").matchAll(/^\| \**([A-Z]\d)\** \|/gm);
    expect([...rows].map(([, number]) => number)).toEqual(HELD);
  });

  test.each(HELD)("%s is named in the header of a file that keeps it", (number) => {
    expect(headers.filter((header) => names(header, number))).not.toEqual([]);
  });

  test.each(HELD)("%s is named in the title of a test that proves it", (number) => {
    expect(titles.filter((title) => names(title, number))).not.toEqual([]);
  });

  test("no title cites a number that does not exist", () => {
    const cited = titles.flatMap((title) =>
      [...title.matchAll(/\b([PSDAJRHT]\d)\b(?=[:, ])/g)].map(([, number]) => number!),
    );
    expect([...new Set(cited)].filter((number) => ![...HELD, ...LATER].includes(number))).toEqual([]);
  });
});

function names(text: string, number: string): boolean {
  return new RegExp(`\\b${number}\\b`).test(text);
}

/** The comment before the first statement of a file. */
function headerOf(file: string): string {
  const text = readFileSync(path.join(ROOT, file), "utf8");
  const ranges = ts.getLeadingCommentRanges(text, 0) ?? [];
  return ranges.map(({ pos, end }) => text.slice(pos, end)).join("\n");
}

/** Titles of `test`, `it` and `describe`, also of `test.each(…)(title)`. */
function titlesOf(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(path.join(ROOT, file), "utf8"), ts.ScriptTarget.ESNext);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^(test|it|describe)\b/.test(callee(node))) {
      const title = node.arguments[0];
      if (title && ts.isStringLiteralLike(title)) found.push(title.text);
      else if (title && ts.isTemplateExpression(title)) found.push(title.head.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** `test` of `test(…)`, `test.each(…)(…)` and `describe.skip(…)`. */
function callee(node: ts.CallExpression): string {
  let expression: ts.Expression = node.expression;
  while (ts.isPropertyAccessExpression(expression) || ts.isCallExpression(expression))
    expression = expression.expression;
  return ts.isIdentifier(expression) ? expression.text : "";
}

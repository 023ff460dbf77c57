/** Source files: what the architecture tests look at, and what each file imports. */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

/** The repository's root. */
export const ROOT = path.resolve(import.meta.dirname, "../..");

/** Folders of the root that hold workspaces, and the workspaces themselves, relative to the root. */
export const WORKSPACES: readonly string[] = [
  "bus",
  ...readdirSync(path.join(ROOT, "packages"))
    .map((name) => `packages/${name}`)
    .filter((folder) => existsSync(path.join(ROOT, folder, "package.json"))),
  "workers",
];

const SKIPPED = new Set(["node_modules", "dist", "generated", ".myelin", "peers"]);

/** Every `.ts` file below `folder`, relative to the root, sorted. Without what is installed, built or generated. */
export function listFiles(folder: string): string[] {
  const absolute = path.join(ROOT, folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { withFileTypes: true })
    .flatMap((entry) => {
      const file = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : listFiles(file);
      return entry.name.endsWith(".ts") ? [file] : [];
    })
    .sort();
}

export function isTestFile(file: string): boolean {
  return /\.test(-d)?\.ts$/.test(file);
}

/** One `from "…"` of a file, as it is written there. */
export interface Import {
  readonly specifier: string;
  /** What is taken by name; empty for a default, a namespace, `import()` and an import for its effect. */
  readonly names: readonly string[];
  readonly line: number;
}

/** Everything a text imports: also types, re-exports, `import("…")`, `import("…").T`, `require("…")`. */
export function listImports(file: string, text: string): Import[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const found: Import[] = [];
  const add = (at: ts.Node | undefined, names: readonly string[] = []) => {
    if (!at || !ts.isStringLiteralLike(at)) return;
    found.push({ specifier: at.text, names, line: source.getLineAndCharacterOfPosition(at.getStart()).line + 1 });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, importedNames(node));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, exportedNames(node));
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal);
    else if (ts.isCallExpression(node) && isImportCall(node)) add(node.arguments[0]);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function importedNames(node: ts.ImportDeclaration): string[] {
  const bindings = node.importClause?.namedBindings;
  return bindings && ts.isNamedImports(bindings) ? bindings.elements.map(originalName) : [];
}

function exportedNames(node: ts.ExportDeclaration): string[] {
  const clause = node.exportClause;
  return clause && ts.isNamedExports(clause) ? clause.elements.map(originalName) : [];
}

function originalName(element: ts.ImportSpecifier | ts.ExportSpecifier): string {
  return (element.propertyName ?? element.name).text;
}

function isImportCall(node: ts.CallExpression): boolean {
  if (node.expression.kind === ts.SyntaxKind.ImportKeyword) return true;
  return ts.isIdentifier(node.expression) && node.expression.text === "require";
}

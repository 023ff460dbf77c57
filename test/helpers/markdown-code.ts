/** Markdown code: the blocks of a document that name a file, as files that can be checked and run. */
import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { readRepository } from "./docs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface MarkdownCode extends AsyncDisposable {
  /** Names of the files, in the order of the document. */
  readonly files: readonly string[];
  /** Absolute path of one. */
  path(file: string): string;
  /** Absolute paths of all. */
  readonly paths: readonly string[];
}

/** The blocks of a document that name a file, in its order. */
export function readCode(document: string): { file: string; code: string }[] {
  const blocks = [...readRepository(document).matchAll(/^```ts file=(\S+)\n(.*?)^```$/gms)];
  return blocks.map(([, file, code]) => ({ file: file!, code: code! }));
}

/**
 * Write every block that begins with ```` ```ts file=<name> ```` into a folder of its own inside the repository, where
 * `myelin` resolves as it does for everybody. Dispose to remove the folder.
 */
export async function extractCode(document: string): Promise<MarkdownCode> {
  const blocks = readCode(document);
  const directory = path.join(ROOT, ".myelin", `code-${randomBytes(4).toString("hex")}`);
  const files = blocks.map(({ file }) => file);
  const pathOf = (file: string) => path.join(directory, file);
  await mkdir(directory, { recursive: true });
  await Promise.all(blocks.map(({ file, code }) => writeFile(pathOf(file), code)));
  return {
    files,
    path: pathOf,
    paths: files.map(pathOf),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/**
 * What the compiler says of these files, one line each, under the repository's own options: strict, and packages from
 * their sources. Nothing is good. Files that they import are not reported.
 */
export function compile(paths: readonly string[]): string[] {
  const config = path.join(ROOT, "tsconfig.json");
  const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(config, ts.sys.readFile).config, ts.sys, ROOT);
  const program = ts.createProgram({ rootNames: [...paths], options });
  return paths.flatMap((file) => {
    const source = program.getSourceFile(file);
    const problems = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return problems.map(({ start, messageText }) => {
      const line = source!.getLineAndCharacterOfPosition(start ?? 0).line + 1;
      return `${path.basename(file)}:${line} ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    });
  });
}

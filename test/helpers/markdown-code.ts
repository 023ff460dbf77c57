/** Markdown code: the blocks of a document that name a file, as files that can be run. */
import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readRepository } from "./docs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface MarkdownCode extends AsyncDisposable {
  /** Names of the files, in the order of the document. */
  readonly files: readonly string[];
  /** Absolute path of one. */
  path(file: string): string;
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
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

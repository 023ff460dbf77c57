/** Sections: Markdown files cut at their headings. Pure but for the reading. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

export interface Section {
  readonly id: number;
  /** Name of the file, below the folder that was read. */
  readonly file: string;
  readonly heading: string;
  /** What stands between this heading and the next, without comments. */
  readonly text: string;
  readonly isGlossary: boolean;
}

/** From the sources, and from the packed package, into which the build copies them. */
const PLACES = ["../../docs/", "../docs/"];

/** Every section that has text, of every `.md` file of a folder (and the README beside it, for the docs of Myelin). */
export async function readSections(directory?: string): Promise<Section[]> {
  const files = directory === undefined ? await ownFiles() : await filesOf(directory);
  const sections: Section[] = [];
  for (const { file, location } of files) {
    const isGlossary = path.basename(file) === "glossary.md";
    for (const part of cutAtHeadings(await readFile(location, "utf8"), path.basename(file, ".md"))) {
      sections.push({ id: sections.length, file, isGlossary, ...part });
    }
  }
  if (sections.length === 0) throw new DocsError(`no Markdown with text in ${directory ?? PLACES.join(" or ")}`);
  return sections;
}

/** There is nothing to answer from. */
export class DocsError extends Error {
  override readonly name = "DocsError";
  readonly code = "DOCS_NOT_FOUND";
}

interface File {
  readonly file: string;
  readonly location: string;
}

async function ownFiles(): Promise<File[]> {
  const places = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const directory = places.find((place) => existsSync(place));
  if (directory === undefined) {
    throw new DocsError(
      `the docs of Myelin are not at ${places.join(" or ")}; set MYELIN_DOCS_DIR, or configure a model`,
    );
  }
  const readme = path.join(directory, "../README.md");
  const files = (await filesOf(directory)).map(({ file, location }) => ({ file: `docs/${file}`, location }));
  return existsSync(readme) ? [...files, { file: "README.md", location: readme }] : files;
}

async function filesOf(directory: string): Promise<File[]> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new DocsError(`MYELIN_DOCS_DIR=${directory} cannot be read: ${(cause as Error).message}`);
  });
  return names
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map((file) => ({ file, location: path.join(directory, file) }));
}

/** Cut at lines that begin with `#`, but not inside fenced code, where they are comments. */
export function cutAtHeadings(markdown: string, title: string): { heading: string; text: string }[] {
  const sections: { heading: string; lines: string[] }[] = [{ heading: title, lines: [] }];
  let isCode = false;
  for (const line of markdown.replace(/<!--[\s\S]*?-->/g, "").split("\n")) {
    if (/^\s*(```|~~~)/.test(line)) isCode = !isCode;
    const heading = isCode ? null : /^#{1,6}\s+(.+?)\s*#*$/.exec(line);
    if (heading) sections.push({ heading: heading[1]!.replaceAll("`", ""), lines: [] });
    else sections.at(-1)!.lines.push(line);
  }
  return sections
    .map(({ heading, lines }) => ({ heading, text: lines.join("\n").trim() }))
    .filter(({ text }) => text !== "");
}

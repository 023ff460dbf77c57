/** Links: what a document points at in this repository, by a link or by a path in backquotes, is there. */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { readRepository } from "../helpers/docs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const EXAMPLES = readdirSync(path.join(ROOT, "examples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => `examples/${name}`);
const FOLDERS = [".", "docs", "bench", "examples", ...EXAMPLES];
const documents = FOLDERS.flatMap((folder) =>
  readdirSync(path.join(ROOT, folder))
    .filter((file) => file.endsWith(".md"))
    .map((file) => path.join(folder, file)),
);

test.each(documents)("every link of %s leads somewhere", (document) => {
  const text = readRepository(document).replaceAll(/```.*?```/gs, "");
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  const inside = links.filter((link) => !/^(https?:|mailto:)/.test(link));
  const broken = inside.filter((link) => {
    const [file, heading] = link.split("#");
    const target = file === "" ? document : path.join(path.dirname(document), file!);
    if (!existsSync(path.join(ROOT, target))) return true;
    return heading !== undefined && !headingsOf(target).includes(heading);
  });
  expect(broken).toEqual([]);
});

test.each(documents)("every path that %s names is there", (document) => {
  const paths = [
    ...readRepository(document).matchAll(/`((?:bus|packages|workers|test|prisma|bench|docs)\/[\w./-]*)`/g),
  ];
  // What a build or an install makes is not in the repository.
  const named = paths.map(([, name]) => name!).filter((name) => !/\/(dist|generated|node_modules)\b/.test(name));
  expect(named.filter((name) => !existsSync(path.join(ROOT, name)))).toEqual([]);
});

/** As GitHub makes them into anchors. */
function headingsOf(document: string): string[] {
  const headings = [...readRepository(document).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

/**
 * Programs: processes of benches, chaos and tests run as published packages do, as plain JavaScript, not through a loader that
 * compiles on the fly. The loader we develop with marks every inner function with its name each time it is made, which is
 * a seventh of the time of a dispatch; and plain files start in 0.1 s instead of 0.6.
 */
import { build } from "esbuild";
import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** In the repository, because what is not bundled is resolved from there. */
const SCRATCH = fileURLToPath(new URL("../.myelin", import.meta.url));

export interface Programs<Name extends string> extends AsyncDisposable {
  fileOf(name: Name): URL;
}

/**
 * Compile the sources of a folder of the root (`bench`, `chaos`), ours only: libraries are used as they were installed. What
 * lies beside a source is still found: its `import.meta.url` is that of the source.
 */
export async function compilePrograms<Name extends string>(
  folder: string,
  sources: readonly Name[],
): Promise<Programs<Name>> {
  const root = fileURLToPath(new URL(`../${folder}`, import.meta.url));
  const outdir = path.join(SCRATCH, folder, String(process.pid));
  await mkdir(outdir, { recursive: true });
  await build({
    entryPoints: sources.map((name) => path.join(root, name)),
    outdir,
    outbase: root,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["source"],
    plugins: [
      {
        name: "libraries stay outside",
        setup: ({ onResolve }) => {
          onResolve({ filter: /^[^./]/ }, ({ path: name }) =>
            /^(@myelin\/|myelin$)/.test(name) ? null : { external: true },
          );
        },
      },
      {
        name: "everybody knows where they are from",
        setup: ({ onLoad }) => {
          onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
            const text = await readFile(file, "utf8");
            const url = JSON.stringify(pathToFileURL(file).href);
            return { loader: "ts", contents: text.replaceAll("import.meta.url", url) };
          });
        },
      },
    ],
    logLevel: "error",
  });
  return {
    fileOf: (name) => pathToFileURL(path.join(outdir, name.replace(/\.ts$/, ".mjs"))),
    [Symbol.asyncDispose]: () => rm(outdir, { recursive: true, force: true }),
  };
}

/**
 * Programs: our processes run as published packages do, as plain JavaScript, not through a loader that compiles on the fly.
 * The loader we develop with marks every inner function with its name each time it is made, which is a seventh of the time
 * of a dispatch; and plain files start in 0.1 s instead of 0.6.
 */
import { build } from "esbuild";
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const BENCH = fileURLToPath(new URL("..", import.meta.url));
/** In the repository, because what is not bundled is resolved from there. */
const SCRATCH = path.join(BENCH, "../.myelin/bench");

/** The programs of our processes, by the name of their source below bench/. */
const SOURCES = ["harness/fleet-process.ts", "cases/recorder-process.ts", "cases/waiting-process.ts"] as const;
export type ProgramName = (typeof SOURCES)[number];

export interface Programs extends AsyncDisposable {
  fileOf(name: ProgramName): URL;
}

/** Compile our sources, ours only: libraries are used as they were installed. */
export async function compilePrograms(): Promise<Programs> {
  const outdir = path.join(SCRATCH, String(process.pid));
  await mkdir(outdir, { recursive: true });
  await build({
    entryPoints: SOURCES.map((name) => path.join(BENCH, name)),
    outdir,
    outbase: BENCH,
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
            name.startsWith("@myelin/") ? null : { external: true },
          );
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

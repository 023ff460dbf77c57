import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { spawnNode } from "./spawn-node.ts";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";

const STUBBORN = fileURLToPath(new URL("../../../test/fixtures/dev/stubborn-child.mjs", import.meta.url));
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "spawn-node-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));
expectNoLeaks();

async function program(source: string): Promise<string> {
  const file = path.join(directory, `${Math.random()}.mjs`);
  await writeFile(file, source);
  return file;
}

test("gives every line, the exit code, the arguments, and no more environment than asked for", async () => {
  const lines: string[] = [];
  const child = spawnNode({
    file: await program(`
      console.log(JSON.stringify([process.argv.slice(2), process.env.ONLY, process.env.HOME ?? null, process.execArgv]));
      console.error("bad");
      process.stdout.write("no newline");
      process.exitCode = 3;
    `),
    args: ["a b", "$HOME"],
    execArgv: ["--no-warnings"],
    env: { ONLY: "this", NOT: undefined },
    onLine: (line, stream) => lines.push(`${stream}: ${line}`),
  });
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect(lines.sort()).toEqual([
    "stderr: bad",
    'stdout: [["a b","$HOME"],"this",null,["--no-warnings"]]',
    "stdout: no newline",
  ]);
  expect(child.kill()).toBe(false);
  expect(await child.stop()).toEqual({ code: 3, signal: null });
});

test("stop sends SIGTERM and lets the child finish", async () => {
  let onReady = () => {};
  const ready = new Promise<void>((resolve) => (onReady = resolve));
  const lines: string[] = [];
  await using child = spawnNode({
    file: await program(`
      process.on("SIGTERM", () => setTimeout(() => { console.log("done"); process.exit(0); }, 50));
      setInterval(() => {}, 1000);
      console.log("ready");
    `),
    onLine: (line) => {
      lines.push(line);
      onReady();
    },
  });
  await ready;
  expect(await child.stop()).toEqual({ code: 0, signal: null });
  expect(lines).toEqual(["ready", "done"]);
});

test("stop kills a child that ignores SIGTERM, after graceMs", async () => {
  let onReady = () => {};
  const ready = new Promise<void>((resolve) => (onReady = resolve));
  await using child = spawnNode({ file: STUBBORN, onLine: () => onReady() });
  await ready;
  const start = performance.now();
  expect(await child.stop({ graceMs: 100 })).toEqual({ code: null, signal: "SIGKILL" });
  expect(performance.now() - start).toBeGreaterThanOrEqual(99);
});

test("a program that does not exist ends with a code and words", async () => {
  const lines: string[] = [];
  const child = spawnNode({ file: "/nowhere/x.mjs", onLine: (line) => lines.push(line) });
  expect(await child.exited).toEqual({ code: 1, signal: null });
  expect(lines.join("\n")).toContain("Cannot find module");
});

test("a directory that does not exist is an error", () => {
  expect(() => spawnNode({ file: STUBBORN, cwd: "/nowhere" })).toThrow(
    expect.objectContaining({ code: "start-failed", message: expect.stringContaining("/nowhere") }),
  );
});

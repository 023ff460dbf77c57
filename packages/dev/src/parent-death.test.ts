import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { findProcessUsing, listProcesses } from "./processes.ts";
import { startPostgres } from "./start-postgres.ts";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";

const PARENT = fileURLToPath(new URL("../../../test/fixtures/dev/parent.ts", import.meta.url));
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "parent-death-"));
  await chmod(directory, 0o755); // for the unprivileged user, when these tests run as root
});
afterAll(() => rm(directory, { recursive: true, force: true }));
expectNoLeaks();

interface Started {
  parent: ChildProcess;
  pids: number[];
  directories: string[];
}

/** Run the fixture until it has printed what it started. */
async function startParent(...args: string[]): Promise<Started> {
  const execArgs = ["--import", "tsx", "--conditions=source", PARENT, ...args];
  const parent = spawn(process.execPath, execArgs, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: parent.stdout })) {
    return { parent, ...(JSON.parse(line) as Omit<Started, "parent">) };
  }
  throw new Error("the parent ended without a word");
}

async function killParent(parent: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => parent.once("exit", resolve));
  parent.kill("SIGKILL");
  await gone;
  parent.stdout?.destroy();
}

/** Wait until a condition holds; the limit of the test is the limit of the wait. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

/** Running, not a zombie: that has no arguments any more. */
async function countRunning(pids: readonly number[]): Promise<number> {
  return (await listProcesses()).filter(({ pid, args }) => pids.includes(pid) && args.join("") !== "").length;
}

test("kill -9 of the parent ends its servers and children, even stubborn ones, and removes their directories", async () => {
  const { parent, pids, directories } = await startParent("servers");
  expect(await countRunning(pids)).toBe(3);
  expect(directories.every((each) => existsSync(each))).toBe(true);
  await killParent(parent);
  await until(async () => (await countRunning(pids)) === 0);
  await until(async () => !directories.some((each) => existsSync(each)));
  for (const each of directories) await until(async () => (await findProcessUsing(each)) === undefined);
});

test("kill -9 of the parent during initdb leaves nothing, and the next start works", async () => {
  const dataDir = path.join(directory, "data");
  const { parent } = await startParent("initdb", dataDir);
  await until(async () => (await findProcessUsing(dataDir))?.program === "initdb");
  await killParent(parent);
  await until(async () => (await findProcessUsing(dataDir)) === undefined);
  expect(await readdir(dataDir)).toEqual([]);
  await using postgres = await startPostgres({ dataDir });
  expect(await readdir(postgres.dataDir)).toEqual(["cluster"]);
});

test("a start right after kill -9 waits for the old server to go, then has its data", async () => {
  const dataDir = path.join(directory, "again");
  const { parent } = await startParent("initdb", dataDir);
  await until(async () => (await findProcessUsing(dataDir))?.program === "postgres");
  await killParent(parent);
  await using postgres = await startPostgres({ dataDir });
  expect(await findProcessUsing(dataDir)).toMatchObject({ pid: postgres.pid });
});

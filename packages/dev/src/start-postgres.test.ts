import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { unprivilegedOwner } from "./owner.ts";
import { findProcessUsing } from "./processes.ts";
import { startPostgres } from "./start-postgres.ts";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "start-postgres-"));
  await chmod(directory, 0o755); // for the unprivileged user, when these tests run as root
});
afterAll(() => rm(directory, { recursive: true, force: true }));
expectNoLeaks();

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

async function setting(url: string, name: string): Promise<unknown> {
  return (await query(url, `SHOW ${name}`))[0]?.[name];
}

test("kill -9 and restart keep port and data, and stop leaves neither process nor directory", async () => {
  await using postgres = await startPostgres();
  expect(await setting(postgres.url, "fsync")).toBe("off");
  await query(postgres.url, "CREATE TABLE kept AS SELECT 42 AS answer");
  const firstPid = postgres.pid;
  await postgres.kill();
  await postgres.restart();
  expect(postgres.pid).not.toBe(firstPid);
  expect(await query(postgres.url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  await postgres.stop();
  expect(existsSync(postgres.dataDir)).toBe(false);
  expect(await findProcessUsing(postgres.dataDir)).toBeUndefined();
});

test("a data directory is made once and kept; durable syncs; a lock whose pid is another program's is passed over", async () => {
  const dataDir = path.join(directory, "kept");
  const messages: string[] = [];
  const options = { dataDir, durable: true, onProgress: (message: string) => messages.push(message) };
  {
    await using first = await startPostgres(options);
    expect(await setting(first.url, "fsync")).toBe("on");
    await query(first.url, "CREATE TABLE kept AS SELECT 42 AS answer");
    await first.kill();
  }
  const lock = path.join(dataDir, "cluster/postmaster.pid");
  const [, ...rest] = (await readFile(lock, "utf8")).split("\n");
  // Of the same user: PostgreSQL itself passes over the pid of anybody else's process.
  const other = spawn("sleep", ["60"], { ...unprivilegedOwner(), stdio: "ignore" });
  await writeFile(lock, [other.pid, ...rest].join("\n"));
  await using second = await startPostgres(options).finally(() => other.kill());
  expect(await query(second.url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  expect(messages).toEqual([expect.stringContaining("creating a PostgreSQL")]);
});

test("an aborted initdb leaves nothing, and the next start works", async () => {
  const dataDir = path.join(directory, "aborted");
  const abort = new AbortController();
  const starting = startPostgres({ dataDir, signal: abort.signal });
  const outcome = starting.catch((error: unknown) => error);
  while ((await findProcessUsing(dataDir))?.program !== "initdb") await sleep(5);
  abort.abort();
  expect(await outcome).toMatchObject({ code: "aborted" });
  expect(await readdir(dataDir)).toEqual([]);
  expect(await findProcessUsing(dataDir)).toBeUndefined();

  // What a power cut leaves behind.
  await mkdir(path.join(dataDir, "cluster.draft-XYZ"));
  await using postgres = await startPostgres({ dataDir });
  expect(await query(postgres.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  expect(await readdir(dataDir)).toEqual(["cluster"]);
});

test("an abort ends an initdb that would not end by itself", async () => {
  const binDir = path.join(directory, "hangs");
  await mkdir(binDir);
  await writeFile(path.join(binDir, "postgres"), '#!/bin/sh\necho "postgres (PostgreSQL) 18.4"\n');
  await writeFile(path.join(binDir, "initdb"), "#!/bin/sh\nwhile :; do sleep 0.05; done\n");
  for (const program of ["initdb", "postgres"]) await chmod(path.join(binDir, program), 0o755);
  const dataDir = path.join(directory, "hanging");
  const abort = new AbortController();
  const starting = startPostgres({ dataDir, binDir, signal: abort.signal });
  const outcome = starting.catch((error: unknown) => error);
  while (!(await findProcessUsing(dataDir))) await sleep(5);
  abort.abort();
  expect(await outcome).toMatchObject({ code: "aborted" });
  expect(await readdir(dataDir)).toEqual([]);
});

test("data of another major version is refused, with both versions named", async () => {
  const dataDir = path.join(directory, "old");
  await mkdir(path.join(dataDir, "cluster"), { recursive: true });
  await writeFile(path.join(dataDir, "cluster/PG_VERSION"), "9\n");
  await expect(startPostgres({ dataDir })).rejects.toMatchObject({
    code: "wrong-version",
    message: expect.stringMatching(/written by PostgreSQL 9; found is \d+/),
  });
});

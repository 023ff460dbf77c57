import { expect, test } from "@jest/globals";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";
import { withDatabase, withEmptyDatabase } from "../../../test/helpers/with-database.ts";
import { migrate } from "./migrate.ts";

expectNoLeaks();

const DIRECTORY = new URL("../../../prisma/migrations/", import.meta.url);
const MIGRATIONS = readdirSync(DIRECTORY)
  .filter((name) => /^\d{14}_/.test(name))
  .sort();

test("an empty database gets every table, and the books as Prisma would keep them", async () => {
  await using db = await withEmptyDatabase();
  const lines: string[] = [];
  const applied = await migrate(db.url, { log: (line) => lines.push(line) });
  expect(applied).toEqual(MIGRATIONS);
  expect(lines).toEqual(MIGRATIONS.map((name) => `applied migration ${name}`));
  const tables = await db.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
  );
  expect(tables.map((table) => table.name)).toEqual([
    "_prisma_migrations",
    "dead_letters",
    "deleted_runs",
    "llm_calls",
    "logs",
    "messages",
    "recorder_gaps",
    "recorder_positions",
    "run_events",
    "runs",
    "signals",
    "tool_invocations",
    "workers",
  ]);
  const books = await db.query(
    "SELECT migration_name, applied_steps_count, logs, rolled_back_at FROM _prisma_migrations ORDER BY 1",
  );
  const applied_once = { applied_steps_count: 1, logs: null, rolled_back_at: null };
  expect(books).toEqual(MIGRATIONS.map((migration_name) => ({ migration_name, ...applied_once })));
});

test("a database that is up to date is left alone", async () => {
  await using db = await withDatabase();
  expect(await migrate(db.url)).toEqual([]);
});

test("of concurrent callers one applies and the others find nothing to do", async () => {
  await using db = await withEmptyDatabase();
  const applied = await Promise.all([migrate(db.url), migrate(db.url), migrate(db.url), migrate(db.url)]);
  expect(applied.flat()).toEqual(MIGRATIONS);
});

test("what an older version recorded is brought along: open runs, bad messages, tasks that had failed", async () => {
  using folder = migrationsFolder({});
  folder.write(MIGRATIONS[0]!, readFileSync(new URL(`${MIGRATIONS[0]}/migration.sql`, DIRECTORY), "utf8"));
  await using db = await withEmptyDatabase();
  await migrate(db.url, { directory: folder.path });
  await db.query(`CREATE TABLE week PARTITION OF signals FOR VALUES FROM ('2026-11-16') TO ('2026-11-23');
    INSERT INTO logs VALUES (1, 'old', 'MYELIN_old', '2026-11-16');
    INSERT INTO signals (log_id, seq, stored_at, id, type, trace_id, run_id, tenant_id, ts, directed, payload, meta) VALUES
      (1, 1, '2026-11-17', 'evt_1', 'TASK', 'trc_1', 'run_open', '', '2026-11-17', '{"id":"w"}', '{}', '{}'),
      (1, 2, '2026-11-17', 'evt_2', 'TASK', 'trc_1', 'run_failed', 'acme', '2026-11-17', '{"id":"w"}', '{}', '{}'),
      (1, 3, '2026-11-17', 'evt_3', 'ERROR', 'trc_1', 'run_failed', 'acme', '2026-11-17', '{"id":"w"}',
        '{"code":"X","message":"m"}', '{"task_seq":2}'),
      (1, 4, '2026-11-17', 'evt_4', 'TASK', 'trc_1', 'run_open', '', '2026-11-17', '{"id":"w"}', '{}', '{}');
    INSERT INTO runs (run_id, log_id, trace_id, status, created_at, updated_at, ended_at, first_seq, last_seq, terminal_seq) VALUES
      ('run_open', 1, 'trc_1', 'running', '2026-11-17', '2026-11-17', NULL, 1, 4, NULL),
      ('run_failed', 1, 'trc_1', 'error', '2026-11-17', '2026-11-17', '2026-11-17', 2, 3, 3);
    INSERT INTO dead_letters (log_id, seq, stored_at, subject, reason, message, bytes)
      VALUES (1, 5, '2026-11-17', 's', 'NOT_JSON', 'no', 'x')`);
  expect(await migrate(db.url)).toEqual(MIGRATIONS.slice(1));
  expect(await db.query("SELECT run_id, last_task_seq FROM runs ORDER BY 1")).toEqual([
    { run_id: "run_failed", last_task_seq: null },
    { run_id: "run_open", last_task_seq: "4" },
  ]);
  const letters =
    "SELECT id, kind, seq::int, code, run_id, neuron_id, tenant_id, task_seq::int, attempts FROM dead_letters";
  expect(await db.query(`${letters} ORDER BY seq`)).toMatchObject([
    {
      id: "evt_3",
      kind: "task",
      seq: 3,
      code: "X",
      run_id: "run_failed",
      neuron_id: "w",
      tenant_id: "acme",
      task_seq: 2,
    },
    { id: "msg_1_5", kind: "message", seq: 5, code: "NOT_JSON", run_id: null, attempts: [] },
  ]);
});

test("a migration that was edited after it was applied is an error that names it", async () => {
  using folder = migrationsFolder({ "1_first": "CREATE TABLE a (id int)" });
  await using db = await withEmptyDatabase();
  await migrate(db.url, { directory: folder.path });
  folder.write("1_first", "CREATE TABLE a (id bigint)");
  await expect(migrate(db.url, { directory: folder.path })).rejects.toMatchObject({
    name: "MigrationError",
    code: "MIGRATION_EDITED",
    migration: "1_first",
    message: expect.stringContaining("1_first was edited after it was applied"),
  });
});

test("a migration that is refused leaves nothing behind, and is not passed over the next time", async () => {
  using folder = migrationsFolder({ "1_bad": "CREATE TABLE a (id int); SELECT no_such_function()" });
  await using db = await withEmptyDatabase();
  await expect(migrate(db.url, { directory: folder.path })).rejects.toMatchObject({
    code: "MIGRATION_FAILED",
    message: expect.stringContaining("no_such_function"),
  });
  expect(await db.query("SELECT to_regclass('a')::text AS a")).toEqual([{ a: null }]);
  await expect(migrate(db.url, { directory: folder.path })).rejects.toMatchObject({
    code: "MIGRATION_HALF_APPLIED",
    message: expect.stringContaining("SET rolled_back_at = now()"),
  });
  // The fix that the message names.
  await db.query("UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '1_bad'");
  folder.write("1_bad", "CREATE TABLE a (id int)");
  expect(await migrate(db.url, { directory: folder.path })).toEqual(["1_bad"]);
});

test("a new migration is applied after those that were", async () => {
  using folder = migrationsFolder({ "1_first": "CREATE TABLE a (id int)" });
  await using db = await withEmptyDatabase();
  await migrate(db.url, { directory: folder.path });
  folder.write("2_second", "ALTER TABLE a ADD COLUMN b int");
  expect(await migrate(db.url, { directory: folder.path })).toEqual(["2_second"]);
});

test("what cannot be connected to, or is no database URL, is said without its password", async () => {
  await expect(migrate("postgresql://app:secret@127.0.0.1:1/x")).rejects.toMatchObject({
    code: "DATABASE_UNAVAILABLE",
  });
  await expect(migrate("mysql://app:secret@host/x")).rejects.toThrow(
    /a database URL looks like postgresql:.*got "mysql:\/\/app:…"/,
  );
  await expect(migrate("")).rejects.toThrow("got an empty text");
});

test("a folder without migrations is an error, not a database that is up to date", async () => {
  await using db = await withEmptyDatabase();
  await expect(migrate(db.url, { directory: "/nowhere" })).rejects.toMatchObject({ code: "MIGRATIONS_NOT_FOUND" });
});

function migrationsFolder(migrations: Record<string, string>) {
  const path = mkdtempSync(join(tmpdir(), "myelin-migrations-"));
  const write = (name: string, sql: string) => {
    mkdirSync(join(path, name), { recursive: true });
    writeFileSync(join(path, name, "migration.sql"), sql);
  };
  for (const [name, sql] of Object.entries(migrations)) write(name, sql);
  return { path, write, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

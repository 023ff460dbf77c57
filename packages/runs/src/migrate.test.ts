import { expect, test } from "@jest/globals";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";
import { withDatabase, withEmptyDatabase } from "../../../test/helpers/with-database.ts";
import { migrate } from "./migrate.ts";

expectNoLeaks();

const MIGRATIONS = readdirSync(new URL("../../../prisma/migrations/", import.meta.url))
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
    "logs",
    "recorder_gaps",
    "recorder_positions",
    "run_events",
    "runs",
    "signals",
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

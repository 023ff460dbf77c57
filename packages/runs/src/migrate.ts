/**
 * Migrations: applies prisma/migrations as `prisma migrate deploy` would (same lock, same books), without its engine,
 * which it would download. Prisma's CLI finds the database as if it had done it itself, so either may be used.
 */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Client } from "pg";
import { connectionSettings } from "./connection.ts";
import { MigrationError, RunsError } from "./errors.ts";

/** The advisory lock that Prisma's schema engine takes. */
const LOCK_ID = 72707369;

export interface MigrateOptions {
  /** Hear of each migration that is applied. Silent by default. */
  log?: ((line: string) => void) | undefined;
  /** Folder of the migrations. Default: those of this package. */
  directory?: string | undefined;
}

/**
 * Bring a database up to date; resolves with the names of the migrations it applied, oldest first, none when it was.
 * Safe to call concurrently, from any number of processes: one applies, the others wait and find nothing to do.
 *
 * Rejects with `MigrationError` (edited, half-applied, refused, not found), or `DATABASE_UNAVAILABLE`.
 */
export async function migrate(databaseUrl: string, options: MigrateOptions = {}): Promise<string[]> {
  const migrations = readMigrations(options.directory ?? findMigrations());
  const client = await connect(databaseUrl);
  try {
    // Released with the connection, also when this process dies.
    await client.query("SELECT pg_advisory_lock($1)", [LOCK_ID]);
    const applied = await readBooks(client);
    const names: string[] = [];
    for (const migration of migrations) {
      const before = applied.get(migration.name);
      if (before) checkApplied(migration, before);
      else {
        await apply(client, migration);
        names.push(migration.name);
        options.log?.(`applied migration ${migration.name}`);
      }
    }
    return names;
  } finally {
    await client.end().catch(() => {}); // the outcome is decided; a connection that is gone is as good as ended
  }
}

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}
interface AppliedMigration {
  checksum: string;
  finished_at: Date | null;
  logs: string | null;
}

// In the packed package the build copies them to dist/migrations, beside dist/src; from source they are the repository's.
function findMigrations(): string {
  const places = ["../migrations/", "../../../prisma/migrations/"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = places.find((place) => existsSync(place));
  if (found) return found;
  throw new MigrationError("MIGRATIONS_NOT_FOUND", `no migrations at ${places.join(" or ")}`, null);
}

function readMigrations(directory: string): Migration[] {
  if (!existsSync(directory)) {
    throw new MigrationError("MIGRATIONS_NOT_FOUND", `no migrations at ${directory}`, null);
  }
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(directory, entry.name, "migration.sql")))
    .map(({ name }) => {
      const sql = readFileSync(join(directory, name, "migration.sql"), "utf8");
      return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function connect(databaseUrl: string): Promise<Client> {
  const { default: pg } = await import("pg");
  const client = new pg.Client(connectionSettings(databaseUrl, { applicationName: "myelin-migrate" }));
  client.on("error", () => {}); // the query that was running rejects with the same
  try {
    await client.connect();
    return client;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message || String((cause as { code?: unknown }).code) : String(cause);
    throw new RunsError("DATABASE_UNAVAILABLE", `cannot connect to Postgres: ${reason}`, { cause });
  }
}

async function readBooks(client: Client): Promise<Map<string, AppliedMigration>> {
  await client.query(`CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`);
  const { rows } = await client.query<AppliedMigration & { migration_name: string }>(
    "SELECT migration_name, checksum, finished_at, logs FROM _prisma_migrations WHERE rolled_back_at IS NULL",
  );
  return new Map(rows.map((row) => [row.migration_name, row]));
}

function checkApplied({ name, checksum }: Migration, before: AppliedMigration): void {
  if (before.finished_at === null) {
    throw new MigrationError(
      "MIGRATION_HALF_APPLIED",
      `migration ${name} was begun and not finished${before.logs ? ` (${before.logs})` : ""}; see what is there, then ` +
        `UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '${name}' AND finished_at IS NULL`,
      name,
    );
  }
  if (before.checksum !== checksum) {
    throw new MigrationError(
      "MIGRATION_EDITED",
      `migration ${name} was edited after it was applied; undo the edit and put the change into a new migration`,
      name,
    );
  }
}

async function apply(client: Client, { name, sql, checksum }: Migration): Promise<void> {
  const id = randomUUID();
  await client.query("INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)", [
    id,
    checksum,
    name,
  ]);
  try {
    await client.query(sql); // several statements in one query are one transaction
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    // When the connection is gone the row stays unfinished, which says the same.
    await client.query("UPDATE _prisma_migrations SET logs = $2 WHERE id = $1", [id, reason]).catch(() => {});
    throw new MigrationError("MIGRATION_FAILED", `migration ${name} was refused: ${reason}`, name, { cause });
  }
  await client.query("UPDATE _prisma_migrations SET finished_at = now(), applied_steps_count = 1 WHERE id = $1", [id]);
}

/** Postgres for a test file: a database of one's own on the shared server, with the tables in it, dropped at the end. */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { migrate } from "@myelin/runs";
import pg from "pg";

/** Any number that nobody else locks: the template is made once, whoever comes first. */
const TEMPLATE_LOCK = 4_206_101;
const MIGRATIONS = fileURLToPath(new URL("../../prisma/migrations/", import.meta.url));

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** Run SQL beside the code under test; resolves with the rows. */
  query<T = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<T[]>;
  /** End every connection to this database, as a restart of Postgres would. */
  disconnectAll(): Promise<void>;
  /** A copy of this database as it is now: what a restore from backup gives. Ends its connections. */
  snapshot(): Promise<TestDatabase>;
}

/** URL of the server all test files share; its own database is for administration only. */
export function sharedDatabaseUrl(): string {
  const url = process.env["MYELIN_TEST_DATABASE_URL"];
  if (url === undefined) throw new Error("MYELIN_TEST_DATABASE_URL is not set: run the tests with `npm test`");
  return url;
}

/** A fresh, migrated database: `await using db = await withDatabase()`. Takes 30 to 90 ms. */
export async function withDatabase(): Promise<TestDatabase> {
  return cloneDatabase(await migratedTemplate());
}

/** A fresh database without any table. */
export async function withEmptyDatabase(): Promise<TestDatabase> {
  return cloneDatabase("template1");
}

async function cloneDatabase(template: string): Promise<TestDatabase> {
  const name = `myelin_test_${randomBytes(6).toString("hex")}`;
  await administer(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = urlOf(name);
  let connection: Promise<pg.Client> | undefined;
  let dropped = false;
  const disconnectAll = async () => {
    await closeOwn();
    await administer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
  };
  const closeOwn = async () => {
    const open = connection;
    connection = undefined;
    await (await open)?.end();
  };
  return {
    url,
    name,
    async query<T>(sql: string, values: unknown[] = []) {
      connection ??= connect(url);
      return (await (await connection).query(sql, values)).rows as T[];
    },
    disconnectAll,
    async snapshot() {
      await disconnectAll();
      return cloneDatabase(name);
    },
    async [Symbol.asyncDispose]() {
      if (dropped) return;
      dropped = true;
      await closeOwn();
      await administer(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

// Named for its content, so a server that outlives a test run (TEST_DATABASE_URL) never hands out old tables. Made under
// another name first: what bears the name is complete.
async function migratedTemplate(): Promise<string> {
  const name = `myelin_template_${hashMigrations()}`;
  const client = await connect(sharedDatabaseUrl());
  try {
    await client.query("SELECT pg_advisory_lock($1)", [TEMPLATE_LOCK]);
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [name]);
    if (rowCount === 0) {
      await client.query(`DROP DATABASE IF EXISTS ${name}_new WITH (FORCE)`);
      await client.query(`CREATE DATABASE ${name}_new`);
      await migrate(urlOf(`${name}_new`));
      await client.query(`ALTER DATABASE ${name}_new RENAME TO ${name}`);
    }
    return name;
  } finally {
    await client.end();
  }
}

function hashMigrations(): string {
  const hash = createHash("sha256");
  for (const entry of readdirSync(MIGRATIONS, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.isDirectory()) hash.update(readFileSync(join(MIGRATIONS, entry.name, "migration.sql")));
  }
  return hash.digest("hex").slice(0, 12);
}

async function administer(sql: string): Promise<void> {
  const client = await connect(sharedDatabaseUrl());
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on("error", () => {}); // a test may end this connection too; its next query says so
  await client.connect();
  return client;
}

function urlOf(database: string): string {
  const url = new URL(sharedDatabaseUrl());
  url.pathname = `/${database}`;
  return url.toString();
}

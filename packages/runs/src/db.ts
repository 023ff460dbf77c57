/**
 * The one place that imports Prisma. Everything else calls the two methods of `Database`, so that any Prisma client of
 * the same database will do, and this module is loaded (`await import`) only when a connection is opened: a worker that
 * imports the umbrella never pays for it.
 */
import { createHash } from "node:crypto";
import { PrismaPg } from "@prisma/adapter-pg";
import { Pool } from "pg";
import { connectionSettings, type ConnectionOptions } from "./connection.ts";
import type { Database, OwnedDatabase } from "./database.ts";
import { PrismaClient } from "./generated/prisma/client.ts";

/** Open a database. Connects at the first query; who opened it closes it. */
export function openDatabase(databaseUrl: string, options: ConnectionOptions): OwnedDatabase {
  const pool = new Pool(connectionSettings(databaseUrl, options));
  // Errors of idle connections have no caller; the next query meets a fresh connection, so they are only swallowed.
  pool.on("error", () => {});
  const adapter = new PrismaPg(pool, {
    onConnectionError: () => {},
    ...(options.preparedStatements && { statementNameGenerator: nameStatement }),
  });
  const client = new PrismaClient({ adapter, errorFormat: "minimal" });
  const close = async () => {
    await client.$disconnect();
    await pool.end();
  };
  const queryLarge: NonNullable<Database["queryLarge"]> = async <T>(text: string, ...values: unknown[]) => {
    const name = options.preparedStatements ? nameStatement({ sql: text }) : undefined;
    const { rows } = await pool.query({ text, values, ...(name !== undefined && { name }) });
    return rows as T;
  };
  return Object.assign(client satisfies Database, { queryLarge, close });
}

const names = new Map<string, string>();
function nameStatement({ sql }: { sql: string }): string {
  let name = names.get(sql);
  if (!name) names.set(sql, (name = `m_${createHash("sha256").update(sql).digest("hex").slice(0, 16)}`));
  return name;
}

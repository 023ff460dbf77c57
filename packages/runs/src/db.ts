/**
 * The one place that imports Prisma. Everything else calls the two methods of `Database`, so that any Prisma client of
 * the same database will do, and this module is loaded (`await import`) only when a connection is opened: a worker that
 * imports the umbrella never pays for it.
 */
import { createHash } from "node:crypto";
import { PrismaPg } from "@prisma/adapter-pg";
import { connectionSettings, type ConnectionOptions } from "./connection.ts";
import type { Database, OwnedDatabase } from "./database.ts";
import { PrismaClient } from "./generated/prisma/client.ts";

/** Open a database. Connects at the first query; who opened it closes it. */
export function openDatabase(databaseUrl: string, options: ConnectionOptions): OwnedDatabase {
  // Errors of idle connections have no caller; the next query meets a fresh connection, so they are only swallowed.
  const adapter = new PrismaPg(connectionSettings(databaseUrl, options), {
    onPoolError: () => {},
    onConnectionError: () => {},
    ...(options.preparedStatements && { statementNameGenerator: nameStatement }),
  });
  const client = new PrismaClient({ adapter, errorFormat: "minimal" });
  return Object.assign(client satisfies Database, { close: () => client.$disconnect() });
}

const names = new Map<string, string>();
function nameStatement({ sql }: { sql: string }): string {
  let name = names.get(sql);
  if (!name) names.set(sql, (name = `m_${createHash("sha256").update(sql).digest("hex").slice(0, 16)}`));
  return name;
}

/**
 * For those who apply the migrations with Prisma's own CLI (it downloads an engine); `migrate()` of @myelin/runs needs
 * neither. DATABASE_URL is read here because the CLI has no other way to be told.
 */
import { defineConfig } from "prisma/config";

export default defineConfig({
  schema: "prisma/schema.prisma",
  migrations: { path: "prisma/migrations" },
  datasource: { url: process.env["DATABASE_URL"] ?? "postgresql://localhost:5432/myelin" },
  // Prisma has no words for a partitioned table: left to migration.sql.
  experimental: { externalTables: true },
  tables: { external: ["public.signals"] },
});

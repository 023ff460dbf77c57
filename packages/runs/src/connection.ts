/** How a database URL becomes connection settings: the same for migrations, recorder and RunStore. */
import { RunsError } from "./errors.ts";

export interface ConnectionOptions {
  /** Shown in `pg_stat_activity`. */
  applicationName: string;
  /** Every transaction of these connections is read-only unless it says otherwise (H1). Default false. */
  readOnly?: boolean | undefined;
  /** Connections kept at most. Default 4. */
  maxConnections?: number | undefined;
  /**
   * Keep statements prepared on their connection, which halves the time of a small batch. Default false: a pooler in
   * between may not know them.
   */
  preparedStatements?: boolean | undefined;
}

/** The settings of `pg` (and so of Prisma's adapter) that we use. */
export interface ConnectionSettings {
  connectionString: string;
  application_name: string;
  max: number;
  /** Unbounded by default in pg: a host that swallows packets would hold a caller for minutes. */
  connectionTimeoutMillis: number;
  /** The same for a query whose answer never comes, because the other side is gone without a word. */
  query_timeout: number;
  keepAlive: boolean;
  options?: string;
}

/**
 * Settings for a `postgres://` URL. Understands Prisma's `?schema=`, which pg does not know. What the URL itself says
 * in `?options=` is kept: pg would let it replace ours, and with them the read-only setting.
 */
export function connectionSettings(databaseUrl: string, options: ConnectionOptions): ConnectionSettings {
  const url = parseUrl(databaseUrl);
  const startup = url.searchParams.getAll("options");
  const schema = url.searchParams.get("schema");
  if (schema !== null && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(schema)) {
    throw new RunsError("INVALID_OPTION", `?schema= must be a plain name, got ${JSON.stringify(schema.slice(0, 80))}`);
  }
  if (schema !== null) startup.push(`-c search_path=${schema}`);
  if (options.readOnly) {
    startup.push("-c default_transaction_read_only=on");
    // Postgres takes a disk with a head to be the case, and then reads half a million index entries rather than twenty thousand
    // rows: counting a tenant's runs by a common key took twice as long (bench `runs/1m`).
    startup.push("-c random_page_cost=1.1");
  }
  url.searchParams.delete("options");
  url.searchParams.delete("schema");
  return {
    connectionString: url.toString(),
    application_name: options.applicationName,
    max: options.maxConnections ?? 4,
    connectionTimeoutMillis: 5_000,
    query_timeout: 60_000,
    keepAlive: true,
    ...(startup.length > 0 && { options: startup.join(" ") }),
  };
}

function parseUrl(databaseUrl: unknown): URL {
  const url = typeof databaseUrl === "string" && URL.canParse(databaseUrl) ? new URL(databaseUrl) : null;
  if (url?.protocol === "postgres:" || url?.protocol === "postgresql:") return url;
  throw new RunsError(
    "INVALID_OPTION",
    `a database URL looks like postgresql://user:password@host:5432/name, got ${describe(databaseUrl)}`,
  );
}

// What is not a URL may still hold a password: only its beginning is shown.
function describe(value: unknown): string {
  if (typeof value !== "string") return String(value);
  return value === "" ? "an empty text" : JSON.stringify(`${value.slice(0, 12)}…`);
}

/** ChaosDatabase: one database of the scenarios' PostgreSQL, with the levers of an operator. */
import pg from "pg";

export class ChaosDatabase {
  readonly name: string;
  readonly url: string;
  readonly #serverUrl: string;

  /** `serverUrl` is that of the superuser. The database need not be there yet. */
  constructor(serverUrl: string, name: string) {
    this.name = name;
    this.#serverUrl = serverUrl;
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    this.url = url.toString();
  }

  query<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
    return runSql<Row>(this.url, sql);
  }

  /** End every connection to it, as an operator or a failing pooler would. */
  async disconnectAll(): Promise<void> {
    await runSql(
      this.#serverUrl,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${this.name}'`,
    );
  }

  /** Copy it as it is now: a backup. Ends its connections. */
  async backUp(): Promise<void> {
    await this.#copy(this.name, `${this.name}_backup`);
  }

  /** Put the backup in its place: what was written since is gone. Ends its connections. */
  async restore(): Promise<void> {
    await this.#copy(`${this.name}_backup`, this.name);
  }

  async #copy(from: string, to: string): Promise<void> {
    await runSql(this.#serverUrl, `DROP DATABASE IF EXISTS ${to} WITH (FORCE)`);
    // Whoever reconnects in between makes the copy fail.
    await runSql(this.#serverUrl, `ALTER DATABASE ${from} ALLOW_CONNECTIONS false`);
    await runSql(this.#serverUrl, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${from}'`);
    await runSql(this.#serverUrl, `CREATE DATABASE ${to} TEMPLATE ${from} ALLOW_CONNECTIONS true`);
    await runSql(this.#serverUrl, `ALTER DATABASE ${from} ALLOW_CONNECTIONS true`);
  }
}

/** One statement over a connection of its own: scenarios restart the server between two of them. */
export async function runSql<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {}); // the query says so
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

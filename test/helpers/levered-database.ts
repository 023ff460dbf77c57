/** A database with levers: what a Recorder is given to see it slow, away, or replaced. */
import { openDatabase, type Database } from "@myelin/runs";

export interface LeveredDatabase extends Database, AsyncDisposable {
  /** Every query rejects with this, as when Postgres is away. */
  outage: Error | null;
  /** Hold every query from now on; call what it returns to let them go. */
  hold(): () => void;
  /** From now on this is another database, as after a restore under the same name. */
  replaceBy(url: string): Promise<void>;
  /** Queries that were begun. */
  readonly queries: number;
}

export async function leveredDatabase(url: string): Promise<LeveredDatabase> {
  const opened = [await openDatabase(url, { applicationName: "levered", preparedStatements: true })];
  let gate: Promise<void> = Promise.resolve();
  let queries = 0;
  const levered: LeveredDatabase = {
    outage: null,
    get queries() {
      return queries;
    },
    async $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T> {
      queries++;
      await gate;
      if (levered.outage) throw levered.outage;
      return opened.at(-1)!.$queryRawUnsafe<T>(sql, ...values);
    },
    hold() {
      let release = () => {};
      gate = new Promise((resolve) => (release = resolve));
      return release;
    },
    async replaceBy(other) {
      opened.push(await openDatabase(other, { applicationName: "levered", preparedStatements: true }));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((db) => db.close()));
    },
  };
  return levered;
}

import { expect, test } from "@jest/globals";
import { ArrayLog } from "../../../../test/helpers/array-log.ts";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { withDatabase } from "../../../../test/helpers/with-database.ts";
import { openDatabase } from "../database.ts";
import { openPosition } from "./position.ts";

expectNoLeaks();

test("a log keeps its number; one made anew, or of another namespace, gets another", async () => {
  await using own = await withDatabase();
  const db = await openDatabase(own.url, { applicationName: "test" });
  const log = new ArrayLog();
  const open = async () => (await openPosition(db, log.namespace, await log.info())).logId;
  expect([await open(), await open()]).toEqual([1, 1]);
  log.recreate();
  expect(await open()).toBe(2);
  expect((await openPosition(db, "other", await log.info())).logId).toBe(3);
  expect(await openPosition(db, "other", await log.info())).toEqual({
    logId: 3,
    seq: 0,
    signalId: null,
    storedAt: null,
  });
  await db.close();
});

test("of two recorders that want the same number at once, the second takes the next", async () => {
  await using own = await withDatabase();
  const db = await openDatabase(own.url, { applicationName: "test" });
  const log = new ArrayLog();
  await own.query("BEGIN");
  await own.query("INSERT INTO logs VALUES (1, 'other', 'OTHER', now())");
  const opening = openPosition(db, log.namespace, await log.info());
  const waiting = async () => (await own.query("SELECT FROM pg_locks WHERE NOT granted")).length;
  while ((await waiting()) === 0) await new Promise(setImmediate);
  await own.query("COMMIT");
  expect(await opening).toMatchObject({ logId: 2, seq: 0 });
  await db.close();
});

/**
 * Once per `npm test`: one nats-server and one PostgreSQL for all test files, unless the environment names others.
 *
 * TEST_NATS_URL and TEST_DATABASE_URL come in; MYELIN_TEST_NATS_URL and MYELIN_TEST_DATABASE_URL go out, to the Jest
 * workers, which inherit the environment. Both servers sync nothing to disk: no test cuts the power.
 */
import { startNats, startPostgres } from "@myelin/dev";
import { keepForTeardown } from "./shared-servers.ts";

export default async function globalSetup(): Promise<void> {
  const [natsUrl, databaseUrl] = await Promise.all([
    process.env["TEST_NATS_URL"] ?? startNats().then(keepForTeardown),
    process.env["TEST_DATABASE_URL"] ?? startPostgres().then(keepForTeardown),
  ]);
  process.env["MYELIN_TEST_NATS_URL"] = natsUrl;
  process.env["MYELIN_TEST_DATABASE_URL"] = databaseUrl;
}

/** NATS for a test file: the shared server with a namespace of one's own, or a server of one's own to kill. */
import { randomBytes } from "node:crypto";
import { startNats } from "@myelin/dev";
import type { DevServer, StartNatsOptions } from "@myelin/dev";

/** URL of the nats-server that all test files share. Do not stop it, and stay in a namespace of your own. */
export function sharedNatsUrl(): string {
  const url = process.env["MYELIN_TEST_NATS_URL"];
  if (url === undefined) throw new Error("MYELIN_TEST_NATS_URL is not set: run the tests with `npm test`");
  return url;
}

/** `<prefix>-<8 hex digits>`: no other test file, and no earlier run against the same server, has it. */
export function uniqueNamespace(prefix = "test"): string {
  return `${prefix}-${randomBytes(4).toString("hex")}`;
}

/** A server of one's own, for tests that kill or restart it: `await using nats = await startOwnNats()`. */
export function startOwnNats(options: StartNatsOptions = {}): Promise<DevServer> {
  return startNats(options);
}

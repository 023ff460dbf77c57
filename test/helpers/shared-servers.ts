/** The servers that the global setup has started and the global teardown must stop. Both run in Jest's own process. */
import type { DevServer } from "@myelin/dev";

// On globalThis, because Jest may load this module once for the setup and again for the teardown.
const KEY = Symbol.for("myelin.test.sharedServers");
const shared = globalThis as { [KEY]?: DevServer[] };

/** Returns the server's URL. */
export function keepForTeardown(server: DevServer): string {
  (shared[KEY] ??= []).push(server);
  return server.url;
}

export async function stopSharedServers(): Promise<void> {
  await Promise.all((shared[KEY] ?? []).map((server) => server.stop()));
}

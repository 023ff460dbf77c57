/** connectSynapse: the URL's scheme chooses the transport, which is loaded only then. */
import { BusError } from "../protocol/errors.ts";
import type { NatsOptions } from "./nats/nats-options.ts";
import type { Synapse } from "./synapse.ts";

export type ConnectOptions = NatsOptions;

/**
 * Connect to the bus. `nats://host:port` is a NATS server (several, comma-separated, for a cluster); `memory://name` lives
 * in this process and is shared by everybody who asks for the same name (`memory://` alone is private).
 *
 * Rejects with `SERVER_UNSUITABLE` (nobody there, older than 2.10, no JetStream) or `INVALID_OPTION`.
 */
export async function connectSynapse(url: string, options: ConnectOptions = {}): Promise<Synapse> {
  if (typeof url !== "string") {
    const message = `a Synapse URL is a text such as "nats://127.0.0.1:4222", got ${String(url)}`;
    throw new BusError("INVALID_OPTION", message);
  }
  const scheme = /^([a-z]+):\/\//.exec(url)?.[1];
  switch (scheme) {
    case "memory": {
      const { connectMemorySynapse } = await import("./memory/memory-synapse.ts");
      return connectMemorySynapse(url, options);
    }
    case "nats":
    case "tls": {
      const { connectNatsSynapse } = await import("./nats/nats-synapse.ts");
      return connectNatsSynapse(url, options);
    }
    default:
      throw new BusError(
        "INVALID_OPTION",
        `a Synapse URL begins with nats://, tls:// or memory://, got ${JSON.stringify(withoutCredentials(url))}`,
      );
  }
}

/** A URL as it may be shown in an error: its scheme, and what follows the last user and password. */
export function withoutCredentials(url: string): string {
  return url.replace(/^(\w+:\/\/)?.*@/s, "$1");
}

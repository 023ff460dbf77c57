/** NatsSynapse: the bus on a NATS server with JetStream, 2.10 or newer. One connection for all that is opened on it. */
import { parseNamespace } from "../../protocol/ids.ts";
import type { Bus, OpenOptions, Synapse, SynapseStatus } from "../synapse.ts";
import { NatsBus } from "./nats-bus.ts";
import { dial } from "./nats-dial.ts";
import { resolveNatsOptions, type NatsOptions } from "./nats-options.ts";
import { NatsSession } from "./nats-session.ts";
import { ensureLog, provision } from "./nats-stream.ts";

/** Connect to `nats://host:port`, or `tls://`. Rejects with `SERVER_UNSUITABLE` or `INVALID_OPTION`. */
export async function connectNatsSynapse(url: string, options: NatsOptions = {}): Promise<Synapse> {
  const resolved = resolveNatsOptions(url, options);
  return new NatsSynapse(new NatsSession(await dial(resolved), resolved));
}

class NatsSynapse implements Synapse {
  readonly url: string;
  readonly #session: NatsSession;
  /** Namespaces whose stream was made or checked on this connection. */
  readonly #streams = new Map<string, Promise<void>>();

  constructor(session: NatsSession) {
    this.url = session.options.url;
    this.#session = session;
  }

  async open(namespace: string, options: OpenOptions = {}): Promise<Bus> {
    const name = parseNamespace(namespace);
    this.#session.assertTaking();
    let ready = this.#streams.get(name);
    if (!ready || options.provision) {
      ready = (options.provision ? provision : ensureLog)(this.#session.link, name, this.#session.options);
      this.#streams.set(name, ready);
      // What failed is tried again by the next open.
      ready.catch(() => this.#streams.delete(name));
    }
    await ready;
    return new NatsBus(name, this.#session, options);
  }

  onStatus(listener: (status: SynapseStatus) => void): Disposable {
    const { onStatus } = this.#session.link;
    onStatus.add(listener);
    return { [Symbol.dispose]: () => onStatus.delete(listener) };
  }

  drain(): Promise<void> {
    return this.#session.drain();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }
}

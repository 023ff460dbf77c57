/**
 * MemorySynapse: the bus inside one process, with the rules of the real one. For tests and single-process programs.
 *
 * It encodes every Signal and parses it again for each receiver, so that nothing works here that fails on a wire.
 */
import { BusError } from "../../protocol/errors.ts";
import { parseNamespace } from "../../protocol/ids.ts";
import type { Bus, OpenOptions, Synapse, SynapseStatus } from "../synapse.ts";
import { resolveMaxPayloadBytes } from "../max-payload.ts";
import { MemoryBus, type MemoryConnection } from "./memory-bus.ts";
import { MemoryServer } from "./memory-server.ts";

/** Servers by name: `memory://tests` is one server for the whole process. */
const servers = new Map<string, MemoryServer>();

/** Connect to `memory://name`, or to a server of its own with `memory://`. */
export function connectMemorySynapse(
  url: string,
  options: { maxPayloadBytes?: number | undefined } = {},
): MemorySynapse {
  const maxPayloadBytes = resolveMaxPayloadBytes(options.maxPayloadBytes);
  const name = url.slice("memory://".length);
  if (name === "") return new MemorySynapse(url, new MemoryServer(), maxPayloadBytes);
  let server = servers.get(name);
  if (!server) servers.set(name, (server = new MemoryServer()));
  return new MemorySynapse(url, server, maxPayloadBytes);
}

export class MemorySynapse implements Synapse, MemoryConnection {
  readonly url: string;
  readonly maxPayloadBytes: number;
  readonly resources = new Set<{ drain(): Promise<void> }>();
  /** Levers for tests: what the server holds. */
  readonly server: MemoryServer;
  readonly #listeners = new Set<(status: SynapseStatus) => void>();
  readonly #closing = new AbortController();
  readonly crashed: Promise<void>;
  #isClosed = false;
  #isCrashed = false;
  #resolveCrashed: () => void = () => {};
  #drained: Promise<void> | undefined;

  constructor(url: string, server: MemoryServer, maxPayloadBytes: number) {
    this.url = url;
    this.maxPayloadBytes = maxPayloadBytes;
    this.server = server;
    this.crashed = new Promise((resolve) => (this.#resolveCrashed = resolve));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }
  get isCrashed(): boolean {
    return this.#isCrashed;
  }
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  async open(namespace: string, options: OpenOptions = {}): Promise<Bus> {
    if (this.#isClosed) throw new BusError("CLOSED", "the Synapse was drained; connect again");
    return new MemoryBus(this.server.namespace(parseNamespace(namespace)), this, options);
  }

  onStatus(listener: (status: SynapseStatus) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  /** A lever for tests: the process is gone at once. What it was running is answered by nobody; its leases lapse. */
  crash(): void {
    this.#isCrashed = true;
    this.#resolveCrashed();
    void this.drain();
  }

  async #drain(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.resources].map((resource) => resource.drain()));
    this.#isClosed = true;
    for (const listener of this.#listeners) listener({ type: "closed" });
    this.#listeners.clear();
  }
}

/** A fleet for one test: a namespace of its own on a transport, and Dendrites that are stopped at its end. */
import { connectSynapse, type Bus, type ConnectOptions, type Synapse } from "@myelin/bus";
import { Axon, Dendrite, type DendriteOptions } from "@myelin/dendrite";
import { injectIntoMemory, injectIntoNats } from "./synapse-servers.ts";
import { sharedNatsUrl, uniqueNamespace } from "./with-nats.ts";

export const TRANSPORTS = ["memory", "nats"] as const;
export type Transport = (typeof TRANSPORTS)[number];

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever the Axon's schemas are
type AnyAxon = Axon<any, any>;

export class Fleet implements AsyncDisposable {
  readonly namespace = uniqueNamespace("fleet");
  readonly synapse: Synapse;
  readonly #url: string;
  readonly #options: ConnectOptions;
  readonly #synapses: Synapse[] = [];
  readonly #dendrites: Dendrite[] = [];

  constructor(url: string, synapse: Synapse, options: ConnectOptions) {
    this.#url = url;
    this.#options = options;
    this.synapse = synapse;
    this.#synapses.push(synapse);
  }

  /** A connection of its own, as another process would have. */
  async connect(): Promise<Synapse> {
    const synapse = await connectSynapse(this.#url, this.#options);
    this.#synapses.push(synapse);
    return synapse;
  }

  /** A Dendrite that is not started yet. */
  dendrite(options: Partial<DendriteOptions> = {}): Dendrite {
    const dendrite = new Dendrite({ synapse: this.synapse, namespace: this.namespace, discoverMs: 1_000, ...options });
    this.#dendrites.push(dendrite);
    return dendrite;
  }

  /** A started Dendrite that hosts these Axons. */
  async worker(axons: readonly AnyAxon[], options: Partial<DendriteOptions> = {}): Promise<Dendrite> {
    const dendrite = this.dendrite({ dendriteId: "worker", ...options });
    for (const axon of axons) dendrite.attachAxon(axon);
    await dendrite.start();
    return dendrite;
  }

  bus(): Promise<Bus> {
    return this.synapse.open(this.namespace);
  }

  /** Put bytes on a subject of this namespace, as a peer that does not keep to the protocol would. */
  async inject(tail: string, ...messages: (Uint8Array | string)[]): Promise<void> {
    const subject = `myelin.${this.namespace}.${tail}`;
    const all = messages.map((one) => ({
      subject,
      bytes: typeof one === "string" ? new TextEncoder().encode(one) : one,
    }));
    if (this.#url.startsWith("nats:")) await injectIntoNats(this.#url, all);
    else for (const { bytes } of all) injectIntoMemory(this.synapse, subject, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#dendrites.map((one) => one.stop()));
    await Promise.all(this.#synapses.map((one) => one.drain()));
  }
}

/** `await using fleet = await withFleet("nats")`. */
export async function withFleet(transport: Transport, options: ConnectOptions = {}): Promise<Fleet> {
  const url = transport === "nats" ? sharedNatsUrl() : `memory://${uniqueNamespace("server")}`;
  return new Fleet(url, await connectSynapse(url, options), options);
}

/** A promise with its levers. */
export function deferred<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

/** Wait until `isSo()` holds, looking again at every turn of the event loop; the test's own timeout is the bound. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** An Axon that answers with its input. */
export const echoAxon = (neuronId = "echo", options: { capabilities?: string[]; concurrency?: number } = {}) =>
  new Axon({ neuronId, ...options, neuron: (input) => ({ response: input.prompt ?? null }) });

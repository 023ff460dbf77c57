/** What the sections of describeSynapse share: a server with levers, and for each test a namespace of its own on it. */
import { randomBytes } from "node:crypto";
import type { Bus, BusProblem, Synapse } from "../../src/synapse/synapse.ts";
import { collect, type Collected } from "../collect.ts";

export interface SynapseCapabilities {
  /** The server can be away for a while and come back with all it had: `SynapseServer.outage` is there. */
  readonly outage: boolean;
}

/** A server of the implementation, and its levers. */
export interface SynapseServer extends AsyncDisposable {
  /** Connect as another process would. The suite drains what it connects. */
  connect(): Promise<Synapse>;
  /** Connect as a process that can be killed. */
  connectMortal(): Promise<MortalSynapse>;
  /** Put bytes on a subject, as a program that does not know Signals would. Resolves when the server has them. */
  inject(subject: string, bytes: Uint8Array): Promise<void>;
  /** Kill the server, do something, bring it back. */
  outage?(during: () => Promise<void>): Promise<void>;
}

export interface MortalSynapse {
  readonly synapse: Synapse;
  /** From now on it says nothing to anybody and hears nothing. */
  crash(): Promise<void>;
}

/** A namespace of one's own, for one test. */
export interface Space extends AsyncDisposable {
  readonly namespace: string;
  readonly synapse: Synapse;
  readonly bus: Bus;
  /** What any bus of this space reported. */
  readonly problems: Collected<BusProblem>;
  /** Another connection, and the same namespace on it. */
  open(): Promise<{ synapse: Synapse; bus: Bus }>;
  openMortal(): Promise<{ synapse: Synapse; bus: Bus; crash(): Promise<void> }>;
  /** Put bytes on `myelin.<namespace>.<tail>`. */
  inject(tail: string, bytes: Uint8Array | string): Promise<void>;
  outage(during: () => Promise<void>): Promise<void>;
}
export type OpenSpace = () => Promise<Space>;

export async function openSpace(server: SynapseServer): Promise<Space> {
  const namespace = `suite-${randomBytes(4).toString("hex")}`;
  const problems = collect<BusProblem>();
  const onProblem = (problem: BusProblem) => problems.push(problem);
  const synapses: Synapse[] = [];
  const use = async (synapse: Synapse) => {
    synapses.push(synapse);
    return { synapse, bus: await synapse.open(namespace, { onProblem }) };
  };
  const first = await use(await server.connect());
  return {
    namespace,
    problems,
    ...first,
    open: async () => use(await server.connect()),
    async openMortal() {
      const { synapse, crash } = await server.connectMortal();
      return { ...(await use(synapse)), crash };
    },
    inject: (tail, bytes) =>
      server.inject(`myelin.${namespace}.${tail}`, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes),
    outage(during) {
      if (!server.outage) throw new Error("this server cannot be away: say so in the capabilities");
      return server.outage(during);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(synapses.map((synapse) => synapse.drain()));
    },
  };
}

/** Resolves after `ms`; for the few tests that prove that time alone changes something. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves when what was sent before has arrived, and what waits for it alone has gone on. */
export async function roundTrips(bus: Bus): Promise<void> {
  for (let n = 0; n < 3; n++) await bus.info();
}

/** All there is of an async iterable. */
export async function toArray<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of iterable) all.push(one);
  return all;
}

/** A promise with its lever. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** A promise, unhandled rejections excepted: for what is started now and looked at later. */
export function settling<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  return Promise.allSettled([promise]).then(([result]) => result);
}

/** Servers with levers, for describeSynapse: one per implementation of the Synapse. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { connectSynapse, parseSubject, type SubjectTokens, type Synapse } from "@myelin/bus";
import type { SynapseServer } from "@myelin/bus/testing";
import type { StartNatsOptions } from "@myelin/dev";
import { connect } from "@nats-io/transport-node";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";
import { startOwnNats, uniqueNamespace } from "./with-nats.ts";

/** The levers of `memory://`, which are not part of its door. */
interface MemoryLevers extends Synapse {
  crash(): void;
  readonly server: {
    namespace(name: string): {
      append(subject: string, bytes: Uint8Array, options: object): unknown;
      deliver(subject: string, tokens: SubjectTokens, channel: "log" | "live", bytes: Uint8Array, seq: null): void;
    };
  };
}

/** Put bytes on a subject of a `memory://` server, as a peer that does not keep to the protocol would. */
export function injectIntoMemory(synapse: Synapse, subject: string, bytes: Uint8Array): void {
  const tokens = parseSubject(subject)!;
  const namespace = (synapse as MemoryLevers).server.namespace(tokens.namespace);
  if (tokens.channel === "put") namespace.append(subject, bytes, {});
  else namespace.deliver(subject, tokens, tokens.channel, bytes, null);
}

/** The same over a nats-server, with one connection for all of them. */
export async function injectIntoNats(
  url: string,
  messages: Iterable<{ subject: string; bytes: Uint8Array }>,
): Promise<void> {
  const connection = await connect({ servers: url });
  for (const { subject, bytes } of messages) connection.publish(subject, bytes);
  await connection.flush();
  await connection.close();
}

export async function startMemoryServer(): Promise<SynapseServer> {
  const url = `memory://${uniqueNamespace("server")}`;
  const open = async () => (await connectSynapse(url)) as MemoryLevers;
  const own = await open();
  return {
    connect: open,
    async connectMortal() {
      const synapse = await open();
      return { synapse, crash: async () => synapse.crash() };
    },
    inject: async (subject, bytes) => injectIntoMemory(own, subject, bytes),
    [Symbol.asyncDispose]: () => own.drain(),
  };
}

/** A nats-server on which nobody may make a consumer. */
export async function startNatsServerWithoutReaders(): Promise<SynapseServer> {
  const directory = await mkdtemp(path.join(tmpdir(), "myelin-suite-"));
  const configFile = path.join(directory, "nats.conf");
  await writeFile(
    configFile,
    `no_auth_user: anybody
    authorization { users: [{ user: anybody, password: unused, permissions: { publish: { allow: [
      "myelin.>", "$O.>", "$JS.API.INFO", "$JS.API.STREAM.>"
    ] } } }] }`,
  );
  try {
    return await startNatsServer({ configFile });
  } finally {
    await rm(directory, { recursive: true });
  }
}

export async function startNatsServer(options: StartNatsOptions = {}): Promise<SynapseServer> {
  const server = await startOwnNats(options);
  const proxies: TcpProxy[] = [];
  return {
    connect: () => connectSynapse(server.url),
    async connectMortal() {
      const proxy = await startTcpProxy(server.port);
      proxies.push(proxy);
      const synapse = await connectSynapse(`nats://${proxy.address}`);
      return { synapse, crash: async () => proxy.cut({ refuse: true }) };
    },
    inject: (subject, bytes) => injectIntoNats(server.url, [{ subject, bytes }]),
    async outage(during) {
      await server.kill("SIGKILL");
      try {
        await during();
      } finally {
        await server.restart();
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
      await server.stop();
    },
  };
}

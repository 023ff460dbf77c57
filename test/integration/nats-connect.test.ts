/** Connecting to a NATS server, and the sentences for servers that will not do. */
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "@jest/globals";
import { BusError, connectSynapse, type Synapse } from "@myelin/bus";
import { freePort, startNats } from "@myelin/dev";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { sharedNatsUrl, startOwnNats, uniqueNamespace } from "../helpers/with-nats.ts";

/** A server that says who it is, and answers every PING. */
async function startFakeServer(info: object): Promise<AsyncDisposable & { url: string }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(
      `INFO ${JSON.stringify({ server_id: "fake", max_payload: 1024, proto: 1, headers: true, ...info })}\r\n`,
    );
    socket.on("data", (bytes) => {
      const text = bytes.toString();
      if (text.includes("PING\r\n")) socket.write("PONG\r\n");
      // Nobody listens to what is asked here.
      const reply = /PUB \$JS\.API\.INFO (\S+) /.exec(text)?.[1];
      const sid = /SUB (\S+)\.\* (\d+)/.exec(text)?.[2] ?? "1";
      if (reply) socket.write(`HMSG ${reply} ${sid} 16 16\r\nNATS/1.0 503\r\n\r\n\r\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function startNatsWith(config: string) {
  const directory = await mkdtemp(path.join(tmpdir(), "myelin-nats-connect-"));
  const configFile = path.join(directory, "nats.conf");
  await writeFile(configFile, config);
  try {
    return await startNats({ configFile });
  } finally {
    await rm(directory, { recursive: true });
  }
}

const failure = async (connecting: Promise<Synapse>): Promise<BusError> => {
  const error = await connecting.then(
    async (synapse) => {
      await synapse.drain();
      return new Error("it connected");
    },
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BusError);
  return error as BusError;
};

describe("a server that will not do", () => {
  test("nobody there: says where, how long, and what to do", async () => {
    const port = await freePort();
    const error = await failure(connectSynapse(`nats://127.0.0.1:${port}`, { connectTimeoutMs: 400 }));
    expect(error).toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `no NATS server answered at nats://127.0.0.1:${port} within 400 ms (connection refused): start one, or fix the URL`,
    });
  });

  test("somebody there who never says a word", async () => {
    const sockets: { destroy(): void }[] = [];
    const mute = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const url = `nats://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    const error = await failure(connectSynapse(url, { connectTimeoutMs: 400 }));
    expect(error.code).toBe("SERVER_UNSUITABLE");
    expect(error.message).toContain(`no NATS server answered at ${url} within 400 ms`);
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => mute.close(() => resolve()));
  });

  test("a server older than 2.10", async () => {
    await using server = await startFakeServer({ version: "2.9.10", jetstream: true });
    const error = await failure(connectSynapse(server.url));
    expect(error).toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `the NATS server at ${server.url} is version 2.9.10: 2.10 or newer is needed`,
    });
  });

  test("a server without JetStream", async () => {
    await using server = await startFakeServer({ version: "2.11.6" });
    const error = await failure(connectSynapse(server.url));
    expect(error).toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `the NATS server at ${server.url} has no JetStream: start it with -js, or add jetstream {} to its configuration`,
    });
  });

  test("an account without JetStream", async () => {
    await using server = await startNatsWith(
      `accounts { with: { jetstream: enabled, users: [{ user: a, password: b }] }, without: { users: [{ user: c, password: d }] } }`,
    );
    const error = await failure(connectSynapse(server.url, { user: "c", password: "d" }));
    expect(error.code).toBe("SERVER_UNSUITABLE");
    expect(error.message).toBe(
      `the NATS server at ${server.url} has no JetStream for this account: enable it for the account`,
    );
    await using _synapse = await connectSynapse(server.url, { user: "a", password: "b" });
  });
});

describe("credentials", () => {
  test("a user and a password, in the URL or beside it; neither is shown anywhere", async () => {
    await using server = await startNatsWith(`authorization { user: ada, password: "s3cr:t@" }`);
    const host = `127.0.0.1:${server.port}`;
    for (const connecting of [
      connectSynapse(`nats://${host}`, { user: "ada", password: "s3cr:t@" }),
      connectSynapse(`nats://ada:${encodeURIComponent("s3cr:t@")}@${host}`),
    ]) {
      await using synapse = await connecting;
      expect(synapse.url).toBe(`nats://${host}`);
      await synapse.open(uniqueNamespace());
    }
    const error = await failure(connectSynapse(`nats://ada:wr0ng@${host}`));
    expect(error).toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `the NATS server at nats://${host} refused the credentials: check user and password`,
    });
    expect(inspectAll(error)).not.toMatch(/wr0ng|ada/);
  });

  test("a token, in the URL or beside it", async () => {
    await using server = await startNatsWith(`authorization { token: "t0ken" }`);
    const host = `127.0.0.1:${server.port}`;
    await using _beside = await connectSynapse(`nats://${host}`, { token: "t0ken" });
    await using within = await connectSynapse(`nats://t0ken@${host}`);
    expect(within.url).toBe(`nats://${host}`);
    const error = await failure(connectSynapse(`nats://wr0ng@${host}`));
    expect(inspectAll(error)).not.toContain("wr0ng");
  });

  test("nobody there: the error does not show them either", async () => {
    const port = await freePort();
    const error = await failure(connectSynapse(`nats://ada:s3cret@127.0.0.1:${port}`, { connectTimeoutMs: 50 }));
    expect(inspectAll(error)).not.toMatch(/s3cret|ada/);
  });
});

describe("a server that comes", () => {
  test("later than the worker is waited for", async () => {
    const port = await freePort();
    const connecting = connectSynapse(`nats://127.0.0.1:${port}`, { connectTimeoutMs: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await using _server = await startOwnNats({ port });
    await using synapse = await connecting;
    await synapse.open(uniqueNamespace());
  });

  test("second in the list is used when the first is not there", async () => {
    const nobody = await freePort();
    await using synapse = await connectSynapse(`nats://127.0.0.1:${nobody},${new URL(sharedNatsUrl()).host}`);
    expect(synapse.url).toBe(`nats://127.0.0.1:${nobody},${new URL(sharedNatsUrl()).host}`);
    await synapse.open(uniqueNamespace());
  });

  test("back with another account ends nothing: the connection is refused until it is let in again", async () => {
    await using server = await startNatsWith(`authorization { user: ada, password: one }`);
    await using synapse = await connectSynapse(server.url, { user: "ada", password: "one" });
    const statuses: string[] = [];
    synapse.onStatus(({ type }) => statuses.push(type));
    const file = path.join(server.dataDir, "nats-server.conf");
    await writeFile(file, `authorization { user: ada, password: two }`);
    await server.restart();
    while (statuses.filter((type) => type === "error").length < 4)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await writeFile(file, `authorization { user: ada, password: one }`);
    await server.restart();
    await synapse.open(uniqueNamespace());
    expect(statuses).not.toContain("closed");
  });
});

/** Everything that printing an error could show: messages, stacks and fields, of its causes too. */
function inspectAll(error: unknown): string {
  if (typeof error !== "object" || error === null) return String(error);
  const fields = Object.getOwnPropertyNames(error).map((name) => inspectAll((error as Record<string, unknown>)[name]));
  return fields.join("\n");
}

expectNoLeaks();

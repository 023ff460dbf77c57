/** A TCP proxy on loopback with the levers of a bad network. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface TcpProxy extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** End every connection. `refuse`: and let nobody connect again. */
  cut(options?: { refuse?: boolean }): void;
  /** What the server says is kept back, on the connections that are open. They lose it when they are cut. */
  hold(): void;
  /** Hand over what was kept back. */
  release(): void;
  /** All that clients said, as text. */
  said(): string;
}

/** Forward connections to a port on loopback. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<{ client: Socket; target: Socket; held: Buffer[] | null }>();
  let isRefusing = false;
  let said = "";
  const server = createServer((client) => {
    if (isRefusing) {
      client.destroy();
      return;
    }
    const target = connect(targetPort, "127.0.0.1");
    const pair = { client, target, held: null as Buffer[] | null };
    pairs.add(pair);
    client.on("data", (bytes) => {
      said += bytes.toString("latin1");
      target.write(bytes);
    });
    target.on("data", (bytes) => {
      if (pair.held) pair.held.push(bytes);
      else client.write(bytes);
    });
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      target.destroy();
    };
    for (const socket of [client, target]) socket.on("close", end).on("error", end);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (options: { refuse?: boolean } = {}) => {
    isRefusing ||= options.refuse === true;
    for (const { client, target } of pairs) {
      client.destroy();
      target.destroy();
    }
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    hold() {
      for (const pair of pairs) pair.held ??= [];
    },
    release() {
      for (const pair of pairs) {
        for (const bytes of pair.held ?? []) pair.client.write(bytes);
        pair.held = null;
      }
    },
    said: () => said,
    async [Symbol.asyncDispose]() {
      cut({ refuse: true });
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

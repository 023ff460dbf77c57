/** A TCP proxy on loopback with the levers of a bad network. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface TcpProxy extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** End every connection. `refuse`: and let nobody connect again. */
  cut(options?: { refuse?: boolean }): void;
  /** From now on, on connections that are open, nothing of what the server says arrives. */
  deafen(): void;
  /** Every byte the server said, as text. */
  readonly heard: () => string;
}

/** Forward connections to a port on loopback. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<{ client: Socket; target: Socket; isDeaf: boolean }>();
  let isRefusing = false;
  let heard = "";
  const server = createServer((client) => {
    if (isRefusing) {
      client.destroy();
      return;
    }
    const target = connect(targetPort, "127.0.0.1");
    const pair = { client, target, isDeaf: false };
    pairs.add(pair);
    client.on("data", (bytes) => target.write(bytes));
    target.on("data", (bytes) => {
      heard += bytes.toString("latin1");
      if (!pair.isDeaf) client.write(bytes);
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
    deafen() {
      for (const pair of pairs) pair.isDeaf = true;
    },
    heard: () => heard,
    async [Symbol.asyncDispose]() {
      cut({ refuse: true });
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

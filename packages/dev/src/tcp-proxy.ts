/**
 * TcpProxy: a TCP proxy on loopback with the levers of a bad network, for tests and chaos.
 *
 * Each connection is two pipes. A pipe passes bytes on in order: at once, or `delay` later, or when they are released. A
 * swallowed connection is half-open: it looks fine from both ends, and nothing arrives any more.
 */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface TcpProxy extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** End every connection. `refuse`: and let nobody connect again. */
  cut(options?: { refuse?: boolean }): void;
  /** Let connect again, after a `refuse`. */
  accept(): void;
  /** What the server says is kept back, on the connections that are open. They lose it when they are cut. */
  hold(): void;
  /** Hand over what was kept back. */
  release(): void;
  /** What either side says from now on arrives so much later, on all connections. 0 ends it. */
  delay(ms: number): void;
  /** Throw away what either side says, on the connections that are open, until these are closed. */
  swallow(): void;
}

export interface TcpProxyOptions {
  /** Hears what clients say. */
  readonly onSaid?: ((bytes: Buffer) => void) | undefined;
  /** Stands in the way of what the server says, on one connection: calls `pass` with what it lets through. */
  readonly meddle?: (() => (bytes: Buffer, pass: (bytes: Buffer) => void) => void) | undefined;
}

/** Forward connections to a port on loopback. */
export async function startTcpProxy(targetPort: number, options: TcpProxyOptions = {}): Promise<TcpProxy> {
  const connections = new Set<Connection>();
  let isRefusing = false;
  let delayMs = 0;
  const server = createServer((client) => {
    if (isRefusing) {
      client.destroy();
      return;
    }
    const connection = new Connection(client, connect(targetPort, "127.0.0.1"), options);
    connection.delay(delayMs);
    connections.add(connection);
    void connection.closed.then(() => connections.delete(connection));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const each = (act: (connection: Connection) => void) => connections.forEach(act);
  const cut = (how: { refuse?: boolean } = {}) => {
    isRefusing ||= how.refuse === true;
    each((one) => one.close());
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    accept: () => (isRefusing = false),
    hold: () => each((one) => one.toClient.hold()),
    release: () => each((one) => one.toClient.release()),
    delay(ms) {
      delayMs = ms;
      each((one) => one.delay(ms));
    },
    swallow: () => each((one) => one.swallow()),
    async [Symbol.asyncDispose]() {
      cut({ refuse: true });
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

class Connection {
  readonly toClient: Pipe;
  readonly toServer: Pipe;
  readonly closed: Promise<void>;
  readonly #sockets: readonly Socket[];

  constructor(client: Socket, server: Socket, { onSaid, meddle }: TcpProxyOptions) {
    this.#sockets = [client, server];
    this.toClient = new Pipe(client);
    this.toServer = new Pipe(server);
    client.on("data", (bytes: Buffer) => {
      onSaid?.(bytes);
      this.toServer.push(bytes);
    });
    const meddler = meddle?.();
    const pass = (bytes: Buffer) => this.toClient.push(bytes);
    server.on("data", (bytes: Buffer) => (meddler ? meddler(bytes, pass) : pass(bytes)));
    this.closed = new Promise((resolve) => {
      const end = () => {
        this.close();
        resolve();
      };
      for (const socket of this.#sockets) socket.setNoDelay(true).on("close", end).on("error", end);
    });
  }

  delay(ms: number): void {
    this.toClient.delayMs = ms;
    this.toServer.delayMs = ms;
  }

  swallow(): void {
    this.toClient.swallow();
    this.toServer.swallow();
  }

  close(): void {
    this.swallow();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** One direction of a connection: bytes on their way to a socket, in order. */
class Pipe {
  delayMs = 0;
  readonly #to: Socket;
  #waiting: { readonly bytes: Buffer; readonly dueAt: number }[] = [];
  #isHeld = false;
  #isSwallowing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(to: Socket) {
    this.#to = to;
  }

  push(bytes: Buffer): void {
    if (this.#isSwallowing) return;
    this.#waiting.push({ bytes, dueAt: performance.now() + this.delayMs });
    this.#pump();
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#pump();
  }

  swallow(): void {
    this.#isSwallowing = true;
    this.#waiting = [];
    clearTimeout(this.#timer);
  }

  #pump(): void {
    clearTimeout(this.#timer);
    for (let next = this.#waiting[0]; next && !this.#isHeld; next = this.#waiting[0]) {
      const leftMs = next.dueAt - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), leftMs);
        return;
      }
      this.#waiting.shift();
      this.#to.write(next.bytes);
    }
  }
}

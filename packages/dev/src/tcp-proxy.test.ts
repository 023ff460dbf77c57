import { describe, expect, test } from "@jest/globals";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";
import { startTcpProxy, type TcpProxyOptions } from "./tcp-proxy.ts";

/** A server that echoes, a proxy before it, and clients of that. */
async function withEcho(options?: TcpProxyOptions) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (bytes) => socket.write(bytes)).on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy = await startTcpProxy((server.address() as AddressInfo).port, options);
  return {
    proxy,
    async client() {
      const socket = connect(Number(proxy.address.split(":")[1]), "127.0.0.1");
      sockets.add(socket);
      let heard = "";
      socket.on("data", (bytes: Buffer) => (heard += bytes.toString())).on("error", () => {});
      await once(socket, "connect");
      const hears = async (text: string) => {
        while (!heard.endsWith(text)) await sleep(2);
        return heard;
      };
      return { socket, hears, heard: () => heard };
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("TcpProxy", () => {
  expectNoLeaks();

  test("passes bytes on, and tells what clients said", async () => {
    const said: string[] = [];
    await using echo = await withEcho({ onSaid: (bytes) => said.push(bytes.toString()) });
    const client = await echo.client();
    client.socket.write("one");
    await client.hears("one");
    expect(said).toEqual(["one"]);
  });

  test("what is held back comes when it is released, in order", async () => {
    await using echo = await withEcho();
    const client = await echo.client();
    client.socket.write("a");
    await client.hears("a");
    echo.proxy.hold();
    client.socket.write("b");
    await sleep(30);
    expect(client.heard()).toBe("a");
    echo.proxy.release();
    client.socket.write("c");
    expect(await client.hears("c")).toBe("abc");
  });

  test("a delay counts in both directions, keeps the order, and ends", async () => {
    await using echo = await withEcho();
    const client = await echo.client();
    echo.proxy.delay(40);
    const sentAt = performance.now();
    client.socket.write("a");
    await client.hears("a");
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(79);
    client.socket.write("b");
    await sleep(10);
    echo.proxy.delay(0);
    client.socket.write("c");
    expect(await client.hears("c")).toBe("abc");
  });

  test("a swallowed connection stays open and nothing arrives; a new one works", async () => {
    await using echo = await withEcho();
    const client = await echo.client();
    echo.proxy.swallow();
    client.socket.write("lost");
    const other = await echo.client();
    other.socket.write("kept");
    await other.hears("kept");
    expect([client.heard(), client.socket.destroyed]).toEqual(["", false]);
  });

  test("cut ends connections; refuse lets nobody in until accept", async () => {
    await using echo = await withEcho();
    const client = await echo.client();
    const closed = once(client.socket, "close");
    echo.proxy.cut({ refuse: true });
    await closed;
    const refused = await echo.client();
    if (!refused.socket.closed) await once(refused.socket, "close");
    echo.proxy.accept();
    const welcome = await echo.client();
    welcome.socket.write("again");
    await welcome.hears("again");
  });

  test("a meddler decides what of the server's words arrives, per connection", async () => {
    await using echo = await withEcho({
      meddle: () => {
        let isFirst = true;
        return (bytes, pass) => {
          if (!isFirst) pass(bytes);
          isFirst = false;
        };
      },
    });
    for (const client of [await echo.client(), await echo.client()]) {
      client.socket.write("first");
      await sleep(20);
      client.socket.write("second");
      expect(await client.hears("second")).toBe("second");
    }
  });
});

import { once } from "node:events";
import { connect } from "node:net";
import { silentLogger } from "@myelin/bus";
import { expect, test } from "@jest/globals";
import { expectNoLeaks } from "../../test/helpers/leaks.ts";
import { deferred, until } from "../../test/helpers/with-fleet.ts";
import { listen } from "./listen.ts";

expectNoLeaks();

const options = { host: "127.0.0.1", port: 0, logger: silentLogger };
const hold = () => {
  const [started, release] = [deferred(), deferred()];
  let wasAborted = false;
  const handler = async (request: Request) => {
    request.signal.addEventListener("abort", () => (wasAborted = true));
    started.resolve();
    await release.promise;
    return new Response("done");
  };
  return { handler, started: started.promise, release: release.resolve, wasAborted: () => wasAborted };
};

test("close waits for what is under way, and takes nothing more", async () => {
  const { handler, started, release, wasAborted } = hold();
  const server = await listen(handler, options);
  const response = fetch(server.url);
  await started;
  let isClosed = false;
  const closing = server.close().then(() => (isClosed = true));
  await expect(fetch(server.url)).rejects.toThrow("fetch failed");
  expect(isClosed).toBe(false);
  release();
  expect(await (await response).text()).toBe("done");
  await closing;
  expect(wasAborted()).toBe(false);
});

test("close cuts what is still under way at its limit, and the handler hears of it", async () => {
  const { handler, started, release, wasAborted } = hold();
  const server = await listen(handler, options);
  const response = fetch(server.url).catch((error: unknown) => error);
  await started;
  await server.close(50);
  expect(await response).toMatchObject({ message: "fetch failed" });
  await until(wasAborted);
  release();
});

test("close does not wait for a connection that is kept alive and asks nothing", async () => {
  const server = await listen(async () => new Response("ok"), options);
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(socket, "data");
  const closed = once(socket, "close");
  await server.close();
  await closed;
});

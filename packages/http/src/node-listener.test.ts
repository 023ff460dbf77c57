import { createServer, request as httpRequest, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test } from "@jest/globals";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";
import { nodeListener, type Handler } from "./node-listener.ts";
import { readJson } from "./read-json.ts";

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
  server = undefined;
});
expectNoLeaks();

async function listen(handler: Handler, options: Parameters<typeof nodeListener>[1] = {}): Promise<string> {
  server = createServer(nodeListener(handler, options));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

async function open(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  await once(socket, "connect");
  return socket;
}
async function rest(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

/** Echoes JSON of at most 1,000 bytes; what it throws is the listener's to answer. */
const limited: Handler = async (request) => Response.json(await readJson(request, { maxBytes: 1_000 }));

describe("nodeListener", () => {
  test("carries method, path, query, headers and body in, and status, headers and body out", async () => {
    const url = await listen(async (request) => {
      const { pathname, search, host } = new URL(request.url);
      const body = `${request.method} ${pathname}${search} ${request.headers.get("x-a")} ${await request.text()}`;
      const headers = new Headers({ "x-host": host });
      headers.append("set-cookie", "a=1");
      headers.append("set-cookie", "b=2");
      return new Response(body, { status: 201, headers });
    });
    const response = await fetch(`${url}/x%20y?q=1`, { method: "POST", body: "hällo", headers: { "x-a": "1" } });
    expect(response.status).toBe(201);
    expect(response.headers.get("x-host")).toBe(new URL(url).host);
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(await response.text()).toBe("POST /x%20y?q=1 1 hällo");
  });

  test("streams the response, and answers HEAD without a body", async () => {
    const url = await listen(async () => {
      const parts = ["one ", "two ", "three"];
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          const part = parts.shift();
          if (part === undefined) controller.close();
          else controller.enqueue(Buffer.from(part));
        },
      });
      return new Response(body);
    });
    expect(await (await fetch(url)).text()).toBe("one two three");
    const head = await fetch(url, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("the client going away aborts request.signal, also after garbage collection", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const started = deferred<void>();
    const gone = deferred<unknown>();
    const url = await listen((request) => {
      const { signal } = request;
      signal.addEventListener("abort", () => gone.resolve(signal.reason));
      started.resolve();
      return gone.promise.then(() => new Response("late"));
    });
    const client = new AbortController();
    const response = fetch(url, { signal: client.signal });
    await started.promise;
    collectGarbage();
    client.abort();
    await expect(response).rejects.toThrow();
    expect(await gone.promise).toMatchObject({ name: "AbortError" });
  });

  test("a finished request does not abort its signal", async () => {
    const seen: AbortSignal[] = [];
    const url = await listen(async (request) => {
      seen.push(request.signal);
      return new Response(await request.text());
    });
    for (const body of ["a", "b"]) await (await fetch(url, { method: "POST", body })).text();
    expect(seen.map((signal) => signal.aborted)).toEqual([false, false]);
  });

  test("answers before a body that is too large has ended, and takes the next request on the same connection", async () => {
    const socket = await open(await listen(limited));
    let received = "";
    socket.on("data", (chunk) => (received += String(chunk)));
    const until = async (text: string) => {
      while (!received.includes(text)) await once(socket, "data");
    };
    const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    const chunk = `10000\r\n${" ".repeat(0x10000)}\r\n`;
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
    await until("HTTP/1.1 413 ");
    for (let at = 0; at < 64; at++) socket.write(chunk); // 4 MiB: more than fits into the sockets' buffers
    socket.write(`0\r\n\r\n${head}Content-Length: 5\r\n\r\n[123]`);
    await until("[123]");
    socket.destroy();
  });

  test("a client that sends on after its 413 can still read it", async () => {
    const url = await listen(limited);
    const headers = { "content-type": "application/json" };
    for (let at = 0; at < 3; at++) {
      const response = await fetch(url, { method: "POST", body: " ".repeat(3_000_000), headers });
      expect(await response.json()).toMatchObject({ status: 413 });
    }
  });

  test("a handler that throws is a 500 without a word about it, and the next request is served", async () => {
    const logged: unknown[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => void logged.push(fields) };
    let calls = 0;
    const url = await listen(
      async () => {
        if (calls++ === 0) throw new Error("secret");
        return new Response("fine");
      },
      { logger },
    );
    const response = await fetch(url);
    expect([response.status, response.headers.get("content-type")]).toEqual([500, "application/problem+json"]);
    expect(await response.text()).not.toContain("secret");
    expect(logged).toHaveLength(1);
    expect(await (await fetch(url)).text()).toBe("fine");
  });

  test("a body that fails half way cuts the connection, so that it does not look whole", async () => {
    const url = await listen(async () => {
      let sent = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent++ === 0) controller.enqueue(Buffer.from("half"));
          else controller.error(new Error("broken"));
        },
      });
      return new Response(body);
    });
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
  });

  test("stops a streamed answer when the client leaves", async () => {
    const cancelled = deferred<void>();
    const url = await listen(async () => {
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
        cancel: () => cancelled.resolve(),
      });
      return new Response(body);
    });
    const socket = await open(url);
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
    await cancelled.promise;
  });

  describe("a client that asks before it sends its body", () => {
    const head = (length: number) =>
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;
    async function listenBoth(handler: Handler): Promise<Socket> {
      const listener = nodeListener(handler, { answersExpect: true });
      server = createServer(listener).on("checkContinue", listener);
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      return open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    }

    test("is refused without being told to go on, and its connection closed", async () => {
      const socket = await listenBoth(limited);
      socket.write(head(1_001));
      const answer = await rest(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
      expect(answer.toLowerCase()).toContain("connection: close");
    });

    test("is told to go on once, when its body is read", async () => {
      const socket = await listenBoth(limited);
      const body = JSON.stringify({ n: "x".repeat(100) });
      socket.write(head(body.length).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
      const [first] = (await once(socket, "data")) as [Buffer];
      expect(String(first)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
      socket.write(body);
      const answer = await rest(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(answer).toContain(body);
    });
  });

  test.each([
    ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400"],
    ["TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", "501"],
  ])("%j is answered %s", async (text, status) => {
    const url = await listen(async () => new Response("ok"));
    const socket = await open(url);
    socket.end(text.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    expect(await rest(socket)).toContain(` ${status} `);
  });

  test.each(["//evil.example/x", "http://evil.example/x"])(
    "%s in the request line does not become the host",
    async (path) => {
      const url = await listen(async (request) => new Response(request.url));
      const { port } = new URL(url);
      const text = await new Promise<string>((resolve, reject) => {
        const req = httpRequest({ port, host: "127.0.0.1", path }, (res) => {
          let body = "";
          res.on("data", (chunk) => (body += chunk)).on("end", () => resolve(body));
        });
        req.on("error", reject).end();
      });
      expect(text).toBe(`http://127.0.0.1:${port}/x`);
    },
  );
});

/** The mounts, in the real frameworks: what a handler gets and gives is the same in all of them. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve as serveHono } from "@hono/node-server";
import { afterEach, describe, expect, test } from "@jest/globals";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";
import { deferred } from "../../../test/helpers/with-fleet.ts";
import { eventStream, type Frame } from "./event-stream.ts";
import { InFlight } from "./in-flight.ts";
import { toExpress, toFastify, toHono, toNext } from "./mounts.ts";
import { nodeListener, type Handler } from "./node-listener.ts";
import { readJson } from "./read-json.ts";
import type { Route } from "./routes.ts";
import { json, serveRoutes } from "./serve-routes.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
expectNoLeaks();

/** Levers of the handler below. */
let closed = deferred<string>();
let more = deferred();

async function* frames(): AsyncGenerator<Frame> {
  yield { id: "0", event: "first", data: { n: 0 } };
  await more.promise;
  yield { id: "1", event: "second", data: { n: 1 } };
}

const ROUTES: Route[] = [
  {
    method: "POST",
    path: "/echo/:id",
    guard: "open",
    serve: async ({ request, params, url }) =>
      json({ id: params["id"], query: url.search, body: await readJson(request, { maxBytes: 1_000 }) }, 201, {
        "x-ours": "1",
      }),
  },
  {
    method: "GET",
    path: "/stream",
    guard: "open",
    serve: ({ request }) => {
      request.signal.addEventListener("abort", () => closed.resolve("aborted"));
      return eventStream(frames(), {
        signal: request.signal,
        heartbeatMs: 60_000,
        retryMs: 10,
        reauthorizeMs: 60_000,
        isAllowed: () => Promise.resolve(true),
        onClose: () => {},
      });
    },
  },
];
const make = (): Handler =>
  serveRoutes(ROUTES, {
    authorize: () => ({}),
    basePath: "/api",
    inFlight: new InFlight({ maxInFlight: 10, maxInFlightBytes: 10_000 }),
  });

async function listening(server: Server): Promise<string> {
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  if (!server.listening) await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const onExpress = (prepare: (app: express.Express) => void) => {
  const app = express();
  prepare(app);
  return listening(app.listen(0, "127.0.0.1"));
};

const MOUNTS: Record<string, () => Promise<string>> = {
  "node:http": () => listening(createServer(nodeListener(make())).listen(0, "127.0.0.1")),
  "express, under a prefix": () => onExpress((app) => app.use("/api", toExpress(make()))),
  "express, behind express.json()": () =>
    onExpress((app) => {
      app.use(express.json());
      app.use("/api", toExpress(make()));
    }),
  "express, at the root": () => onExpress((app) => app.use(toExpress(make()))),
  "fastify, under a prefix": async () => {
    const app = fastify();
    app.addHook("onRequest", async (_request, reply) => void reply.header("x-hook", "1"));
    await app.register(toFastify(make()), { prefix: "/api" });
    closing.push(() => app.close());
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    closing.push(async () => app.server.closeAllConnections());
    closing.reverse();
    return url;
  },
  "fastify, at the root": async () => {
    const app = fastify();
    await app.register(toFastify(make()));
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    closing.push(
      async () => app.server.closeAllConnections(),
      () => app.close(),
    );
    return url;
  },
  hono: async () => {
    const app = new Hono();
    app.all("/api/*", toHono(make()));
    return listening(serveHono({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server);
  },
  "hono, behind a middleware that read the body": async () => {
    const app = new Hono();
    app.use(async (c, next) => {
      if (c.req.method === "POST") await c.req.json().catch(() => null);
      await next();
    });
    app.all("/api/*", toHono(make()));
    return listening(serveHono({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server);
  },
};

describe.each(Object.entries(MOUNTS))("%s", (name, mount) => {
  test("hands over path, query, and the body; status, headers and body come back", async () => {
    const url = await mount();
    const response = await fetch(`${url}/api/echo/run_1?wait=1&a=%20b`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text: "hällo", list: [1, null] }),
    });
    expect([response.status, response.headers.get("x-ours")]).toEqual([201, "1"]);
    expect(await response.json()).toEqual({
      id: "run_1",
      query: "?wait=1&a=%20b",
      body: { text: "hällo", list: [1, null] },
    });
    if (name === "fastify, under a prefix") expect(response.headers.get("x-hook")).toBe("1");
  });

  test("answers a wrong request with the problems of the handler", async () => {
    const url = await mount();
    const init = { method: "POST", headers: { "content-type": "application/json" } };
    const missing = await fetch(`${url}/api/nowhere`);
    expect([missing.status, missing.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
    const empty = await fetch(`${url}/api/echo/1`, init);
    expect([empty.status, await empty.json()]).toEqual([400, expect.objectContaining({ code: "BAD_JSON" })]);
  });

  test("streams: a frame is there before the next one is made; the end of it ends the response", async () => {
    closed = deferred();
    more = deferred();
    const url = await mount();
    const response = await fetch(`${url}/api/stream`);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes('data: {"n":0}\n\n')) text += (await reader.read()).value ?? "";
    expect(text).toBe('retry: 10\n\nid: 0\nevent: first\ndata: {"n":0}\n\n');
    more.resolve();
    text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(text).toBe('id: 1\nevent: second\ndata: {"n":1}\n\n');
  });

  test("a client that leaves a stream aborts request.signal", async () => {
    closed = deferred();
    more = deferred();
    const url = await mount();
    const client = new AbortController();
    const response = await fetch(`${url}/api/stream`, { signal: client.signal });
    await response.body!.getReader().read();
    client.abort();
    expect(await closed.promise).toBe("aborted");
    more.resolve();
  });
});

describe("toExpress", () => {
  test("a body that another handler threw away is a problem that says what to do", async () => {
    const url = await onExpress((app) => {
      app.use(async (req, _res, next) => {
        for await (const _ of req);
        next();
      });
      app.use("/api", toExpress(make()));
    });
    const response = await fetch(`${url}/api/echo/1`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    expect(await response.json()).toMatchObject({
      status: 500,
      code: "BODY_CONSUMED",
      detail: expect.stringContaining("mount this one before it, or behind express.json()"),
    });
  });

  test("takes a body that express.text() or express.raw() read", async () => {
    for (const parser of [express.text({ type: "*/*" }), express.raw({ type: "*/*" })]) {
      const url = await onExpress((app) => {
        app.use(parser);
        app.use("/api", toExpress(make()));
      });
      const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"a":1}' };
      expect(await (await fetch(`${url}/api/echo/1`, init)).json()).toMatchObject({ body: { a: 1 } });
    }
  });
});

describe("toNext", () => {
  test("gives route handlers by method that take the whole path", async () => {
    const handlers = toNext(make());
    expect(Object.keys(handlers)).toEqual(["GET", "POST", "DELETE"]);
    const request = new Request("http://localhost/api/echo/7", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "[]",
    });
    expect(await (await handlers.POST(request)).json()).toMatchObject({ id: "7", body: [] });
  });
});

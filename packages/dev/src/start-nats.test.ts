import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { isRoot } from "./owner.ts";
import { openServerHome } from "./server-home.ts";
import { freePort, portIsFree } from "./ports.ts";
import { findProcessUsing } from "./processes.ts";
import { startNats } from "./start-nats.ts";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";

const CONFIG_FILE = fileURLToPath(new URL("../../../bus/nats-server.conf", import.meta.url));
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "start-nats-"));
  await chmod(directory, 0o755); // for the unprivileged user, when these tests run as root
});
afterAll(() => rm(directory, { recursive: true, force: true }));
expectNoLeaks();

/** One request in NATS's own words: this package has no client. */
function request(port: number, subject: string, payload: unknown = ""): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const body = payload === "" ? "" : JSON.stringify(payload);
    const socket = connect(port, "127.0.0.1");
    let received = "";
    socket.setEncoding("utf8");
    socket.on("error", reject);
    socket.on("data", (chunk: string) => {
      received += chunk;
      const reply = /^MSG \S+ 1 (\d+)\r\n(.*)\r\n/m.exec(received);
      if (!reply) return;
      socket.destroy();
      resolve(JSON.parse(reply[2] ?? "") as Record<string, unknown>);
    });
    socket.write(`CONNECT {"verbose":false}\r\nSUB inbox 1\r\nPUB ${subject} inbox ${body.length}\r\n${body}\r\n`);
  });
}

const createStream = (port: number) =>
  request(port, "$JS.API.STREAM.CREATE.kept", { name: "kept", subjects: ["kept.>"], storage: "file" });
const publish = (port: number) => request(port, "kept.one", { hello: "world" });
const countMessages = async (port: number) =>
  ((await request(port, "$JS.API.STREAM.INFO.kept")) as { state?: { messages: number } }).state?.messages;

test("starts with JetStream on a free port, and stop leaves neither process nor directory", async () => {
  const nats = await startNats();
  expect(nats.url).toBe(`nats://127.0.0.1:${nats.port}`);
  expect(await createStream(nats.port)).toMatchObject({ did_create: true });
  expect(existsSync(nats.dataDir)).toBe(true);
  await Promise.all([nats.stop(), nats.stop()]);
  expect(existsSync(nats.dataDir)).toBe(false);
  expect(await portIsFree(nats.port)).toBe(true);
  expect(() => process.kill(nats.pid, 0)).toThrow("ESRCH");
  await expect(nats.restart()).rejects.toMatchObject({ code: "stopped" });
  await expect(nats.kill()).rejects.toMatchObject({ code: "stopped" });
});

test("kill -9 and restart keep port and data", async () => {
  await using nats = await startNats();
  await createStream(nats.port);
  await publish(nats.port);
  const firstPid = nats.pid;
  await nats.kill();
  expect(await portIsFree(nats.port)).toBe(true);
  await nats.restart();
  let sentence: string | null = null;
  void nats.died.then((said) => (sentence = said));
  expect(nats.pid).not.toBe(firstPid);
  expect(await countMessages(nats.port)).toBe(1);
  expect(existsSync(path.join(nats.dataDir, "jetstream"))).toBe(true);
  expect(sentence).toBeNull(); // it was asked to
  process.kill(nats.pid, "SIGKILL");
  expect(await nats.died).toContain("ended with SIGKILL");
});

test("restart stops what still runs first", async () => {
  await using nats = await startNats();
  const firstPid = nats.pid;
  await nats.restart();
  expect(() => process.kill(firstPid, 0)).toThrow("ESRCH");
  expect(await request(nats.port, "$JS.API.INFO")).toMatchObject({ streams: 0 });
});

test("a server that crashed by itself can be stopped, and its directory goes", async () => {
  const nats = await startNats();
  process.kill(nats.pid, "SIGKILL");
  expect(await nats.died).toBe(`nats-server on port ${nats.port} ended with SIGKILL`);
  await nats.stop();
  expect(existsSync(nats.dataDir)).toBe(false);
});

test("a data directory is kept between starts, and only one server at a time works on it", async () => {
  const dataDir = path.join(directory, "kept");
  await using first = await startNats({ dataDir });
  expect(first.dataDir).toBe(dataDir);
  await createStream(first.port);
  await publish(first.port);
  await expect(openServerHome({ name: "second", dataDir, leaveTimeoutMs: 100 })).rejects.toMatchObject({
    code: "data-dir-in-use",
    message: expect.stringContaining(String(first.pid)),
  });
  await first.stop();
  await using again = await startNats({ dataDir });
  expect(await countMessages(again.port)).toBe(1);
});

test("a start waits for the server of a killed predecessor to leave the data directory", async () => {
  const dataDir = path.join(directory, "left");
  await using first = await startNats({ dataDir });
  const messages: string[] = [];
  const second = startNats({
    dataDir,
    onProgress: (message) => {
      messages.push(message);
      void first.stop();
    },
  });
  await using nats = await second;
  expect(nats.pid).not.toBe(first.pid);
  expect(messages).toEqual([expect.stringContaining(`waiting for process ${first.pid} (nats-server)`)]);
});

(isRoot() ? test : test.skip)("as root, data goes elsewhere when the unprivileged user cannot enter", async () => {
  const hidden = path.join(directory, "hidden");
  await mkdir(hidden, { mode: 0o700 });
  const dataDir = path.join(hidden, "nats");
  const messages: string[] = [];
  await using first = await startNats({ dataDir, onProgress: (message) => messages.push(message) });
  expect(first.dataDir).toMatch(/^\/var\/tmp\/nats-server-/);
  expect(messages).toEqual([expect.stringContaining(first.dataDir)]);
  await createStream(first.port);
  await first.stop();
  await using again = await startNats({ dataDir });
  expect(again.dataDir).toBe(first.dataDir);
  expect(await countMessages(again.port)).toBe(0);
  await again.stop();
  await rm(again.dataDir, { recursive: true });
});

test("a given port is used, and a taken one is an error", async () => {
  const port = await freePort();
  await using nats = await startNats({ port });
  expect(nats.port).toBe(port);
  await expect(startNats({ port })).rejects.toMatchObject({
    code: "port-taken",
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
});

test("a port that is taken by something else than us is an error too", async () => {
  const server = createServer();
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "0.0.0.0", resolve));
  await expect(startNats({ port })).rejects.toMatchObject({ code: "port-taken" });
  await new Promise((resolve) => server.close(resolve));
});

test("an abort before or during the start leaves nothing", async () => {
  await expect(startNats({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
  const bin = path.join(directory, "hangs");
  await writeFile(
    bin,
    '#!/bin/sh\n[ "$1" = --version ] && echo nats-server: v2.10.0 && exit\nwhile :; do sleep 0.05; done',
  );
  await chmod(bin, 0o755);
  const dataDir = path.join(directory, "aborted");
  const abort = new AbortController();
  const starting = startNats({ dataDir, bin, signal: abort.signal });
  const outcome = starting.catch((error: unknown) => error);
  while (!(await findProcessUsing(dataDir))) await sleep(5);
  abort.abort();
  expect(await outcome).toMatchObject({ code: "aborted" });
  expect(await findProcessUsing(dataDir)).toBeUndefined();
});

test("a server that does not start says why in its last lines", async () => {
  const configFile = path.join(directory, "broken.conf");
  await writeFile(configFile, "no_such_field: 1\n");
  await expect(startNats({ configFile })).rejects.toMatchObject({
    code: "start-failed",
    message: expect.stringContaining('unknown field "no_such_field"'),
  });
});

test("bus/nats-server.conf syncs always, `fsync: default` takes that line out, and our flags win over it", async () => {
  const monitorPort = await freePort();
  const configFile = path.join(directory, "monitored.conf");
  await writeFile(configFile, `${await readFile(CONFIG_FILE, "utf8")}\nhttp: "127.0.0.1:${monitorPort}"\n`);
  const readSettings = async (fsync?: "always" | "default") => {
    await using nats = await startNats({ configFile, fsync });
    const response = await fetch(`http://127.0.0.1:${monitorPort}/varz`, { headers: { connection: "close" } });
    const settings = (await response.json()) as Settings;
    expect(settings.port).toBe(nats.port);
    expect(settings.jetstream.config.store_dir).toBe(path.join(nats.dataDir, "jetstream"));
    return settings;
  };
  const asWritten = await readSettings();
  expect(asWritten).toMatchObject({ ping_max: 2, ping_interval: 10e9, max_payload: 1024 * 1024 });
  expect(asWritten.jetstream.config.sync_always).toBe(true);
  expect((await readSettings("always")).jetstream.config.sync_always).toBe(true);
  expect((await readSettings("default")).jetstream.config.sync_always).toBeFalsy();
});

test("fsync always works without a file, and contradicts one that does not say so", async () => {
  await using nats = await startNats({ fsync: "always" });
  expect(await readFile(path.join(nats.dataDir, "nats-server.conf"), "utf8")).toContain("sync_interval: always");
  const configFile = path.join(directory, "lazy.conf");
  await writeFile(configFile, "jetstream: enabled\n");
  await expect(startNats({ configFile, fsync: "always" })).rejects.toMatchObject({ code: "invalid-option" });
});

interface Settings {
  port: number;
  jetstream: { config: { sync_always?: boolean; store_dir: string } };
}

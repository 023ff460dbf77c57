import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expectNoLeaks } from "../../../../test/helpers/leaks.ts";
import { startMcpHttpServer } from "../../../../test/helpers/mcp-http-server.ts";
import { until } from "../../../../test/helpers/with-fleet.ts";
import type { Tool, ToolContext, ToolSource } from "../tool.ts";
import type { McpOptions } from "./mcp-options.ts";
import { mcp } from "./mcp.ts";

const SERVER = fileURLToPath(new URL("../../../../test/fixtures/mcp-server.mjs", import.meta.url));
const never = new AbortController().signal;

/** A source that is closed at the end of the test. */
function open(options: Partial<McpOptions> & { fault?: string } = {}): ToolSource & AsyncDisposable {
  const { fault = "", ...rest } = options;
  const command = rest.url === undefined ? { command: [process.execPath, SERVER, fault] } : {};
  const source = mcp({ name: "fs", ...command, ...rest });
  return { ...source, [Symbol.asyncDispose]: () => source.close() };
}

/** A tool as a function. */
const using =
  (tools: readonly Tool[], name: string) =>
  (params: Record<string, unknown> = {}, signal = never) => {
    const tool = tools.find((one) => one.name === name);
    if (tool === undefined) throw new Error(`no tool ${name}, but ${tools.map((one) => one.name).join(", ")}`);
    return tool.run(params, { signal } as ToolContext);
  };

async function pidOf(tools: readonly Tool[]): Promise<number> {
  return (JSON.parse((await using(tools, "fs__process")()) as string) as { pid: number }).pid;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false; // ESRCH: it is gone
  }
}

describe("a server that is a program", () => {
  let source: ToolSource;
  let tools: readonly Tool[];
  beforeAll(async () => {
    source = open();
    tools = await source.open(never);
  });
  afterAll(() => source.close());

  test("its tools, of all pages, are named for the source and sanitised, with their schema", () => {
    expect(tools.map(({ name }) => name)).toEqual(
      ["read_file_txt", "save", "add", "picture", "mixed", "fail", "leak", "slow", "die", "process"].map(
        (name) => `fs__${name}`,
      ),
    );
    expect(tools[0]).toMatchObject({
      description: "The tool read/file.txt.",
      parameters: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
      ...{ target: "server", parallel: true, maxCallsPerRun: null, timeoutMs: 120_000 },
    });
  });

  test("what only reads, or may be repeated, is idempotent; others are not", () => {
    const idempotent = tools.filter((tool) => tool.idempotent).map(({ name }) => name);
    expect(idempotent).toEqual(["fs__read_file_txt", "fs__save"]);
  });

  test.each<[string, Record<string, unknown>, unknown]>([
    ["fs__read_file_txt", { path: "a.txt" }, "contents of a.txt"],
    ["fs__add", { a: 1, b: 2 }, { sum: 3 }],
    ["fs__picture", {}, "[unsupported content type: image]"],
    ["fs__mixed", {}, "one\n[unsupported content type: image]\ntwo"],
  ])("%s(%j) gives %j", async (name, params, result) => {
    expect(await using(tools, name)(params)).toEqual(result);
  });

  test("what the server calls an error is thrown", async () => {
    await expect(using(tools, "fs__fail")()).rejects.toThrow("no such thing");
  });

  test("opened again, by several at once, it is the same program", async () => {
    const again = await Promise.all([source.open(never), source.open(never)]);
    expect(await Promise.all(again.map(pidOf))).toEqual(Array(2).fill(await pidOf(tools)));
  });
});

test("is given its environment and folder, and nothing else of this process's environment", async () => {
  process.env["OF_THIS_PROCESS"] = "secret";
  await using source = open({ env: { EXTRA: "given" }, cwd: tmpdir() });
  const tools = await source.open(never);
  delete process.env["OF_THIS_PROCESS"];
  const seen = JSON.parse((await using(tools, "fs__process")()) as string) as Record<string, unknown>;
  expect(seen).toMatchObject({ extra: "given", cwd: expect.stringContaining(path.basename(tmpdir())) });
});

test("opened by several at once it starts one program, which close ends", async () => {
  await using source = open();
  const opened = await Promise.all([source.open(never), source.open(never), source.open(never)]);
  const pids = await Promise.all(opened.map(pidOf));
  expect(new Set(pids).size).toBe(1);
  await source.close();
  await until(() => !isAlive(pids[0] ?? 0));
  // Used again it begins anew.
  expect(await pidOf(opened[0] ?? [])).not.toBe(pids[0]);
});

test("a program that died is started again by the next call; the call it died in is not repeated", async () => {
  await using source = open();
  const tools = await source.open(never);
  const before = await pidOf(tools);
  await expect(using(tools, "fs__die")()).rejects.toThrow("Connection closed");
  expect(await pidOf(tools)).not.toBe(before);
  expect(await source.open(never)).toHaveLength(10);
});

test("an abort reaches the call at the server, and is thrown as it is", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "myelin-mcp-"));
  const notes = path.join(folder, "notes");
  try {
    await using source = open({ env: { NOTES: notes } });
    const tools = await source.open(never);
    const cancel = new AbortController();
    const call = using(tools, "fs__slow")({}, cancel.signal);
    await until(() => existsSync(notes));
    const reason = new Error("no longer wanted");
    cancel.abort(reason);
    await expect(call).rejects.toBe(reason);
    await until(() => readFileSync(notes, "utf8").includes("cancelled"));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a call without an answer ends after timeoutMs, and says so", async () => {
  await using source = open({ timeoutMs: 300 });
  const tools = await source.open(never);
  await expect(using(tools, "fs__slow")()).rejects.toThrow('"fs__slow" gave no answer within 300 ms');
});

test("an abort while it is opened is thrown; the program still starts, for the others", async () => {
  await using source = open();
  const cancel = new AbortController();
  const [mine, other] = [source.open(cancel.signal), source.open(never)];
  cancel.abort(new Error("leaving"));
  await expect(mine).rejects.toThrow("leaving");
  expect(await other).toHaveLength(10);
});

test("close ends a program that is still being opened", async () => {
  await using source = open({ fault: "silent" });
  const opening = source.open(never);
  await source.close();
  await expect(opening).rejects.toThrow("the source was closed");
});

test.each([
  ["collide", "TOOL_SOURCE_INVALID", 'its tools "a.b" and "a_b" would both be "fs__a_b"'],
  ["long", "TOOL_SOURCE_INVALID", "which is not 1 to 64 long"],
  ["endless", "TOOL_SOURCE_UNAVAILABLE", "more than 1000 pages"],
])("a server whose list is wrong (%s) is %s, and ended", async (fault, code, problem) => {
  await using source = open({ fault });
  const opening = source.open(never);
  await expect(opening).rejects.toMatchObject({ code, message: expect.stringContaining(problem) });
});

test("a server without tools has none", async () => {
  await using source = open({ fault: "no-tools" });
  expect(await source.open(never)).toEqual([]);
});

test("a program that does not start says why, without its secrets, and is tried again", async () => {
  await using source = open({ fault: "crash", env: { SECRET_TOKEN: "token-123456" } });
  const failure = { code: "TOOL_SOURCE_UNAVAILABLE", recoverable: true };
  for (const _attempt of [1, 2]) {
    await expect(source.open(never)).rejects.toMatchObject({
      ...failure,
      message: expect.stringContaining("cannot start with [redacted]"),
    });
  }
  await using nowhere = open({ command: ["/no/such/program"] });
  await expect(nowhere.open(never)).rejects.toMatchObject({ ...failure, message: expect.stringContaining("ENOENT") });
});

test("a secret in what a tool says of its failure is hidden", async () => {
  await using source = open({ env: { SECRET_TOKEN: "token-123456" } });
  const tools = await source.open(never);
  await expect(using(tools, "fs__leak")()).rejects.toThrow("the token is [redacted]");
});

describe("a server over HTTP", () => {
  test("gives its tools and results, gets the headers, and the end of the session", async () => {
    await using server = await startMcpHttpServer();
    await using source = open({ url: server.url, headers: { authorization: "Bearer of-mine-only" } });
    const tools = await source.open(never);
    expect(tools).toHaveLength(10);
    expect(await using(tools, "fs__add")({ a: 2, b: 2 })).toEqual({ sum: 4 });
    expect(server.headers.every(({ authorization }) => authorization === "Bearer of-mine-only")).toBe(true);
    expect(server.opened).toBe(1);
    await source.close();
    expect(server.ended).toBe(1);
  });

  test("a server that knows the session no more is connected to again by the call", async () => {
    await using server = await startMcpHttpServer();
    await using source = open({ url: server.url });
    const tools = await source.open(never);
    await server.forgetSessions();
    expect(await using(tools, "fs__add")({ a: 1, b: 1 })).toEqual({ sum: 2 });
    expect(server.opened).toBe(2);
  });

  test("a server that is not there is TOOL_SOURCE_UNAVAILABLE, and found when it is", async () => {
    const gone = await startMcpHttpServer();
    await gone[Symbol.asyncDispose]();
    await using source = open({ url: `${gone.url}?token=of-mine-only` });
    const failure: unknown = await source.open(never).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "TOOL_SOURCE_UNAVAILABLE", recoverable: true });
    expect((failure as Error).message).toContain("ECONNREFUSED");
    expect((failure as Error).message).not.toContain("of-mine-only");
  });
});

test.each<[Partial<McpOptions>, string]>([
  [{ name: "a__b", url: "http://x" }, 'mcp: name must be 1 to 32 of A-Z a-z 0-9 _ - without "__", got "a__b"'],
  [{ name: "a b", url: "http://x" }, "name must be"],
  [{}, '"fs" needs a command or a url'],
  [{ command: ["x"], url: "http://x" }, "and not both"],
  [{ command: [] }, "command must be a list of texts that begins with a program"],
  [{ url: "ftp://x" }, "url must begin with http:// or https://"],
  [{ url: "http://x", env: {} }, "env does not go with url"],
  [{ command: ["x"], headers: {} }, "headers does not go with command"],
  [{ url: "http://x", timeoutMs: 0 }, "timeoutMs must be a whole number between 1 and 3_600_000, got 0"],
])("refuses %j", (options, problem) => {
  expect(() => mcp({ name: "fs", ...options })).toThrow(problem);
});

expectNoLeaks();

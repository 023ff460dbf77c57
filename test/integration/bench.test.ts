/** npm run bench as a user starts it: one small case with real processes and a real server, and Ctrl-C in the middle. */
import { expect, test } from "@jest/globals";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Descendants } from "../helpers/descendants.ts";
import { until } from "../helpers/with-fleet.ts";

const MAIN = fileURLToPath(new URL("../../bench/main.ts", import.meta.url));

/** In a session of its own, so that a signal to its group reaches all of it and nobody else, as Ctrl-C does. */
function startBench(...args: string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, ["--import", "tsx", "--conditions=source", MAIN, "--no-install", ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output };
}

test("a case runs in its own processes, ends with one JSON object, and leaves no process behind", async () => {
  const { child, output } = startBench("^dispatch/transient/1$", "--json", "--rounds", "2", "--round-ms", "40");
  using descendants = new Descendants(child.pid!);
  const [code] = (await once(child, "close")) as [number | null];
  expect([code, output()]).toEqual([0, expect.stringContaining("dispatch/transient/1")]);
  // One dispatcher and two workers of each of three contenders at least, and a nats-server.
  expect(descendants.size).toBeGreaterThan(3 * 3 + 1);
  const results = JSON.parse(output().trimEnd().split("\n").at(-1)!) as Record<string, unknown>;
  expect(Object.keys(results)).toEqual(["dispatch/transient/1"]);
  const number: unknown = expect.any(Number);
  expect(results["dispatch/transient/1"]).toMatchObject({
    opsPerSec: number,
    p50Ms: number,
    p99Ms: number,
    ratios: { handWritten: number, ncRequest: number },
  });
  // A server's watcher sees a moment later that there is nothing left to watch.
  await until(() => descendants.running().length === 0);
});

test("Ctrl-C in the middle ends everything, and the exit code says so", async () => {
  const { child, output } = startBench("^dispatch/durable/64$");
  using descendants = new Descendants(child.pid!);
  while (!output().includes("starting the processes of nc-request")) await sleep(20);
  await sleep(500);
  const closed = once(child, "close") as Promise<[number | null]>;
  process.kill(-child.pid!, "SIGINT");
  const [code] = await closed;
  expect([code, output()]).toEqual([130, expect.any(String)]);
  expect(output()).not.toContain("failed");
  // A server's watcher sees a moment later that there is nothing left to watch.
  await until(() => descendants.running().length === 0);
});

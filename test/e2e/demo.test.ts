/**
 * `npm run demo` and `npm start` as a user runs them: all of it in processes of its own, to the end, and ended in the
 * middle in the ways that happen. Whatever ends it, no process and no temporary directory of it stays.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { promisify } from "node:util";
import { Descendants } from "../helpers/descendants.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { withEmptyDatabase } from "../helpers/with-database.ts";
import { until } from "../helpers/with-fleet.ts";
import { sharedNatsUrl, uniqueNamespace } from "../helpers/with-nats.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** As the npm scripts start it, from the sources; and built, as an image has it, which starts faster. */
const SOURCE = ["node", "--import", "tsx", "--conditions=source", "workers/src/demo/main.ts"];
const BUILT = ["node", "workers/dist/src/demo/main.js"];
beforeAll(() => promisify(execFile)(process.execPath, ["scripts/build.mjs", "workers"], { cwd: ROOT }));

/** What a developer may have set; a demo in a test answers from the docs, on servers of its own. */
const UNSET = [
  "NATS_URL",
  "SYNAPSE_URL",
  "DATABASE_URL",
  "MYELIN_NAMESPACE",
  "MYELIN_MODEL_URL",
  "NODE_OPTIONS",
].concat(["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "HF_TOKEN"]);

interface Demo {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** Resolves when it has printed that, on either stream. */
  said(pattern: RegExp): Promise<void>;
  /** Its processes that run now. */
  running(): string[];
  seen(): number;
  /** Temporary directories of its servers that are there. Their watchers remove them, a moment after the server. */
  leftovers(): string[];
  endedAt(pattern: RegExp): number;
}

const started: { child: ChildProcess; descendants: Descendants }[] = [];
afterEach(() => {
  for (const { child, descendants } of started.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    descendants[Symbol.dispose]();
  }
});
expectNoLeaks();

/** Start a command as a terminal does: at the head of a process group (and session) of its own. */
function startDemo(command: readonly string[], env: Record<string, string> = {}): Demo {
  const [file = "", ...args] = command;
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !UNSET.includes(name)));
  const child = spawn(file, args, {
    cwd: ROOT,
    env: { ...clean, ...env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const pid = child.pid!;
  const descendants = new Descendants(pid);
  started.push({ child, descendants });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  return {
    pid,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    said: async (pattern) => {
      let hasEnded = false;
      void ended.then(() => (hasEnded = true));
      await until(() => hasEnded || pattern.test(stdout + stderr));
      if (!pattern.test(stdout + stderr)) throw new Error(`it ended without ${String(pattern)}:\n${stdout}${stderr}`);
    },
    running: () => descendants.running(),
    seen: () => descendants.size,
    leftovers: () => descendants.temporaryDirectories(),
    endedAt: (pattern) => descendants.endedAt(pattern),
  };
}

/** Wait for its end. What it printed says why it was another. */
async function expectEnd(demo: Demo, end: number | string): Promise<void> {
  const ended = await demo.ended;
  if (ended !== end) throw new Error(`it ended with ${ended}, not ${end}:\n${demo.stdout()}${demo.stderr()}`);
}

const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1) ?? "";

/** Gateway, workers, recorder, PostgreSQL, NATS: none was gone before the one before it. */
function expectOrder(demo: Demo): void {
  const names = [/gateway\/main/, /agent\/main/, /recorder\/main/, /postgres -D/, /nats-server -a/];
  const times = names.map((name) => demo.endedAt(name));
  const order = names.map((name, at) => `${times[at]} ${name.source}`);
  expect(order).toEqual([...order].sort((a, b) => parseFloat(a) - parseFloat(b)));
}

describe("npm run demo", () => {
  test("asks its questions, both workers answer, every Signal is in Postgres, and nothing stays", async () => {
    const demo = startDemo(["npm", "run", "demo", "--", "--json"]);
    await expectEnd(demo, 0);
    const report = JSON.parse(lastLine(demo.stdout())) as Record<string, number> & { workers: Record<string, number> };
    const { asked, workers } = report;
    expect(asked).toBeGreaterThanOrEqual(8);
    expect(Object.keys(report)).toEqual([
      "asked",
      "answered",
      "runs",
      "logSignals",
      "recordedSignals",
      "missing",
      "workers",
      "p50Ms",
    ]);
    expect(report).toMatchObject({ answered: asked, runs: asked, missing: 0 });
    expect(report["logSignals"]).toBeGreaterThan(2 * asked!);
    expect(report["recordedSignals"]).toBe(report["logSignals"]);
    expect(report["p50Ms"]).toBeGreaterThan(0);
    expect(Object.keys(workers)).toHaveLength(2);
    expect(Object.values(workers).reduce((sum, count) => sum + count)).toBe(asked);

    expect(demo.stdout()).toContain("A Dendrite is the client object of Myelin");
    for (const instance of Object.keys(workers)) expect(demo.stdout()).toContain(`— worker ${instance}, `);
    expect(demo.stdout()).toMatch(
      /^ {2}TASK worker .*\n {2}├─ THOUGHT_DELTA worker .*\n(.*\n)* {2}└─ AGENT_OUTPUT worker /m,
    );
    // npm, sh, node, two servers and their watchers and processes, initdb, and our four.
    expect(demo.seen()).toBeGreaterThan(12);
    expectOrder(demo);
    expect(demo.running()).toEqual([]);
    await until(() => demo.leftovers().length === 0);
  });

  test("with servers that are there and a question that is given: uses them, in a namespace of its own", async () => {
    await using database = await withEmptyDatabase();
    const env = { NATS_URL: sharedNatsUrl(), DATABASE_URL: database.url };
    const demo = startDemo([...BUILT, "--json", "What is the capital of France?"], env);
    await expectEnd(demo, 0);
    const report = JSON.parse(lastLine(demo.stdout())) as { logSignals: number };
    expect(report).toMatchObject({
      ...{ asked: 1, answered: 1, runs: 1, recordedSignals: report.logSignals, missing: 0 },
      workers: { [/worker (dnd_\w+),/.exec(demo.stdout())![1]!]: 1 },
    });
    expect(demo.stdout()).toContain("The docs say nothing about that");
    expect(demo.running()).toEqual([]);
    const logs = await database.query("SELECT namespace FROM logs");
    expect(logs).toEqual([{ namespace: expect.stringMatching(/^demo-[0-9a-f]{8}$/) }]);
  });

  test.each<[string[], Record<string, string>, RegExp]>([
    [["--jsn"], {}, /^Unknown option '--jsn'; usage: npm run demo/],
    [[], { NATS_URL: "http://x" }, /^NATS_URL must be a URL that begins with nats:\/\/ or tls:\/\/, got "http:\/\/x"/],
    [[], { NATS_SERVER_BIN: "/nowhere/nats-server" }, /\/nowhere\/nats-server/],
  ])("%j with %j is refused in a line, with exit code 1", async (args, env, complaint) => {
    const demo = startDemo([...SOURCE, ...args], env);
    await expectEnd(demo, 1);
    const lines = demo.stderr().trimEnd().split("\n");
    expect(lines.filter((line) => !/^(starting|stopping)/.test(line))).toEqual([expect.stringMatching(complaint)]);
    expect(demo.running()).toEqual([]);
  });
});

describe("ended in the middle", () => {
  const CTRL_C = ({ pid }: Demo) => process.kill(-pid, "SIGINT");
  const PARENT_ONLY = ({ pid }: Demo) => process.kill(pid, "SIGINT");
  /** So many questions that it still asks when we act, however busy the machine is. */
  const ASKING = [...BUILT, ...Array.from({ length: 1_000 }, () => "What is a Neuron?")];

  test.each<[string, RegExp, (demo: Demo) => boolean, (demo: Demo) => boolean]>([
    ["Ctrl-C during initdb", /starting NATS and PostgreSQL/, isRunning("initdb"), CTRL_C],
    ["SIGINT to the parent only, while processes start", /starting the recorder/, () => true, PARENT_ONLY],
    ["Ctrl-C while it asks", /asking \d+ questions/, () => true, CTRL_C],
  ])("%s: all is stopped in order", async (_title, said, isSo, end) => {
    const demo = startDemo(ASKING);
    await demo.said(said);
    await until(() => isSo(demo));
    end(demo);
    await expectEnd(demo, 130);
    expect(demo.running()).toEqual([]);
    // No process complained about another that went before it.
    expect(
      demo
        .stderr()
        .split("\n")
        .filter((line) => line !== "" && !/^(starting|asking|stopping)/.test(line)),
    ).toEqual([]);
    await until(() => demo.leftovers().length === 0);
  });

  test("kill -9 of the parent: everything ends by itself", async () => {
    const demo = startDemo(ASKING);
    await demo.said(/asking \d+ questions/);
    process.kill(demo.pid, "SIGKILL");
    await expectEnd(demo, "SIGKILL");
    await until(() => demo.running().length === 0);
    await until(() => demo.leftovers().length === 0);
  });
});

test("kill -9 of the npm that started it: everything ends by itself, in order", async () => {
  await using database = await withEmptyDatabase();
  const demo = startDemo(["npm", "run", "demo", "--", "--keep", "What is a run?"], {
    ...{ NATS_URL: sharedNatsUrl(), DATABASE_URL: database.url, MYELIN_NAMESPACE: uniqueNamespace("npm") },
  });
  await demo.said(/starting the recorder/);
  process.kill(demo.pid, "SIGKILL");
  await until(() => demo.running().length === 0);
});

/** Whether a process of that name runs; `postgres` is what initdb runs too, so it is found by its own. */
function isRunning(name: string): (demo: Demo) => boolean {
  return (demo) => demo.running().some((line) => line.endsWith(` ${name}`));
}

describe("npm start", () => {
  test("stays until Ctrl-C, answers meanwhile, prints what to try, and exits 0", async () => {
    await using database = await withEmptyDatabase();
    const namespace = uniqueNamespace("start");
    const env = { NATS_URL: sharedNatsUrl(), DATABASE_URL: database.url, MYELIN_NAMESPACE: namespace };
    const demo = startDemo([...BUILT, "--keep", "What is a Synapse?"], env);
    await demo.said(/Running until Ctrl-C[\s\S]*DATABASE_URL=\S+/);
    const [, url] = /curl -s (http:\S+)\/ask/.exec(demo.stdout())!;
    const response = await fetch(`${url}/ask`, {
      method: "POST",
      headers: { "content-type": "application/json", connection: "close" },
      body: JSON.stringify({ prompt: "What is a Neuron?" }),
    });
    expect(await response.json()).toMatchObject({ response: expect.stringContaining("plain function") });
    expect(demo.stdout()).toContain(`SYNAPSE_URL=${sharedNatsUrl()}`);
    process.kill(-demo.pid, "SIGINT");
    await expectEnd(demo, 0);
    expect(demo.running()).toEqual([]);
  });
});

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { connectSynapse } from "@myelin/bus";
import { Dendrite } from "@myelin/dendrite";
import { spawnNode, type NodeProcess } from "@myelin/dev";
import { compilePrograms, type Programs } from "../../scripts/compile-programs.ts";
import { deferred } from "../helpers/with-fleet.ts";
import { sharedNatsUrl, uniqueNamespace } from "../helpers/with-nats.ts";

const TASKS = 1_000;

let programs: Programs<"replica.ts">;
beforeAll(async () => {
  programs = await compilePrograms("test/e2e/programs", ["replica.ts"]);
});
afterAll(async () => {
  await programs[Symbol.asyncDispose]();
});

/** Two worker processes of one neuron id, a dispatcher here, and the file the workers write to. */
class Replicas implements AsyncDisposable {
  readonly namespace = uniqueNamespace("replicas");
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), "replicas-"));
  readonly journal = path.join(this.#folder, "executions");
  readonly workers: NodeProcess[] = [];

  async start(options: { ackWaitMs?: number; workMs?: number } = {}): Promise<NodeProcess> {
    const ready = deferred();
    const { ackWaitMs = 30_000, workMs = 0 } = options;
    const worker = spawnNode({
      file: fileURLToPath(programs.fileOf("replica.ts")),
      args: [sharedNatsUrl(), this.namespace, this.journal, String(ackWaitMs), String(workMs)],
      onLine: (line) => (line === "ready" ? ready.resolve() : process.stderr.write(`${line}\n`)),
    });
    this.workers.push(worker);
    await Promise.race([ready.promise, worker.exited.then(() => Promise.reject(new Error("the worker exited")))]);
    return worker;
  }

  executions(): { by: string; n: number }[] {
    const lines = readFileSync(this.journal, "utf8").trimEnd().split("\n");
    return lines.map((line) => {
      const [by = "", n = ""] = line.split(" ");
      return { by, n: Number(n) };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
    rmSync(this.#folder, { recursive: true });
  }
}

describe("two replicas of one neuron", () => {
  test("A2: 1,000 dispatches are 1,000 executions, and both replicas work", async () => {
    await using replicas = new Replicas();
    await Promise.all([replicas.start(), replicas.start()]);
    await using synapse = await connectSynapse(sharedNatsUrl());
    await using dispatcher = new Dendrite({ synapse, namespace: replicas.namespace, discoverMs: 5_000 });
    const replies = await Promise.all(
      Array.from({ length: TASKS }, (_, n) => dispatcher.dispatchAndWait({ neuron: "count", input: { n } })),
    );
    expect(replies.map((one) => one.payload.output.n)).toEqual(Array.from({ length: TASKS }, (_, n) => n));
    const executions = replicas.executions();
    expect(executions).toHaveLength(TASKS);
    expect(new Set(executions.map((one) => one.n)).size).toBe(TASKS);
    const perReplica = new Map<string, number>();
    for (const { by } of executions) perReplica.set(by, (perReplica.get(by) ?? 0) + 1);
    expect(perReplica.size).toBe(2);
    expect(Math.min(...perReplica.values())).toBeGreaterThan(TASKS / 10);
  });

  test("A1: kill -9 of one in the middle: all 1,000 are answered, and only what it was running ran twice", async () => {
    await using replicas = new Replicas();
    const options = { ackWaitMs: 2_000, workMs: 20 };
    const [victim] = await Promise.all([replicas.start(options), replicas.start(options)]);
    await using synapse = await connectSynapse(sharedNatsUrl());
    await using dispatcher = new Dendrite({
      synapse,
      namespace: replicas.namespace,
      ackWaitMs: 2_000,
      discoverMs: 5_000,
    });
    let answered = 0;
    const replies = await Promise.all(
      Array.from({ length: TASKS }, async (_, n) => {
        const reply = await dispatcher.dispatchAndWait({ neuron: "count", input: { n }, timeoutMs: 120_000 });
        if (++answered === TASKS / 4) victim.kill("SIGKILL");
        return reply;
      }),
    );
    expect(await victim.exited).toMatchObject({ signal: "SIGKILL" });
    expect(new Set(replies.map((one) => one.payload.output.n)).size).toBe(TASKS);
    const executions = replicas.executions();
    expect(new Set(executions.map((one) => one.n)).size).toBe(TASKS);
    // What the victim had started when it died, and nothing else, was started again: its eight slots at most.
    expect(executions.length).toBeLessThanOrEqual(TASKS + 8);
  });
});

describe("a flood of queued tasks", () => {
  const FLOOD = 3_000;
  const URGENT = 10;

  test("does not make the busy worker grow, and the next high tasks are served at once", async () => {
    await using replicas = new Replicas();
    const worker = await replicas.start({ workMs: 20 });
    await using synapse = await connectSynapse(sharedNatsUrl());
    await using dispatcher = new Dendrite({ synapse, namespace: replicas.namespace, discoverMs: 5_000 });
    const ask = (n: number, priority?: "high") =>
      dispatcher.dispatchAndWait({ neuron: "count", input: { n }, priority, timeoutMs: 120_000 });
    await Promise.all(Array.from({ length: 200 }, (_, n) => ask(n)));
    const before = residentBytes(worker.pid);
    await Promise.all(
      Array.from({ length: FLOOD }, (_, n) => dispatcher.dispatch({ neuron: "count", input: { n: 1_000 + n } })),
    );
    let passedBy = 0;
    for (let n = 0; n < URGENT; n++) {
      const from = replicas.executions().length;
      await ask(10_000 + n, "high");
      const executions = replicas.executions();
      // Those that ran when it was sent, and those that started before the worker had heard of it.
      passedBy = Math.max(passedBy, executions.findIndex((one) => one.n === 10_000 + n) - from);
    }
    // Most of the flood still waits: they went before it.
    expect(replicas.executions().length).toBeLessThan(FLOOD / 2);
    expect(passedBy).toBeLessThan(100);
    if (before !== null) expect(residentBytes(worker.pid)! - before).toBeLessThan(64 * 1024 ** 2);
    worker.kill("SIGKILL");
  });
});

/** What the operating system has given to a process; null where it does not say. */
function residentBytes(pid: number): number | null {
  if (process.platform !== "linux") return null;
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

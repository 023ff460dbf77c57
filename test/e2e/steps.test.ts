/** kill -9 of a worker at each kind of place in a run with steps; another process finishes it. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { connectSynapse } from "@myelin/bus";
import { Dendrite, type NeuronError } from "@myelin/dendrite";
import { spawnNode, type NodeProcess } from "@myelin/dev";
import { compilePrograms, type Programs } from "../../scripts/compile-programs.ts";
import { sharedNatsUrl, uniqueNamespace } from "../helpers/with-nats.ts";

let programs: Programs<"stepper.ts">;
beforeAll(async () => {
  programs = await compilePrograms("test/e2e/programs", ["stepper.ts"]);
});
afterAll(async () => {
  await programs[Symbol.asyncDispose]();
});

/** Workers that are replaced as soon as they die, and one task for them. */
async function run(
  dieAt: string,
): Promise<{ output: unknown; error: NeuronError | null; effects: string[]; deaths: number }> {
  const namespace = uniqueNamespace("stepper");
  const folder = mkdtempSync(path.join(os.tmpdir(), "stepper-"));
  const file = path.join(folder, "effects");
  let [deaths, isOver] = [0, false];
  const workers = new Set<NodeProcess>();
  const start = () => {
    const worker = spawnNode({
      file: fileURLToPath(programs.fileOf("stepper.ts")),
      args: [sharedNatsUrl(), namespace, file],
      onLine: (line) => void (line === "ready" || process.stderr.write(`${line}\n`)),
    });
    workers.add(worker);
    void worker.exited.then(() => {
      workers.delete(worker);
      if (isOver) return;
      deaths++;
      start();
    });
  };
  start();
  start();
  try {
    await using synapse = await connectSynapse(sharedNatsUrl());
    await using dispatcher = new Dendrite({ synapse, namespace, ackWaitMs: 500 });
    const outcome = await dispatcher
      .dispatchAndWait({ neuron: "stepper", input: { dieAt }, whenAbsent: "wait", timeoutMs: 120_000 })
      .then(
        ({ payload }) => ({ output: payload.output, error: null }),
        (error: unknown) => ({ output: null, error: error as NeuronError }),
      );
    const effects = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
    return { ...outcome, effects, deaths };
  } finally {
    isOver = true;
    await Promise.all([...workers].map((worker) => worker.stop()));
    rmSync(folder, { recursive: true });
  }
}

test("J2: killed between two steps, each step's effect happened once", async () => {
  const { output, effects, deaths } = await run("between");
  expect(output).toEqual({ a: "done a", b: "done b", attempt: 2 });
  expect(effects).toEqual(["a", "b"]);
  expect(deaths).toBe(1);
});

test("killed between an effect and its acknowledgement, a repeatable step happens again, and no other", async () => {
  const { output, effects } = await run("inside");
  expect(output).toEqual({ a: "done a", b: "done b", attempt: 2 });
  expect(effects).toEqual(["a", "b", "b"]);
});

test("J3: killed there, an announced step does not happen again: the run ends in STEP_IN_DOUBT", async () => {
  const { error, effects } = await run("announced");
  expect(error).toMatchObject({ code: "STEP_IN_DOUBT" });
  expect(effects).toEqual(["a", "b"]);
});

test("A1: a task that kills every worker is started maxAttempts times, and then answered ATTEMPTS_EXHAUSTED", async () => {
  const { error, deaths } = await run("always");
  expect(error).toMatchObject({ code: "ATTEMPTS_EXHAUSTED" });
  expect(deaths).toBe(3);
});

/** A run whose child asks a person, over processes that die: nobody holds either of them while they wait. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { fileURLToPath } from "node:url";
import { connectSynapse } from "@myelin/bus";
import { Dendrite } from "@myelin/dendrite";
import { compilePrograms, type Programs } from "../../scripts/compile-programs.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { startProgram } from "../helpers/program.ts";
import { sharedNatsUrl, uniqueNamespace } from "../helpers/with-nats.ts";

expectNoLeaks();

let programs: Programs<"delegating-worker.ts">;
beforeAll(async () => {
  programs = await compilePrograms("test/e2e/programs", ["delegating-worker.ts"]);
});
afterAll(async () => {
  await programs[Symbol.asyncDispose]();
});

test("J2: parent and child wait with no worker alive, are answered, and end in another process", async () => {
  const namespace = uniqueNamespace("delegating");
  const file = fileURLToPath(programs.fileOf("delegating-worker.ts"));
  const start = () => startProgram(file, { execArgv: [], args: [sharedNatsUrl(), namespace] });
  await using synapse = await connectSynapse(sharedNatsUrl());
  const first = start();
  await first.line(/^ready/);
  let [runId, child] = ["", ""];
  {
    await using caller = new Dendrite({ synapse, namespace });
    const run = await caller.run("support", { text: "Refund it" });
    expect(run).toMatchObject({ status: "waiting_child", pause: { pending: [{ childAgent: "clerk" }] } });
    [runId, child] = [run.runId, run.pause!.pending[0]!.childRunId!];
  }
  process.kill(first.pid, "SIGKILL");
  await first.exited;

  await using approver = new Dendrite({ synapse, namespace });
  await approver.submitApproval(child, { approved: true, by: "ada" });
  const second = start();
  try {
    const end = await approver.runs.wait(runId, { onPause: "wait", timeoutMs: 60_000 });
    expect(end).toMatchObject({ status: "success", answer: `It said It said refunded by ${second.pid}` });
  } finally {
    await second.stop();
  }
});

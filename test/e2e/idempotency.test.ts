import { expect, test } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { connectSynapse } from "@myelin/bus";
import { Dendrite } from "@myelin/dendrite";
import { compilePrograms } from "../../scripts/compile-programs.ts";
import { startProgram } from "../helpers/program.ts";
import { until } from "../helpers/with-fleet.ts";
import { sharedNatsUrl, uniqueNamespace } from "../helpers/with-nats.ts";

test("50 callers of one key in two processes, one of them killed -9: one execution, and the reply for all who are left", async () => {
  const namespace = uniqueNamespace("keyed");
  const folder = mkdtempSync(path.join(os.tmpdir(), "keyed-"));
  const journal = path.join(folder, "executions");
  const executions = () => readFileSync(journal, { encoding: "utf8", flag: "a+" }).trimEnd().split("\n");
  const url = sharedNatsUrl();
  await using programs = await compilePrograms("test/e2e/programs", ["replica.ts", "keyed-caller.ts"]);
  const start = (name: "replica.ts" | "keyed-caller.ts", args: string[]) =>
    startProgram(programs.fileOf(name).pathname, { args });
  const worker = start("replica.ts", [url, namespace, journal, "30000", "1500"]);
  const call = () => start("keyed-caller.ts", [url, namespace, "order 17", "25"]);
  const callers = [call(), call()] as const;
  await using synapse = await connectSynapse(url);
  await using dendrite = new Dendrite({ synapse, namespace });
  try {
    await Promise.all(callers.map((caller) => caller.line(/calling/)));
    await until(() => executions()[0] !== "");
    const [victim, other] = callers;
    victim.kill("SIGKILL");
    expect(await victim.exited).toMatchObject({ signal: "SIGKILL" });
    expect(await other.exited).toMatchObject({ code: 0 });
    const replies = other.lines.filter((line) => line.startsWith("{"));
    expect(replies).toHaveLength(25);
    expect(new Set(replies).size).toBe(1);
    const reply = await dendrite.reattach({ idempotencyKey: "order 17", neuron: "count" });
    expect(JSON.stringify(reply)).toBe(replies[0]);
    expect(executions()).toHaveLength(1);
  } finally {
    await Promise.all([worker, ...callers].map((one) => one.stop()));
    rmSync(folder, { recursive: true });
  }
});

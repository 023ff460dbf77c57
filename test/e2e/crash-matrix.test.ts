/**
 * The crash matrix: a run of three iterations with two tools and one approval, whose worker is killed (-9) at one point after
 * the other: before and after every append, every model call, every effect. Another worker goes on, and in the end what is on
 * record is what an undisturbed run leaves, but for attempts, times and ids.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { connectSynapse, type Synapse } from "@myelin/bus";
import { Dendrite, type RunResult } from "@myelin/dendrite";
import { Recorder } from "@myelin/runs";
import { compilePrograms, type Programs } from "../../scripts/compile-programs.ts";
import { startProgram, type Program } from "../helpers/program.ts";
import { withDatabase, type TestDatabase } from "../helpers/with-database.ts";
import { sharedNatsUrl, uniqueNamespace } from "../helpers/with-nats.ts";
import type { AgentWorkerArgument } from "./programs/agent-worker.ts";

/** Workers that die at the same time, on two processors. */
const AT_ONCE = 8;

/** Model calls by namespace, which the user's text names, and by how many results they had seen. */
const calls = new Map<string, number[]>();
let model: Server;
let modelUrl: string;
let programs: Programs<"agent-worker.ts">;
let folder: string;
let database: TestDatabase;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), "crash-matrix-"));
  database = await withDatabase();
  programs = await compilePrograms("test/e2e/programs", ["agent-worker.ts"]);
  model = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { messages } = JSON.parse(Buffer.concat(chunks).toString()) as {
        messages: { role: string; content: string }[];
      };
      const namespace = messages.find(({ role }) => role === "user")!.content;
      const results = messages.filter(({ role }) => role === "tool").length;
      calls.set(namespace, [...(calls.get(namespace) ?? []), results]);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(answerTo(namespace, results));
    });
  });
  await new Promise<void>((resolve) => model.listen(0, "127.0.0.1", resolve));
  modelUrl = `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`;
});

afterAll(async () => {
  model.closeAllConnections();
  await new Promise((resolve) => model.close(resolve));
  await programs[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** First it searches, then it refunds, then it says so; streamed, as the agent asks for it. */
function answerTo(namespace: string, results: number): string {
  const name = ["search", "refund"][results];
  const call = {
    index: 0,
    id: `call_${results}`,
    type: "function",
    function: { name, arguments: `{"of":"${namespace}"}` },
  };
  const delta = {
    role: "assistant",
    ...(name ? { content: null, tool_calls: [call] } : { content: "It is refunded." }),
  };
  const chunk = (more: object) => {
    const head = { id: `chatcmpl-${results}`, object: "chat.completion.chunk", created: 1, model: "scripted-1" };
    return `data: ${JSON.stringify({ ...head, ...more })}\n\n`;
  };
  return [
    chunk({ choices: [{ index: 0, delta, finish_reason: null }] }),
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: name ? "tool_calls" : "stop" }] }),
    chunk({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } }),
    "data: [DONE]\n\n",
  ].join("");
}

interface Outcome {
  readonly namespace: string;
  readonly runId: string;
  /** Where it died; null for one that did not. */
  readonly diedAt: string | null;
  readonly result: RunResult;
  /** Names of the tools that acted, in their order. */
  readonly effects: readonly string[];
  readonly wasInDoubt: boolean;
  /** Points that the first worker came by, the one it died at last. */
  readonly points: readonly string[];
}

const startWorker = (argument: AgentWorkerArgument): Program =>
  startProgram(programs.fileOf("agent-worker.ts").pathname, { args: [JSON.stringify(argument)] });

function effectsIn(file: string): string[] {
  return existsSync(file)
    ? readFileSync(file, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => line.split(" ")[1]!)
    : [];
}

/** One run, whose first worker dies at point `dieAt` (0: it lives). */
async function play(dieAt: number): Promise<Outcome> {
  const namespace = uniqueNamespace("crash");
  const effects = path.join(folder, namespace);
  const argument = { url: sharedNatsUrl(), namespaces: [namespace], modelUrl, effects, dieAt };
  const victim = startWorker(argument);
  await using synapse = await connectSynapse(sharedNatsUrl());
  await using caller = new Dendrite({ synapse, namespace, ackWaitMs: 3_000 });
  await victim.line(/^ready$/);
  let heir: Program | undefined;
  const died = victim.exited.then(({ signal }) => {
    if (signal === "SIGKILL") heir = startWorker({ ...argument, dieAt: 0 });
  });
  try {
    let wasInDoubt = false;
    let result = await caller.run("support", { text: namespace, timeoutMs: 60_000 });
    while (result.pause) {
      const { reason, pending } = result.pause;
      wasInDoubt ||= reason === "in_doubt";
      // Whoever is asked whether a tool may run again looks whether it did.
      const hasHappened = effectsIn(effects).includes(pending[0]!.toolName);
      const submitted = await caller.submitApproval(result.runId, {
        approved: !hasHappened,
        by: "ann",
        timeoutMs: 60_000,
      });
      result = await submitted.result({ timeoutMs: 60_000 });
    }
    await (dieAt > 0 ? died : victim.stop());
    const points = victim.lines.filter((line) => line.startsWith("point "));
    await record(synapse, namespace);
    const diedAt = dieAt > 0 ? (points.at(-1) ?? null) : null;
    return { namespace, runId: result.runId, diedAt, result, effects: effectsIn(effects), wasInDoubt, points };
  } finally {
    await Promise.all([victim.stop(), heir?.stop()]);
  }
}

async function record(synapse: Synapse, namespace: string): Promise<void> {
  const bus = await synapse.open(namespace);
  const recorder = new Recorder({ bus, databaseUrl: database.url });
  await recorder.start();
  await recorder.waitFor((await bus.info()).lastSeq);
  await recorder.drain();
}

/** What is on record of a run, with names in place of ids and without what a second attempt may change. */
async function story({ runId, namespace }: Outcome): Promise<unknown> {
  const ids = new Map<string, string>([[namespace, "<namespace>"]]);
  const named = (value: unknown): unknown => {
    const text = JSON.stringify(value).replaceAll(namespace, "<namespace>");
    return JSON.parse(
      text.replaceAll(/\b(run|trc|evt|call|llm|pause|pse|dnd)_(?:[0-9A-Z]{26}|[0-9a-f]{32})\b/g, (id, kind: string) => {
        if (!ids.has(id)) ids.set(id, `<${kind} ${ids.size}>`);
        return ids.get(id)!;
      }),
    ) as unknown;
  };
  const rows = async (table: string, order: string) => {
    const found = await database.query(`SELECT * FROM ${table} WHERE run_id = $1 ORDER BY ${order}`, [runId]);
    return found.map((row) => without(row));
  };
  const events = (await rows("run_events", "sequence_index")).filter(
    ({ event_type }) => !String(event_type).startsWith("attempt."),
  );

  return named({
    events,
    calls: await rows("llm_calls", "created_at, iteration_index"),
    tools: await rows("tool_invocations", "order_index"),
    messages: await rows("messages", "order_index"),
    runs: await rows("runs", "run_id"),
  });
}

/** What a second attempt may change: times, durations, places in the log, and how often it was tried. */
const VARIES = /(_at|_ms|^seq|_seq|_index_at|attempts|_index|^log_id|terminals|deadline)$/;
function without(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !VARIES.test(key))
      .map(([key, inner]) => [
        key,
        typeof inner === "object" && inner !== null && !Array.isArray(inner) && !(inner instanceof Date)
          ? without(inner as Record<string, unknown>)
          : inner,
      ]),
  );
}

describe("J2, J3: a worker that is killed at any point of an agent's run", () => {
  let undisturbed: Outcome;
  const outcomes: Outcome[] = [];

  beforeAll(async () => {
    undisturbed = await play(0);
    const points = undisturbed.points.map((_, at) => at + 1);
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let next = points.shift(); next !== undefined; next = points.shift()) outcomes.push(await play(next));
      }),
    );
    outcomes.sort((one, other) => pointOf(one) - pointOf(other));
  });

  const pointOf = ({ diedAt }: Outcome) => Number(diedAt?.split(" ")[1]);
  const nameOf = ({ diedAt }: Outcome) => diedAt?.split(" ").slice(2).join(" ") ?? "";

  test("undisturbed: three model calls, each tool once, one approval", async () => {
    expect(undisturbed.result).toMatchObject({ status: "success", answer: "It is refunded.", iterationCount: 3 });
    expect(undisturbed.effects).toEqual(["search", "refund"]);
    expect(calls.get(undisturbed.namespace)).toEqual([0, 1, 2]);
    // Every kind of boundary is among the points.
    const names = undisturbed.points.map((line) => line.split(" ").slice(2).join(" "));
    for (const kind of [
      "tool.started",
      "tool.completed",
      "run.paused",
      "run.completed",
      "PERMISSION",
      "AGENT_OUTPUT",
    ]) {
      expect(names.some((name) => name.startsWith("before ") && name.includes(kind))).toBe(true);
      expect(names.some((name) => name.startsWith("after ") && name.includes(kind))).toBe(true);
    }
  });

  test("each time it died where it should, and another finished the run", () => {
    expect(outcomes.map(pointOf)).toEqual(undisturbed.points.map((_, at) => at + 1));
    for (const { result } of outcomes) expect(result.status).toBe("success");
  });

  test("the model saw each acknowledged call once; the one under way or not yet acknowledged at most twice", () => {
    for (const outcome of outcomes) {
      const seen = calls.get(outcome.namespace)!;
      const repeated = seen.filter((results, at) => seen.indexOf(results) !== at);
      expect([nameOf(outcome), new Set(seen).size]).toEqual([nameOf(outcome), 3]);
      // From the request to the acknowledgement of its answer's entry: the only place where a call is paid twice.
      const countOf = (name: RegExp) => outcome.points.filter((line) => name.test(line)).length;
      const unacknowledged = countOf(/before the model$/) - countOf(/after .*llm\.completed/);
      expect([nameOf(outcome), repeated.length <= unacknowledged]).toEqual([nameOf(outcome), true]);
      expect(unacknowledged).toBeLessThanOrEqual(1);
    }
  });

  test("the refund happened once, whatever died; the search, which may be repeated, at most twice", () => {
    for (const outcome of outcomes) {
      const count = (name: string) => outcome.effects.filter((one) => one === name).length;
      expect([nameOf(outcome), count("refund")]).toEqual([nameOf(outcome), 1]);
      expect(count("search")).toBeGreaterThanOrEqual(1);
      expect(count("search")).toBeLessThanOrEqual(2);
    }
  });

  test("somebody was asked exactly where a refund was announced and its end is not on record", () => {
    const asked = outcomes.filter(({ wasInDoubt }) => wasInDoubt).map(nameOf);
    expect(asked.length).toBeGreaterThanOrEqual(2);
    for (const name of asked)
      expect(name).toMatch(/tool\.started|the effect of refund|before tool\.completed|the model/);
  });

  test("events and tables are those of the undisturbed run", async () => {
    const wanted = await story(undisturbed);
    for (const outcome of outcomes) {
      if (outcome.wasInDoubt) continue; // it has a pause more: what it answered is checked above
      expect({ at: nameOf(outcome), ...((await story(outcome)) as object) }).toEqual({
        at: nameOf(outcome),
        ...(wanted as object),
      });
    }
  });
});

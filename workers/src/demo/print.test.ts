import { expect, test } from "@jest/globals";
import type { StoredSignal, TraceNode } from "@myelin/runs";
import { answerLines, countLines, traceLines } from "./print.ts";

const signal = (seq: number, type: string, ms: number) =>
  ({
    seq,
    type,
    storedAt: new Date(ms),
    directed: { id: "worker", type: null, capabilities: [] },
  }) as unknown as StoredSignal;

test("a trace is drawn as a tree", () => {
  const trace: TraceNode[] = [
    {
      signal: signal(3, "TASK", 1_000),
      children: [
        { signal: signal(4, "TASK", 1_010), children: [{ signal: signal(5, "ERROR", 1_020), children: [] }] },
        { signal: signal(6, "AGENT_OUTPUT", 1_030), children: [] },
      ],
    },
  ];
  expect(traceLines(trace).map((line) => line.replace(/ +/g, " ").trim())).toEqual([
    "TASK worker 0 ms log 3",
    "├─ TASK worker 10 ms log 4",
    "│ └─ ERROR worker 20 ms log 5",
    "└─ AGENT_OUTPUT worker 30 ms log 6",
  ]);
});

test("an answer is short, on lines of a screen, with the worker and the time", () => {
  const answer = {
    question: "Why?",
    response: "because ".repeat(100),
    instance: "dnd_1",
    ms: 12.34,
    runId: "",
    traceId: "",
  };
  const lines = answerLines(answer);
  expect(lines.at(-1)).toBe("  — worker dnd_1, 12 ms");
  expect(lines.join("\n").length).toBeLessThan(400);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(102);
  expect(answerLines({ question: "Why?", problem: "503 no worker" }).at(-1)).toBe("  no answer: 503 no worker");
});

test("what is missing is listed", () => {
  const story = { runs: 1, logSignals: 3, recordedSignals: 2, missing: ["7 TASK"], trace: [] };
  const text = countLines(story, 1, new Map([["dnd_1", 1]])).join("\n");
  expect(text).toContain("3 in the log, 2 of them rows in Postgres, 1 missing");
  expect(text).toContain("missing: 7 TASK");
});

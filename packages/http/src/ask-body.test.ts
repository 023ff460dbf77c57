import { newTraceId } from "@myelin/bus";
import { describe, expect, test } from "@jest/globals";
import { askBodyParser } from "./ask-body.ts";
import { HttpProblem } from "./problem.ts";

const parse = askBodyParser(60_000);

function problemOf(body: unknown): HttpProblem {
  try {
    parse(body);
  } catch (error) {
    if (error instanceof HttpProblem) return error;
    throw error;
  }
  throw new Error("the body was accepted");
}

describe("the body of /ask", () => {
  test("takes a prompt alone, and everything that is known", () => {
    expect(parse({ prompt: "hi" })).toEqual({ prompt: "hi" });
    const all = { prompt: "hi", metadata: { thread_id: "t", n: 1 }, traceId: newTraceId(), timeoutMs: 60_000 };
    expect(parse(all)).toEqual(all);
  });

  test.each([
    [undefined, 'the body must be an object like {"prompt": "…"}, got none'],
    [null, 'the body must be an object like {"prompt": "…"}, got null'],
    [[1], 'the body must be an object like {"prompt": "…"}, got [1]'],
    ["hi", 'the body must be an object like {"prompt": "…"}, got "hi"'],
    [{}, "prompt must be text, got none"],
    [{ prompt: 7 }, "prompt must be text, got 7"],
    [{ prompt: "  " }, 'prompt must be text that is not empty, got "  "'],
    [{ prompt: "a", timeoutMs: 0 }, "timeoutMs must be at least 1, got 0"],
    [{ prompt: "a", timeoutMs: 1.5 }, "timeoutMs must be a whole number, got 1.5"],
    [{ prompt: "a", timeoutMs: "10" }, 'timeoutMs must be a whole number, got "10"'],
    [{ prompt: "a", timeoutMs: 60_001 }, "timeoutMs must be at most 60000, got 60001"],
    [{ prompt: "a", traceId: "run_1" }, 'traceId must be trc_ and at most 60 of A-Z a-z 0-9 _ -, got "run_1"'],
    [{ prompt: "a", metadata: [] }, "metadata must be an object, got []"],
    [{ prompt: "a", timeout: 3 }, "timeout unknown key; known are prompt, metadata, traceId, timeoutMs"],
  ])("refuses %j and says what is wrong", (body, detail) => {
    expect(problemOf(body)).toMatchObject({ status: 400, code: "BAD_BODY", message: detail });
  });

  test("names every wrong field, for programs too", () => {
    const problem = problemOf({ prompt: "", timeoutMs: -1 });
    expect(problem.members["errors"]).toEqual([
      { path: "prompt", message: 'must be text that is not empty, got ""' },
      { path: "timeoutMs", message: "must be at least 1, got -1" },
    ]);
  });

  test("a wrong value nested too deeply to be shown is 400 all the same", () => {
    const deep: unknown = JSON.parse("[".repeat(200_000) + "]".repeat(200_000));
    expect(problemOf({ prompt: deep })).toMatchObject({
      status: 400,
      message: "prompt must be text, got a value nested too deeply to show",
    });
  });

  test("repeats neither long values nor a thousand keys to their sender", () => {
    const long = problemOf({ prompt: ["x".repeat(5_000)] });
    expect(long.message.length).toBeLessThan(200);
    const many = problemOf(Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`${at}`.repeat(100), at])));
    expect(many.message.length).toBeLessThan(2_000);
  });
});

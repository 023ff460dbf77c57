import { describe, expect, test } from "@jest/globals";
import { parseDemoArguments } from "./arguments.ts";

describe("parseDemoArguments", () => {
  test("asks at least eight questions of its own, or those given", () => {
    const { questions, isJson, isKept } = parseDemoArguments([]);
    expect(questions.length).toBeGreaterThanOrEqual(8);
    expect(new Set(questions).size).toBe(questions.length);
    expect([isJson, isKept]).toEqual([false, false]);
    expect(parseDemoArguments(["--json", "What?", "--keep", "Why?"])).toEqual({
      questions: ["What?", "Why?"],
      isJson: true,
      isKept: true,
    });
  });

  test.each([
    [["--jsn"], "Unknown option '--jsn'; usage:"],
    [["--json=yes"], "usage:"],
    [[" "], 'a question must have text in it, got " "; usage:'],
  ])("refuses %j with one line that says the usage", (args, message) => {
    expect(() => parseDemoArguments(args)).toThrow(message);
    expect(() => parseDemoArguments(args)).toThrow(/^[^\n]*$/);
  });
});

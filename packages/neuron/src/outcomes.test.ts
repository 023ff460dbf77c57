import { describe, expect, test } from "@jest/globals";
import { NeuronFailure } from "./errors.ts";
import { clarify, escalate, isNeuronOutcome, permission } from "./outcomes.ts";

describe("outcomes", () => {
  test("carry what was given, and name what was not with null or {}", () => {
    expect(clarify("Which one?", { options: ["a", "b"] })).toMatchObject({
      kind: "clarification",
      question: "Which one?",
      context: { options: ["a", "b"] },
    });
    expect(permission("delete /tmp/x")).toMatchObject({
      kind: "permission",
      action: "delete /tmp/x",
      scope: null,
      reason: null,
      context: {},
    });
    expect(permission("pay", { scope: "this run", reason: "over 100", context: { amount: 120 } })).toMatchObject({
      scope: "this run",
      reason: "over 100",
      context: { amount: 120 },
    });
    expect(escalate("too hard")).toMatchObject({ kind: "escalation", reason: "too hard", target: null, context: {} });
    expect(escalate("too hard", { target: "expert" })).toMatchObject({ target: "expert" });
  });

  test("are recognised, and data of the same shape is not", () => {
    for (const outcome of [clarify("q"), permission("a"), escalate("r")]) {
      expect(isNeuronOutcome(outcome)).toBe(true);
      // What came over the wire, or from a model, is data.
      expect(isNeuronOutcome(JSON.parse(JSON.stringify(outcome)))).toBe(false);
    }
    for (const data of [
      { kind: "clarification", question: "q", context: {} },
      null,
      undefined,
      "clarification",
      7,
      [],
    ]) {
      expect(isNeuronOutcome(data)).toBe(false);
    }
  });

  test("are frozen, and keep a copy of the context", () => {
    const context = { step: 1 };
    const outcome = clarify("q", context);
    context.step = 2;
    expect(outcome.context).toEqual({ step: 1 });
    expect(Object.isFrozen(outcome)).toBe(true);
  });

  test("without a text are refused as OUTCOME_INVALID with the value", () => {
    expect(() => clarify(" ")).toThrow('clarify(question) needs a text, got " "');
    expect(() => permission(undefined as unknown as string)).toThrow("permission(action) needs a text, got undefined");
    expect(() => escalate(3 as unknown as string)).toThrow("escalate(reason) needs a text, got 3");
    expect(() => clarify("")).toThrow(NeuronFailure);
    expect(() => clarify("")).toThrow(expect.objectContaining({ code: "OUTCOME_INVALID", recoverable: false }));
  });

  test("an escalation to something that is no neuron id is refused", () => {
    expect(() => escalate("r", { target: "run_1" })).toThrow('got "run_1"');
    expect(() => escalate("r", { target: "a b" })).toThrow(expect.objectContaining({ code: "OUTCOME_INVALID" }));
  });
});

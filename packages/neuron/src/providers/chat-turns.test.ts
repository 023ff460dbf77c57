import { describe, expect, test } from "@jest/globals";
import type { JsonObject } from "../outcomes.ts";
import { toChatTurns, toFollowUpTurns } from "./chat-turns.ts";

describe("toChatTurns", () => {
  test.each(["prompt", "text", "query", "content"])("reads %s as one user turn", (key) => {
    expect(toChatTurns({ other: 1, [key]: "hello" })).toEqual([{ role: "user", content: "hello" }]);
  });

  test("takes the first of prompt, text, query, content; null counts as absent", () => {
    expect(toChatTurns({ content: "d", query: "c", text: "b", prompt: null })).toEqual([
      { role: "user", content: "b" },
    ]);
  });

  test("takes messages before a prompt, and drops what else a message holds", () => {
    const messages = [
      { role: "system", content: "be brief" },
      { role: "user", content: "hi", name: "ann" },
      { role: "assistant", content: "hello" },
    ];
    expect(toChatTurns({ messages, prompt: "ignored" })).toEqual([
      { role: "system", content: "be brief" },
      { role: "user", content: "hi" },
      { role: "assistant", content: "hello" },
    ]);
    expect(toChatTurns({ messages: null, prompt: "p" })).toHaveLength(1);
  });

  test.each<[JsonObject, string]>([
    [{}, "it has no keys"],
    [{ question: "x", lang: "en" }, "it has question, lang"],
    [Object.fromEntries("abcdefghij".split("").map((key) => [key, 1])), "it has a, b, c, d, e, f, g, h, …"],
    [{ prompt: "" }, 'prompt must be a text that is not empty, got ""'],
    [{ prompt: 7 }, "prompt must be a text that is not empty, got number"],
    [{ messages: [] }, "`messages` must be a list with at least one turn"],
    [{ messages: "hi" }, "`messages` must be a list with at least one turn"],
    [{ messages: [null] }, "messages[0].role is missing"],
    [{ messages: ["hi"] }, "messages[0].role is missing"],
    [{ messages: [{ role: "tool", content: "x" }] }, 'messages[0].role is "tool"'],
    [{ messages: [{ role: "user", content: "x" }, { role: "user" }] }, "messages[1].content must be a text"],
    [{ messages: [{ role: "system", content: "x" }] }, "`messages` has system turns only"],
  ])("refuses %j as INPUT_INVALID, and says what is accepted", (input, problem) => {
    const read = () => toChatTurns(input);
    expect(read).toThrow(expect.objectContaining({ code: "INPUT_INVALID", recoverable: false }));
    expect(read).toThrow(problem);
    expect(read).toThrow("accepted is { prompt:");
  });
});

describe("toFollowUpTurns", () => {
  test("has none without answers", () => {
    expect(toFollowUpTurns([])).toEqual([]);
  });

  test("renders each answer as a question by the assistant and an answer by the user, oldest first", () => {
    expect(
      toFollowUpTurns([
        { kind: "clarification", question: "Which style?", answer: "Plain English." },
        { kind: "escalation", question: "Too hard.", answer: { hint: "look again" } },
        { kind: "clarification", question: "Sure?", answer: null },
      ]),
    ).toEqual([
      { role: "assistant", content: "Which style?" },
      { role: "user", content: "Plain English." },
      { role: "assistant", content: "Too hard." },
      { role: "user", content: '{"hint":"look again"}' },
      { role: "assistant", content: "Sure?" },
      { role: "user", content: "(no answer)" },
    ]);
  });

  test("words a permission as GRANTED or DENIED; one without a decision is denied", () => {
    const asked = { kind: "permission", question: "delete x" } as const;
    const decision = (granted: boolean | undefined, answer: unknown) =>
      toFollowUpTurns([{ ...asked, granted, answer }])[1]?.content;
    expect(toFollowUpTurns([{ ...asked, granted: true, answer: null }])[0]?.content).toBe("May I: delete x?");
    expect(decision(true, null)).toBe("Permission GRANTED: delete x. Continue the original task.");
    expect(decision(true, "but only x")).toBe("Permission GRANTED: delete x. but only x Continue the original task.");
    expect(decision(false, null)).toMatch(/^Permission DENIED: delete x\. Do not do it\./);
    expect(decision(undefined, "yes")).toMatch(/^Permission DENIED/);
  });
});

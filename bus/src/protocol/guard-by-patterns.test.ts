/** Guarding where nothing but data is there: with a caller, by patterns off the wire, and with a submitter, by a journal. */
import { describe, expect, test } from "@jest/globals";
import { type BlockPattern, findBlocked, guardByPatterns, submissionGuard } from "./guard-by-patterns.ts";
import { hasNestedRepetition } from "./guardrail-patterns.ts";
import { Placeholders } from "./placeholders.ts";

const block = (pattern: string, more: Partial<BlockPattern> = {}): BlockPattern => ({
  guardrail: "secrets",
  entity: "TOKEN",
  pattern,
  flags: "",
  ...more,
});

describe("findBlocked", () => {
  const blocks = [block(String.raw`tok_\d{4}`), block("pass(?<value>word)", { entity: "WORD", flags: "i" })];

  test("looks through every text of a message, and names guardrail and kinds", () => {
    expect(findBlocked(blocks, "nothing here")).toEqual({ blocked: null, ignored: [] });
    const input = {
      text: "hi",
      history: [{ role: "user", content: "my tok_1234" }],
      context: [{ content: "PASSWORD" }],
    };
    expect(findBlocked(blocks, input).blocked).toEqual({ guardrail: "secrets", entities: ["TOKEN", "WORD"] });
    expect(findBlocked(blocks, { tok_1234: 1 }).blocked).not.toBeNull();
    expect(findBlocked([block("token=x1")], { token: "x1" }).blocked).not.toBeNull();
  });

  test("without patterns nothing is blocked", () => {
    expect(findBlocked([], { text: "tok_1234" })).toEqual({ blocked: null, ignored: [] });
  });

  test.each([
    ["no regular expression", block("("), "invalid"],
    ["flags that are none", block("x", { flags: "gg" }), "invalid"],
    ["too long", block("x".repeat(2001)), "too_long"],
    ["would take for ever", block("(x+)+y"), "nested_repetition"],
    ["a check of a later version", block("x", { check: "iban2" }), "unknown_check"],
  ] as const)("a pattern that cannot be used is left out and named: %s", (_title, bad, reason) => {
    const { blocked, ignored } = findBlocked([bad, block("y")], "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxy");
    expect(ignored).toEqual([{ entity: "TOKEN", pattern: bad.pattern, reason }]);
    expect(blocked).toEqual({ guardrail: "secrets", entities: ["TOKEN"] });
  });

  test("a check decides: a number that fails Luhn's does not block", () => {
    const cards = [block(String.raw`\d{16}`, { check: "luhn" })];
    expect(findBlocked(cards, "4111111111111112").blocked).toBeNull();
    expect(findBlocked(cards, "4111111111111111").blocked).not.toBeNull();
  });

  test("what matches nothing at all, again and again, ends", () => {
    expect(findBlocked([block("x*"), block(String.raw`\p{L}*`, { flags: "u" })], "😀😀").blocked).toBeNull();
  });
});

test.each([
  ["(a+)+", true],
  ["(?:a*b){2,}", true],
  ["((a{1,9}))*", true],
  ["(a|b)+c*", false],
  [String.raw`(?:[+*)(]x)+`, false],
  [String.raw`(?:\+x)+`, false],
  ["(?:a{1,9}){1,8}", false],
  ["(?:-?a)+", false],
])("nested repetition in %s: %s", (pattern, is) => {
  expect(hasNestedRepetition(pattern)).toBe(is);
});

describe("submissionGuard", () => {
  const email = { entity: "EMAIL", pattern: String.raw`\w+@\w+`, flags: "" };
  const started = (guardrails: unknown) => ({
    event_type: "run.started",
    data: {
      agent_name: "support",
      agent_version: null,
      strategy: "react",
      model: "a:b",
      params: {},
      system_prompt: "x",
      tools: [],
      sources: [],
      output_schema: null,
      message: "mail <<EMAIL_1>>",
      history: [],
      context: [],
      seed: [],
      max_iterations: 3,
      budget: null,
      delegation_level: 0,
      max_delegation_depth: null,
      timeout_ms: null,
      retry_of: null,
      guardrails,
    },
  });
  const redacted = {
    event_type: "guardrail.redacted",
    data: { direction: "incoming", entities: ["EMAIL"], mapping: { "<<EMAIL_1>>": "bob@x" } },
  };

  test("masks by the guardrails that the journal pins, with the placeholders it has", () => {
    const guard = submissionGuard([started([{ name: "pii", action: "redact", patterns: [email] }]), redacted]);
    const first = guard({ to: "bob@x", cc: ["ann@x"] }, "call_1");
    expect(first.value).toEqual({ to: "<<EMAIL_1>>", cc: ["<<EMAIL_2>>"] });
    expect(first.entries.map(({ event_type, correlation_id }) => [event_type, correlation_id])).toEqual([
      ["guardrail.detected", "call_1"],
      ["guardrail.redacted", "call_1"],
    ]);
    expect(guard("ann@x", "call_2").value).toBe("<<EMAIL_2>>");
  });

  test("says what blocks, and nothing of it", () => {
    const guard = submissionGuard([started([{ name: "no_mail", action: "block", patterns: [email] }])]);
    expect(guard("bob@x", "call_1")).toMatchObject({
      value: "[blocked by guardrail]",
      blocked: { guardrail: "no_mail" },
    });
  });

  test("leaves a run without guardrails alone", () => {
    const value = { to: "bob@x" };
    expect(submissionGuard([started(undefined)])(value, "call_1").value).toBe(value);
    expect(submissionGuard([])(value, "call_1").value).toBe(value);
  });
});

test("a hundred thousand finds are replaced in one pass over the text", () => {
  const text = "a@b ".repeat(100_000);
  const known = "<<E_1>> b@c ".repeat(100_000);
  const guardrails = [
    { name: "m", action: "redact" as const, patterns: [{ entity: "E", pattern: "[ab]@[bc]", flags: "" }] },
  ];
  const placeholders = new Placeholders();
  const first = guardByPatterns(text, guardrails, { direction: "incoming" }, placeholders).value;
  expect(first).toBe("<<E_1>> ".repeat(100_000));
  expect(placeholders.unmask(first)).toBe(text);
  const second = guardByPatterns(known, guardrails, { direction: "incoming" }, placeholders).value;
  expect(second).toBe("<<E_1>> <<E_2>> ".repeat(100_000));
});

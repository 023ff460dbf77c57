/** A run's guardrails: what becomes of texts and JSON, what the journal gets, and that a resume goes on with it. */
import { describe, expect, test } from "@jest/globals";
import type { RunEventEntry } from "@myelin/bus/run-events";
import type { Guardrail } from "../guardrail.ts";
import { GuardrailSet, blockedFailure, cardBlocks } from "./guardrail-set.ts";
import { pii } from "./pii.ts";
import { pinGuardrails } from "./pinned-guardrails.ts";
import { promptInjection } from "./prompt-injection.ts";
import { secrets } from "./secrets.ts";

const { signal } = new AbortController();
const incoming = { direction: "incoming" } as const;
const outgoing = { direction: "outgoing", iterationIndex: 2, correlationId: "call_1" } as const;
const GITHUB = `gh${"p_"}${"a1B2".repeat(9)}`;

/** As if they had been appended. */
const journal = (entries: readonly { event_type: string; data: Record<string, unknown> }[]): RunEventEntry[] =>
  entries.map(({ event_type, data }, at) => ({
    sequence_index: at,
    iteration_index: 0,
    event_type,
    correlation_id: null,
    data,
  }));

/** A guardrail that looks for a word. */
const word = (text: string, action: Guardrail["action"], entity = "WORD"): Guardrail => ({
  name: `word_${text}`,
  action,
  async scan(all) {
    const start = all.indexOf(text);
    return start < 0 ? [] : [{ entity, start, end: start + text.length }];
  },
});

describe("redact", () => {
  test("one value has one placeholder, in order of appearance, and the mapping is in guardrail.redacted only", async () => {
    const set = GuardrailSet.from([pii()]);
    const first = await set.redactText("bob@x.org, ann@x.org, bob@x.org", incoming, signal);
    expect(first).toEqual({
      text: "<<EMAIL_ADDRESS_1>>, <<EMAIL_ADDRESS_2>>, <<EMAIL_ADDRESS_1>>",
      blocked: null,
      entries: [
        {
          event_type: "guardrail.detected",
          data: { guardrail: "pii", direction: "incoming", findings: { EMAIL_ADDRESS: 3 } },
        },
        {
          event_type: "guardrail.redacted",
          data: {
            direction: "incoming",
            entities: ["EMAIL_ADDRESS"],
            mapping: { "<<EMAIL_ADDRESS_1>>": "bob@x.org", "<<EMAIL_ADDRESS_2>>": "ann@x.org" },
          },
        },
      ],
    });
    const second = await set.redactText("ann@x.org and 123-45-6789", outgoing, signal);
    expect(second.text).toBe("<<EMAIL_ADDRESS_2>> and <<US_SSN_1>>");
    expect(second.entries[0]).toMatchObject({
      iteration_index: 2,
      correlation_id: "call_1",
      data: { direction: "outgoing" },
    });
  });

  test("nothing found: the same text, and nothing for the journal", async () => {
    expect(await GuardrailSet.from([pii()]).redactText("hello", incoming, signal)).toEqual({
      text: "hello",
      entries: [],
      blocked: null,
    });
  });

  test("where findings overlap all of it is replaced, and the longest says what it is", async () => {
    const set = GuardrailSet.from([word("abcdef", "redact", "LONG"), word("efg", "redact", "SHORT")]);
    const { text } = await set.redactText("xabcdefgx", incoming, signal);
    expect(text).toBe("x<<LONG_1>>x");
    expect(set.unmask(text)).toBe("xabcdefgx");
  });

  test("a text that is masked already stays as it is", async () => {
    const set = GuardrailSet.from([pii(), word("EMAIL", "block")]);
    const { text } = await set.redactText("bob@x.org", incoming, signal);
    expect(await set.redactText(`to ${text}`, outgoing, signal)).toEqual({
      text: `to ${text}`,
      entries: [],
      blocked: null,
    });
  });

  test("what spans a placeholder is brought back whole", async () => {
    const set = GuardrailSet.from([pii(), word("id <<EMAIL_ADDRESS_1>>!", "redact", "ID")]);
    await set.redactText("bob@x.org", incoming, signal);
    const { text } = await set.redactText("the id <<EMAIL_ADDRESS_1>>!", incoming, signal);
    expect(text).toBe("the <<ID_1>>");
    expect(set.unmask(text)).toBe("the id bob@x.org!");
  });

  test("every text of a JSON value is masked: strings, names, numbers, and what only its property gives away", async () => {
    const set = GuardrailSet.from([pii(), secrets({ action: "redact" })]);
    const value = {
      to: ["bob@x.org", 4111111111111111],
      "ann@x.org": null,
      api_key: "a1B2c3D4e5F6g7H8",
      n: 7,
      ok: true,
    };
    const { value: masked, entries } = await set.redactJson(value, outgoing, signal);
    expect(masked).toEqual({
      to: ["<<EMAIL_ADDRESS_1>>", "<<CREDIT_CARD_1>>"],
      "<<EMAIL_ADDRESS_2>>": null,
      api_key: "<<GENERIC_API_KEY_1>>",
      n: 7,
      ok: true,
    });
    expect(entries.map(({ event_type }) => event_type)).toEqual([
      "guardrail.detected",
      "guardrail.detected",
      "guardrail.redacted",
    ]);
    expect(set.unmask(masked)).toEqual({ ...value, to: ["bob@x.org", "4111111111111111"] });
  });

  test("what is nested too deeply to be looked into is left out", async () => {
    let deep: unknown = "bob@x.org";
    for (let level = 0; level < 100; level += 1) deep = [deep];
    const { value } = await GuardrailSet.from([pii()]).redactJson(deep, incoming, signal);
    expect(JSON.stringify(value)).toContain("[nested too deeply]");
    expect(JSON.stringify(value)).not.toContain("bob@x.org");
  });

  test("texts that are looked at at the same time give one value one placeholder", async () => {
    const set = GuardrailSet.from([pii(), word("zz", "warn")]);
    const texts = ["bob@x.org", "ann@x.org", "bob@x.org"].map((text) => set.redactText(text, incoming, signal));
    expect((await Promise.all(texts)).map(({ text }) => text)).toEqual([
      "<<EMAIL_ADDRESS_1>>",
      "<<EMAIL_ADDRESS_2>>",
      "<<EMAIL_ADDRESS_1>>",
    ]);
  });
});

describe("unmask", () => {
  test("is one pass: a value that looks like a placeholder is not unmasked again", async () => {
    const set = GuardrailSet.from([word("<<US_SSN_1>>", "redact", "ODD"), pii()]);
    const { text } = await set.redactText("<<US_SSN_1>> 123-45-6789", incoming, signal);
    expect(text).toBe("<<ODD_1>> <<US_SSN_2>>");
    expect(set.unmask({ deep: [text] })).toEqual({ deep: ["<<US_SSN_1>> 123-45-6789"] });
  });

  test("a number that somebody wrote without a value is never given to a value", async () => {
    const set = GuardrailSet.from([pii()]);
    const { text } = await set.redactText("<<EMAIL_ADDRESS_1>> is not bob@x.org", incoming, signal);
    expect(text).toBe("<<EMAIL_ADDRESS_1>> is not <<EMAIL_ADDRESS_2>>");
    expect(set.unmask(text)).toBe("<<EMAIL_ADDRESS_1>> is not bob@x.org");
    expect(set.unmappedPlaceholders(text)).toEqual(["<<EMAIL_ADDRESS_1>>"]);
  });
});

test("hide puts placeholders into a text that was made of unmasked values, the longest first", async () => {
  const set = GuardrailSet.from([word("a.b", "redact", "SHORT"), word("xa.b", "redact", "LONG")]);
  await set.redactText("a.b", incoming, signal);
  await set.redactText("xa.b", incoming, signal);
  expect(set.hide('unknown keys "xa.b", "a.b", "axb"')).toBe('unknown keys "<<LONG_1>>", "<<SHORT_1>>", "axb"');
});

test("what was submitted is looked at by those guardrails that its submitter could not use", async () => {
  const set = GuardrailSet.from([pii(), word("hunter2", "redact", "PASSWORD")], [], pinGuardrails([pii()]).guardrails);
  const { value } = await set.redactSubmitted({ a: "hunter2", b: "bob@x.org" }, incoming, signal);
  expect(value).toEqual({ a: "<<PASSWORD_1>>", b: "bob@x.org" });
});

describe("a resume", () => {
  test("goes on with the placeholders of the journal, and with the numbers after them", async () => {
    const before = GuardrailSet.from([pii()]);
    const { text, entries } = await before.redactText("bob@x.org", incoming, signal);
    const answered = { event_type: "llm.completed", data: { text: "hello <<EMAIL_ADDRESS_2>>" } };

    const after = GuardrailSet.from([pii()], journal([...entries, answered]));
    expect(after.unmask(text)).toBe("bob@x.org");
    expect((await after.redactText("ann@x.org bob@x.org", incoming, signal)).text).toBe(
      "<<EMAIL_ADDRESS_3>> <<EMAIL_ADDRESS_1>>",
    );
  });
});

describe("block and warn", () => {
  test("a block names guardrail and kind in entry and failure, and the text nowhere", async () => {
    const set = GuardrailSet.from([pii(), secrets()]);
    const result = await set.redactText(`bob@x.org has ${GITHUB}`, incoming, signal);
    expect(result.text).toBe("[blocked by guardrail]");
    expect(result.blocked).toEqual({ guardrail: "secrets", entities: ["GITHUB_TOKEN"] });
    expect(result.entries.map(({ event_type, data }) => [event_type, data["guardrail"]])).toEqual([
      ["guardrail.detected", "pii"],
      ["guardrail.blocked", "secrets"],
    ]);
    const failure = blockedFailure(result.blocked!, incoming);
    expect(failure).toMatchObject({ code: "GUARDRAIL_BLOCKED", recoverable: false });
    expect(failure.message).toBe('guardrail "secrets" found GITHUB_TOKEN in what goes to the model');
    expect(JSON.stringify([result, failure.message])).not.toContain(GITHUB);
    expect(JSON.stringify(result)).not.toContain("bob@x.org");
  });

  test("a blocked value keeps its form, so that it can stand where parameters stand", async () => {
    const set = GuardrailSet.from([secrets()]);
    expect((await set.redactJson({ a: GITHUB }, outgoing, signal)).value).toEqual({});
    expect((await set.redactJson([GITHUB], outgoing, signal)).value).toEqual([]);
  });

  test("a warning changes nothing and is noted", async () => {
    const set = GuardrailSet.from([secrets({ action: "warn" })]);
    expect(await set.redactText(GITHUB, incoming, signal)).toEqual({
      text: GITHUB,
      blocked: null,
      entries: [
        {
          event_type: "guardrail.detected",
          data: { guardrail: "secrets", direction: "incoming", findings: { GITHUB_TOKEN: 1 } },
        },
      ],
    });
  });

  test("a guardrail looks only where it is meant to", async () => {
    const set = GuardrailSet.from([promptInjection({ patterns: [/ignore/], action: "block" })]);
    expect((await set.redactText("ignore", outgoing, signal)).blocked).toBeNull();
    expect((await set.redactText("ignore", incoming, signal)).blocked).not.toBeNull();
  });
});

describe("a guardrail of one's own", () => {
  test.each([
    [
      "throws",
      () => {
        throw new Error("the text was: hunter2");
      },
    ],
    ["finds what is no range", () => [{ entity: "X", start: 2, end: 99 }]],
    ["rejects", async () => Promise.reject(new Error("hunter2"))],
  ] as const)("that %s lets nothing pass, and its words are not passed on", async (_title, scan) => {
    const set = GuardrailSet.from([{ name: "mine", action: "warn", scan }]);
    const refused = set.redactText("hunter2", incoming, signal);
    await expect(refused).rejects.toMatchObject({
      code: "GUARDRAIL_FAILED",
      recoverable: true,
      message: 'guardrail "mine" failed',
    });
  });

  test("names that cannot stand in a placeholder are made to", async () => {
    const set = GuardrailSet.from([word("abc", "redact", "1 café-name!")]);
    expect((await set.redactText("abc", incoming, signal)).text).toBe("<<CAF_NAME_1>>");
  });
});

describe("what others need of the guardrails", () => {
  const guardrails = [pii(), secrets(), promptInjection({ patterns: [/x/], action: "warn" }), word("y", "block")];

  test("the card has the blocking patterns, and the journal all: patterns as they are, code by name", () => {
    const names = cardBlocks(guardrails).map(({ guardrail }) => guardrail);
    expect([...new Set(names)]).toEqual(["secrets"]);
    const { guardrails: data, code_guardrails: code } = pinGuardrails(guardrails);
    expect(data!.map(({ name, action }) => [name, action])).toEqual([
      ["pii", "redact"],
      ["secrets", "block"],
      ["prompt_injection", "warn"],
    ]);
    expect(code).toEqual([{ name: "word_y", action: "block" }]);
  });

  test("without guardrails a set does nothing", async () => {
    const set = GuardrailSet.from([]);
    const value = { a: "<<EMAIL_ADDRESS_1>>" };
    expect((await set.redactJson(value, incoming, signal)).value).toBe(value);
    expect(set.unmask(value)).toBe(value);
    expect(set.unmappedPlaceholders("<<EMAIL_ADDRESS_1>>")).toEqual([]);
  });
});

/** However an answer is cut into pieces, what is shown of it is what is shown of the whole; and nothing that is blocked. */
import { describe, expect, test } from "@jest/globals";
import type { Blocked } from "@myelin/bus/run-events";
import type { Guardrail } from "../guardrail.ts";
import { GuardrailSet } from "./guardrail-set.ts";
import { pii } from "./pii.ts";
import { secrets } from "./secrets.ts";

const { signal } = new AbortController();
const outgoing = { direction: "outgoing" } as const;
const TOKEN = `gh${"p_"}${"a1B2".repeat(9)}`;
const JWT = `ey${"J"}${"hbGciOi".repeat(60)}.ey${"J"}${"zdWIiOi".repeat(40)}.c2ln`;
const KEY = `-----BEGIN ${"RSA PRIVATE"} KEY-----\n${"MIIEabc+/=\n".repeat(200)}-----END ${"RSA PRIVATE"} KEY-----`;
const prose = (length: number) =>
  "It was a dark and stormy night; the rain fell in torrents. ".repeat(100).slice(0, length);

/** The same numbers in every run of a test. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

function cut(text: string, random: () => number, longest: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const length = 1 + Math.floor(random() * longest);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}

async function stream(set: GuardrailSet, pieces: readonly string[], waitEvery = 1) {
  const shown: string[] = [];
  const blocks: Blocked[] = [];
  const guard = set.stream({
    signal,
    onText: (text) => shown.push(text),
    onBlocked: (blocked) => blocks.push(blocked),
  });
  for (const [at, piece] of pieces.entries()) {
    guard.push(piece);
    if (at % waitEvery === 0) await Promise.resolve();
  }
  const blocked = await guard.end();
  return { shown, text: shown.join(""), blocked, blocks };
}

describe("placeholders", () => {
  const make = async (...more: Guardrail[]) => {
    const set = GuardrailSet.from([pii(), ...more]);
    await set.redactText("bob@x.org 123-45-6789 +1 555 123 4567", { direction: "incoming" }, signal);
    return set;
  };
  const texts = [
    "Hello <<EMAIL_ADDRESS_1>>, <<US_SSN_1>> and <<PHONE_NUMBER_1>>!",
    "<<<EMAIL_ADDRESS_1>>> <<EMAIL_ADDRESS_1> <<EMAIL_ADDRESS_9>> << <<EMAIL_ADDRESS_1>>",
    "<<EMAIL_ADDRESS_<<EMAIL_ADDRESS_1>>",
    `a < b << c 😀<😀 <<${"A".repeat(90)}_1>> <<US_SSN_1`,
    "",
    "new@y.org is new, and bob@x.org was said in the open",
  ];

  test.each(texts)("%j is shown as the whole is, for any cut of it", async (text) => {
    for (const guardrails of [[], [secrets()]]) {
      const set = await make(...guardrails);
      const whole = set.unmask((await set.redactText(text, outgoing, signal)).text);
      for (let seed = 1; seed <= 40; seed += 1) {
        const result = await stream(set, cut(text, seeded(seed), 1 + (seed % 12)), 1 + (seed % 3));
        expect(result).toMatchObject({ text: whole, blocked: null, blocks: [] });
      }
    }
  });

  test("half a placeholder and half a character are held back, the rest is shown at once", async () => {
    const set = await make();
    const shown: string[] = [];
    const guard = set.stream({ signal, onText: (text) => shown.push(text), onBlocked: () => undefined });
    for (const piece of ["Hi <", "<EMAIL_ADD", "RESS_1>", "> you \ud83d", "\ude00"]) guard.push(piece);
    expect(shown).toEqual(["Hi ", "bob@x.org you ", "😀"]);
    await guard.end();
    expect(shown).toHaveLength(3);
  });
});

describe("what is blocked", () => {
  const secretsIn: [string, string][] = [
    ["a token", TOKEN],
    ["a long JWT", JWT],
    ["a private key", KEY],
    ["an assignment", `api_key = "${"a1b2".repeat(8)}"`],
  ];
  const places: [string, (secret: string) => string][] = [
    ["alone", (secret) => secret],
    ["in the middle", (secret) => `${prose(700)}\n${secret}\n${prose(900)}`],
    ["at the end", (secret) => `${prose(300)} ${secret}`],
    ["at the start", (secret) => `${secret} ${prose(600)}`],
  ];

  test.each(
    secretsIn.flatMap(([what, secret]) => places.map(([where, at]) => ({ what, where, secret, text: at(secret) }))),
  )("$what $where: not a character of it is shown, for any cut of the text", async ({ secret, text }) => {
    const set = GuardrailSet.from([secrets()]);
    const before = text.slice(0, text.indexOf(secret));
    for (let seed = 1; seed <= 20; seed += 1) {
      const { text: shown, blocked, blocks } = await stream(set, cut(text, seeded(seed), seed * 5), 1 + (seed % 4));
      expect(before.startsWith(shown)).toBe(true);
      expect(blocked?.guardrail).toBe("secrets");
      expect(blocks).toEqual([blocked]);
    }
  });

  test("what only looks like one while the rest is missing does not end the stream", async () => {
    // Sixteen digits of a card at first; two more make it none.
    const text = `${prose(280)} 411111111111111122 ${prose(300)}`;
    const set = GuardrailSet.from([pii({ action: "block", entities: ["CREDIT_CARD"] })]);
    expect((await set.redactText(text, outgoing, signal)).blocked).toBeNull();
    for (let seed = 1; seed <= 40; seed += 1) {
      expect(await stream(set, cut(text, seeded(seed), 7))).toMatchObject({ text, blocked: null });
    }
  });

  test("the end of the stream comes before the rest of the text: the model's call can be aborted", async () => {
    const set = GuardrailSet.from([secrets()]);
    const blocks: Blocked[] = [];
    const guard = set.stream({ signal, onText: () => undefined, onBlocked: (blocked) => blocks.push(blocked) });
    guard.push(`the token ${TOKEN} is `);
    guard.push("yours, keep it well");
    await new Promise((resolve) => setImmediate(resolve));
    expect(blocks).toEqual([{ guardrail: "secrets", entities: ["GITHUB_TOKEN"] }]);
    guard.push("more");
    expect(await guard.end()).toEqual(blocks[0]);
  });

  test("a long word that nobody objects to is shown in the end", async () => {
    const text = "x".repeat(20_000);
    const result = await stream(GuardrailSet.from([secrets()]), cut(text, seeded(3), 900));
    expect(result).toMatchObject({ text, blocked: null });
    expect(result.shown.length).toBeGreaterThan(1);
  });
});

test("a guardrail that fails shows nothing more, and the end says so", async () => {
  let calls = 0;
  const flaky: Guardrail = {
    name: "flaky",
    action: "block",
    scan: async () => {
      calls += 1;
      if (calls > 1) throw new Error("gone");
      return [];
    },
  };
  const shown: string[] = [];
  const set = GuardrailSet.from([flaky]);
  const guard = set.stream({ signal, onText: (text) => shown.push(text), onBlocked: () => undefined });
  guard.push(prose(300));
  await new Promise((resolve) => setImmediate(resolve));
  const before = shown.join("");
  guard.push(prose(900));
  await expect(guard.end()).rejects.toMatchObject({ code: "GUARDRAIL_FAILED" });
  expect(shown.join("")).toBe(before);
  expect(before.length).toBeGreaterThan(0);
});

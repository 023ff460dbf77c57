import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { validSignals } from "../../../test/fixtures/load-signals.ts";
import { CATALOG, SIGNAL_TYPES } from "./index.ts";
import { isSurelyPayload } from "./sure-payloads.ts";

const isGood = (type: (typeof SIGNAL_TYPES)[number], payload: unknown) =>
  CATALOG[type].payload.safeParse(payload).success;

const twoDigits = (max: number) => fc.integer({ min: 0, max }).map((value) => String(value).padStart(2, "0"));
/** Days that are and days that are not, hours up to 24, forms that are ours and others. */
const time = fc
  .tuple(
    twoDigits(99),
    twoDigits(13),
    twoDigits(32),
    twoDigits(24),
    twoDigits(60),
    fc.constantFrom(".000Z", ".120Z", "Z", "+01:00"),
  )
  .map(([year, month, day, hour, second, end]) => `20${year}-${month}-${day}T${hour}:59:${second}${end}`);
const odd = fc.oneof(time, fc.jsonValue(), fc.constantFrom(undefined, new Date(0), new Map(), "high", "urgent"));
const object = fc.dictionary(fc.constantFrom("a", "constructor", "__proto__"), fc.jsonValue(), { maxKeys: 2 });
const KEYS = [
  "input",
  "output",
  "deadline",
  "priority",
  "metadata",
  "capabilities",
  "answers",
  "context_ref",
  "finalize",
];
/** A usual one, with up to two keys that are something else. */
const payload = fc
  .tuple(object, time, fc.dictionary(fc.constantFrom(...KEYS, "more"), odd, { maxKeys: 2 }))
  .map(([data, deadline, others]) => ({ input: data, output: data, deadline, metadata: data, ...others }));

test("a payload that is surely good is good to its schema", () => {
  const type = fc.oneof(fc.constantFrom("TASK" as const, "AGENT_OUTPUT" as const), fc.constantFrom(...SIGNAL_TYPES));
  fc.assert(
    fc.property(type, fc.oneof({ arbitrary: payload, weight: 9 }, odd), (type, payload) => {
      if (isSurelyPayload(type, payload)) expect(isGood(type, payload)).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});

test("what a dispatch usually holds is surely good", () => {
  const deadline = "2026-11-20T12:00:00.000Z";
  expect(isSurelyPayload("TASK", { input: { prompt: "?" } })).toBe(true);
  expect(isSurelyPayload("TASK", { input: {}, deadline, priority: "high", metadata: { user_id: "u" } })).toBe(true);
  expect(isSurelyPayload("AGENT_OUTPUT", { output: { response: "!" } })).toBe(true);
  const sure = validSignals.filter(({ type, payload }) => isSurelyPayload(type, payload)).map(({ type }) => type);
  expect([...new Set(sure)].sort()).toEqual(["AGENT_OUTPUT", "TASK"]);
});

import { expect, test } from "@jest/globals";
import { toPayloads } from "./notifications.ts";

test("ids fill payloads that Postgres takes, in their order, none lost", () => {
  const ids = Array.from({ length: 1_000 }, (_, at) => `run_${String(at).padStart(26, "0")}`);
  const payloads = toPayloads([...ids, "ü".repeat(255)]);
  expect(payloads.length).toBe(4);
  for (const payload of payloads) expect(Buffer.byteLength(payload)).toBeLessThan(8_000);
  expect(payloads.flatMap((payload) => payload.split(" "))).toEqual([...ids, "ü".repeat(255)]);
});

test("no id makes no payload; one with a space, which nobody could follow, is left out", () => {
  expect(toPayloads([])).toEqual([]);
  expect(toPayloads(["a b", "run_1"])).toEqual(["run_1"]);
});

import { expect, test } from "@jest/globals";
import { toPauseMs } from "./impatient-fetch.ts";

test.each<[{ [name: string]: string }, number]>([
  [{}, 0],
  [{ "retry-after": "3" }, 3_000],
  [{ "retry-after": "0" }, 0],
  [{ "retry-after": "3", "retry-after-ms": "250" }, 250],
  [{ "retry-after": "Fri, 20 Nov 2026 12:00:30 GMT" }, 30_000],
  [{ "retry-after": "soon" }, 0],
])("%j asks for a pause of %i ms", (headers, pauseMs) => {
  expect(toPauseMs(new Headers(headers), Date.parse("2026-11-20T12:00:00Z"))).toBe(pauseMs);
});

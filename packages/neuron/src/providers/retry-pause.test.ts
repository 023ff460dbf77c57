import { describe, expect, test } from "@jest/globals";
import { NeuronFailure } from "../errors.ts";
import { hintOf, pauseBefore, sleep, toPauseMs } from "./retry-pause.ts";

test.each<[{ [name: string]: string }, number | null]>([
  [{}, null],
  [{ "retry-after": "3" }, 3_000],
  [{ "retry-after": "0" }, 0],
  [{ "retry-after": "3", "retry-after-ms": "250" }, 250],
  [{ "retry-after": "Fri, 20 Nov 2026 12:00:30 GMT" }, 30_000],
  [{ "retry-after": "Fri, 20 Nov 2026 11:00:30 GMT" }, 0],
  [{ "retry-after": "soon" }, null],
])("%j asks for a pause of %p ms", (headers, pauseMs) => {
  expect(toPauseMs(new Headers(headers), Date.parse("2026-11-20T12:00:00Z"))).toBe(pauseMs);
});

describe("pauseBefore", () => {
  const busy = new NeuronFailure("MODEL_OVERLOADED", "busy", { recoverable: true });
  const refused = new NeuronFailure("MODEL_REFUSED_REQUEST", "no");
  const said = (headers: Record<string, string>) => ({ status: 503, headers: new Headers(headers) });

  test.each([
    [1, 375, 500],
    [2, 750, 1_000],
    [5, 6_000, 8_000],
    [10, 6_000, 8_000],
  ])("try %i backs off between %i and %i ms when the server says nothing", (attempt, least, most) => {
    const pauseMs = pauseBefore(attempt, busy, said({}));
    expect(pauseMs).toBeGreaterThanOrEqual(least);
    expect(pauseMs).toBeLessThanOrEqual(most);
  });

  test("there is no next try when the server asks for too much, says no, or the failure is final", () => {
    expect(pauseBefore(1, busy, said({ "retry-after": "10" }))).toBe(10_000);
    expect(pauseBefore(1, busy, said({ "retry-after": "11" }))).toBeNull();
    expect(pauseBefore(1, busy, said({ "x-should-retry": "false" }))).toBeNull();
    expect(pauseBefore(1, refused, said({}))).toBeNull();
    expect(pauseBefore(1, refused, said({ "x-should-retry": "true", "retry-after": "1" }))).toBe(1_000);
  });

  test("what is no response hints at nothing", () => {
    const none = { statusCode: null, retryAfterMs: null, shouldRetry: null };
    for (const thrown of [undefined, null, "x", new Error("x"), { status: "503", headers: {} }]) {
      expect(hintOf(thrown)).toEqual(none);
    }
  });
});

test("a pause ends at the abort, at once when there was one already", async () => {
  const cancel = new AbortController();
  const pause = sleep(60_000, cancel.signal);
  cancel.abort();
  await pause;
  await sleep(60_000, cancel.signal);
});

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { invalidSignals, validSignals } from "../../../test/fixtures/load-signals.ts";
import { mutateBytes } from "../../../test/helpers/mutate-bytes.ts";
import { BusError, checkSignal, createSignal, encodeSignal, newTraceId, parseSignal, type Signal } from "./index.ts";

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const valid = validSignals[0]!;

describe("parseSignal", () => {
  test.each(validSignals.map((signal) => [signal.type, signal] as const))(
    "P1: a %s that parses encodes to bytes that parse to an equal Signal",
    (_type, signal) => {
      const parsed = parseSignal(bytesOf(signal));
      expect(parsed).toEqual({ ok: true, signal });
      if (parsed.ok) expect(parseSignal(encodeSignal(parsed.signal))).toEqual(parsed);
    },
  );

  test("P1: keys nobody knows survive in payload and meta, whatever they hold", () => {
    // -0 is the one JSON value that JSON itself does not write back.
    const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
    fc.assert(
      fc.property(fc.constantFrom(...validSignals), fc.string(), json, (signal, key, value) => {
        fc.pre(
          !["", "__proto__"].includes(key) && !(key in signal.payload) && !(key in signal.meta) && key !== "task_seq",
        );
        const extended = {
          ...signal,
          payload: { ...signal.payload, [`x${key}`]: value },
          meta: { [`x${key}`]: value },
        };
        const parsed = parseSignal(bytesOf(extended));
        expect(parsed).toEqual({ ok: true, signal: extended });
        if (parsed.ok) expect(parseSignal(encodeSignal(parsed.signal))).toEqual(parsed);
      }),
      { numRuns: 500 },
    );
  });

  test("a key called __proto__ is data: it survives and pollutes nothing", () => {
    const text = JSON.stringify(valid).replace('"input":{', '"input":{"__proto__":{"polluted":true},');
    const parsed = parseSignal(new TextEncoder().encode(text));
    expect(parsed.ok).toBe(true);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    if (parsed.ok)
      expect(new TextDecoder().decode(encodeSignal(parsed.signal))).toContain('"__proto__":{"polluted":true}');
  });

  test.each(invalidSignals.map(({ type, why, signal }) => [type, why, signal] as const))(
    "%s is refused: %s",
    (type, _why, signal) => {
      const parsed = parseSignal(bytesOf(signal));
      expect(parsed).toMatchObject({ ok: false, problem: { code: "WRONG_SHAPE" } });
      if (!parsed.ok && !parsed.problem.message.startsWith("directed"))
        expect(parsed.problem.message).toContain(`${type} payload`);
    },
  );

  test.each([
    ["not JSON", "{", "NOT_JSON"],
    ["not UTF-8", new Uint8Array([0xff, 0xfe]), "NOT_JSON"],
    ["nothing", "", "NOT_JSON"],
    ["a list", "[]", "WRONG_SHAPE"],
    ["null", "null", "WRONG_SHAPE"],
    ["version 2", { ...valid, v: "2" }, "WRONG_VERSION"],
    ["no version", { ...valid, v: undefined }, "WRONG_VERSION"],
    ["an unknown type", { ...valid, type: "HELLO" }, "UNKNOWN_TYPE"],
    ["a type of Object's", { ...valid, type: "constructor" }, "UNKNOWN_TYPE"],
    ["an id without prefix", { ...valid, id: "abc" }, "WRONG_SHAPE"],
    ["a trace id with a dot", { ...valid, trace_id: "trc_a.b" }, "WRONG_SHAPE"],
    ["a parent that is no id", { ...valid, parent_id: "x" }, "WRONG_SHAPE"],
    ["a time that is none", { ...valid, ts: "2026-13-45T00:00:00Z" }, "WRONG_SHAPE"],
    ["meta that is a list", { ...valid, meta: [] }, "WRONG_SHAPE"],
    ["a run id that is a number", { ...valid, meta: { run_id: 5 } }, "WRONG_SHAPE"],
    ["a negative attempt", { ...valid, meta: { attempt: -1 } }, "WRONG_SHAPE"],
    ["capabilities that are text", { ...valid, directed: { id: "a", type: null, capabilities: "b" } }, "WRONG_SHAPE"],
  ] as const)("refuses %s with its code and one line", (_what, value, code) => {
    const bytes =
      value instanceof Uint8Array
        ? value
        : typeof value === "string"
          ? new TextEncoder().encode(value)
          : bytesOf(value);
    const parsed = parseSignal(bytes);
    expect(parsed).toMatchObject({ ok: false, problem: { code } });
    if (!parsed.ok) expect(parsed.problem.message).toMatch(/^[^\n]{5,500}$/);
  });

  test("reads a minor version, and the empty forms of what may be missing", () => {
    const { parent_id: _parent, meta: _meta, ...rest } = valid;
    expect(checkSignal({ ...rest, v: "1.3" })).toMatchObject({
      ok: true,
      signal: { v: "1", parent_id: null, meta: {} },
    });
  });

  test("10,000 random mutations of valid Signals crash nothing", () => {
    let refused = 0;
    for (let seed = 0; seed < 10_000; seed++) {
      const original = encodeSignal(validSignals[seed % validSignals.length]!);
      const parsed = parseSignal(mutateBytes(original, seed));
      if (parsed.ok) encodeSignal(parsed.signal);
      else refused++;
    }
    expect(refused).toBeGreaterThan(5_000);
    expect(refused).toBeLessThan(10_000);
  });
});

describe("encodeSignal", () => {
  const task = (input: Record<string, unknown>): Signal =>
    createSignal({
      type: "TASK",
      trace_id: newTraceId(),
      directed: { id: "a", type: null, capabilities: [] },
      payload: { input },
    });

  test("emits the nine keys, always all of them and in order", () => {
    const text = new TextDecoder().decode(encodeSignal(task({})));
    expect(Object.keys(JSON.parse(text) as object)).toEqual([
      "v",
      "id",
      "trace_id",
      "parent_id",
      "type",
      "directed",
      "ts",
      "payload",
      "meta",
    ]);
  });

  test("says what cannot be JSON", () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    expect(() => encodeSignal(task({ big: 1n }))).toThrow(BusError);
    expect(() => encodeSignal(task(cycle))).toThrow(/TASK evt_\w+ cannot be written as JSON: .*circular/i);
  });
});

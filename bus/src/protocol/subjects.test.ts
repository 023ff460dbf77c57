import { describe, expect, test } from "@jest/globals";
import { invalidSignals, validSignals } from "../../../test/fixtures/load-signals.ts";
import {
  BusError,
  bucketOf,
  matchesFilter,
  newInstanceId,
  newRunId,
  newSignalId,
  newTraceId,
  parseCapability,
  parseNamespace,
  parseNeuronId,
  parseSubject,
  parseTraceId,
  protocolJsonSchema,
  signalJsonSchema,
  SIGNAL_TYPES,
  subjectFilter,
  subjectOf,
  type Signal,
} from "./index.ts";

const signalOf = (type: string) => structuredClone(validSignals.find((one) => one.type === type)!);

describe("subjects", () => {
  test.each(validSignals.map((signal) => [signal.type, signal] as const))(
    "%s has eight tokens that read back",
    (type, signal) => {
      const tokens = parseSubject(subjectOf("ns", "put", signal));
      expect(tokens).toMatchObject({ namespace: "ns", channel: "put", type, bucket: bucketOf(signal.trace_id) });
    },
  );

  test("a TASK goes to its neuron and lane; the first of a run has no run token, one that wakes it has", () => {
    const task = signalOf("TASK") as Signal & { type: "TASK" };
    expect(parseSubject(subjectOf("ns", "put", task))).toMatchObject({ to: "worker", lane: "normal", run: "_" });
    task.payload.priority = "high";
    task.payload.answers = [{ kind: "clarification", question: "q", answer: "a" }];
    expect(parseSubject(subjectOf("ns", "put", task))).toMatchObject({
      to: "worker",
      lane: "high",
      run: task.meta.run_id,
    });
  });

  test("a TASK that an idempotency key stands for has its run's subject, so that it can be stored once", () => {
    const task = signalOf("TASK") as Signal & { type: "TASK" };
    task.meta.idempotency_key = "order 17";
    expect(parseSubject(subjectOf("ns", "put", task))).toMatchObject({ to: "worker", run: task.meta.run_id });
  });

  test.each(["AGENT_OUTPUT", "ERROR", "CLARIFICATION", "STOPPED"])(
    "a %s goes to the waiting instance, under its run",
    (type) => {
      const reply = signalOf(type);
      expect(parseSubject(subjectOf("ns", "log", reply))).toMatchObject({
        to: reply.meta.reply_to,
        lane: "_",
        run: reply.meta.run_id,
      });
    },
  );

  test("on live nothing is read back, and no subject is new each time: the run token is left out", () => {
    expect(parseSubject(subjectOf("ns", "live", signalOf("AGENT_OUTPUT")))).toMatchObject({
      channel: "live",
      run: "_",
    });
  });

  test("a RUN_EVENT goes to its run: that subject is the journal", () => {
    const entry = signalOf("RUN_EVENT");
    expect(parseSubject(subjectOf("ns", "put", entry))).toMatchObject({
      to: entry.meta.run_id,
      run: entry.meta.run_id,
    });
  });

  test("what cannot be a token is nobody's address, and adds no token", () => {
    const reply = signalOf("AGENT_OUTPUT");
    reply.meta = { reply_to: "a.b.>", run_id: "*" };
    expect(parseSubject(subjectOf("ns", "log", reply))).toMatchObject({ to: "_", run: "_" });
  });

  test("a filter is as short as it can be, and matches what it says", () => {
    expect(subjectFilter("ns", "log", {})).toBe("myelin.ns.log.>");
    expect(subjectFilter("ns", "log", { type: "TASK" })).toBe("myelin.ns.log.TASK.>");
    expect(subjectFilter("ns", "live", { to: "dnd_1" })).toBe("myelin.ns.live.*.dnd_1.>");
    expect(subjectFilter("ns", "put", { to: "i", lane: "_", bucket: "0a", run: "run_1" })).toBe(
      "myelin.ns.put.*.i._.0a.run_1",
    );
    const tokens = parseSubject(subjectOf("ns", "put", signalOf("TASK")))!;
    expect(matchesFilter(tokens, { type: "TASK", to: "worker" })).toBe(true);
    expect(matchesFilter(tokens, { type: "TASK", to: "other" })).toBe(false);
  });

  test("traces spread evenly over 256 buckets", () => {
    const counts = new Map<string, number>();
    for (let n = 0; n < 25_600; n++) {
      const bucket = bucketOf(newTraceId());
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
    }
    expect(counts.size).toBe(256);
    expect(Math.max(...counts.values())).toBeLessThan(200);
  });
});

describe("ids", () => {
  test("are unique, carry their prefix, and sort by creation", () => {
    const made = Array.from({ length: 1_000 }, () => newSignalId());
    expect(new Set(made).size).toBe(1_000);
    expect([...made].sort()).toEqual(made);
    expect(made[0]).toMatch(/^evt_[0-9A-Z]{26}$/);
    expect([newTraceId(), newRunId(), newInstanceId()].map((id) => id.slice(0, 4))).toEqual(["trc_", "run_", "dnd_"]);
  });

  test.each([
    [() => parseNamespace("a.b"), /namespace must be .*, got "a\.b"/],
    [() => parseNamespace(""), /namespace/],
    [() => parseNeuronId("dnd_x"), /may not begin with dnd_/],
    [() => parseNeuronId("a b"), /neuron id/],
    [() => parseNeuronId("x".repeat(65)), /1 to 64/],
    [() => parseCapability("a b"), /capability/],
    [() => parseTraceId("abc"), /newTraceId/],
    [() => parseTraceId(5), /got 5/],
  ])("refuses a wrong one with its value and the rule (%#)", (parse, message) => {
    expect(parse).toThrow(BusError);
    expect(parse).toThrow(message);
  });
});

describe("JSON Schema", () => {
  test("is exported for every type and for all of them", () => {
    expect((protocolJsonSchema().oneOf as unknown[]).length).toBe(SIGNAL_TYPES.length);
    const schema = signalJsonSchema("AGENT_OUTPUT") as { properties: Record<string, object>; required: string[] };
    expect(schema.required).toEqual(
      expect.arrayContaining(["v", "id", "trace_id", "parent_id", "type", "directed", "ts", "payload", "meta"]),
    );
    expect(schema.properties.type).toMatchObject({ const: "AGENT_OUTPUT" });
  });

  test("every type has fixtures, valid and invalid", () => {
    expect(validSignals.map((one) => one.type)).toEqual(SIGNAL_TYPES);
    for (const type of SIGNAL_TYPES) expect(invalidSignals.some((one) => one.type === type)).toBe(true);
  });
});

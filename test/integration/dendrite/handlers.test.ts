import { describe, expect, test } from "@jest/globals";
import { newTraceId, type Signal, type SignalOf } from "@myelin/bus";
import { Axon, onAgentOutput, onErrorSignal } from "@myelin/dendrite";
import { deferred, echoAxon, TRANSPORTS, until, withFleet } from "../../helpers/with-fleet.ts";

const failing = new Axon({
  neuronId: "fails",
  capabilities: ["risky"],
  neuron: () => {
    throw new Error("boom");
  },
});

describe.each(TRANSPORTS)("handlers over %s", (transport) => {
  test("hear their type, from durable and transient dispatches, through their filters", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon("a", { capabilities: ["text"] }), echoAxon("b"), failing]);
    const dispatcher = fleet.dendrite();
    const traceId = newTraceId();
    const heard: Record<string, string[]> = { all: [], a: [], text: [], trace: [], errors: [], risky: [] };
    const note = (key: string) => (signal: Signal) => void heard[key]!.push(signal.directed?.id ?? "");
    dispatcher.onAgentOutput(note("all"));
    dispatcher.onAgentOutput({ neuron: "a" }, note("a"));
    dispatcher.onAgentOutput({ capability: "text" }, note("text"));
    dispatcher.onAgentOutput({ traceId }, note("trace"));
    dispatcher.onErrorSignal(note("errors"));
    await dispatcher.onErrorSignal({ capability: "risky" }, note("risky")).ready;
    await dispatcher.dispatchAndWait({ neuron: "a", input: {} });
    await dispatcher.dispatchAndWait({ neuron: "b", input: {}, delivery: "transient", traceId });
    await dispatcher.dispatchAndWait({ neuron: "fails", input: {} }).catch(() => {});
    await until(() => heard.all!.length === 2 && heard.risky!.length === 1 && heard.trace!.length === 1);
    expect(heard).toEqual({
      all: ["a", "b"],
      a: ["a"],
      text: ["a"],
      trace: ["b"],
      errors: ["fails"],
      risky: ["fails"],
    });
  });

  test("a group runs a handler in one of its members; without a group every member runs it", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon()]);
    const members = [fleet.dendrite(), fleet.dendrite({ synapse: await fleet.connect() })];
    const grouped: string[] = [];
    const single: string[] = [];
    for (const member of members) {
      await member.onAgentOutput({ group: "metrics" }, (signal) => void grouped.push(signal.id)).ready;
      await member.onAgentOutput((signal) => void single.push(signal.id)).ready;
    }
    for (let n = 0; n < 20; n++) await members[0]!.dispatchAndWait({ neuron: "echo", input: {} });
    await until(() => grouped.length >= 20 && single.length >= 40);
    expect(new Set(grouped).size).toBe(20);
    expect(grouped).toHaveLength(20);
    expect(single).toHaveLength(40);
  });

  test("handlers of one group that ask for different things take nothing from each other, in one process and in several", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon(), echoAxon("other")]);
    const members = [fleet.dendrite(), fleet.dendrite({ synapse: await fleet.connect() })];
    const traceId = newTraceId();
    const heard = { all: 0, trace: 0, echo: 0, other: 0, any: 0 };
    for (const [at, member] of members.entries()) {
      await member.onAgentOutput({ group: "g" }, () => void heard.all++).ready;
      await member.onAgentOutput({ group: "g", traceId }, () => void heard.trace++).ready;
      const neuron = at === 0 ? "echo" : "other";
      await member.onAgentOutput({ group: "g", neuron }, () => void heard[neuron]++).ready;
      await member.onTrace(
        traceId,
        { group: "g", neuron: "other" },
        ({ type }) => void (heard.any += Number(type === "AGENT_OUTPUT")),
      ).ready;
    }
    for (let n = 0; n < 20; n++) {
      await members[0]!.dispatchAndWait({ neuron: "echo", input: {}, traceId });
      await members[0]!.dispatchAndWait({ neuron: "other", input: {}, traceId });
    }
    await until(() => heard.all >= 40 && heard.trace >= 40 && heard.echo >= 20 && heard.other >= 20 && heard.any >= 20);
    expect(heard).toEqual({ all: 40, trace: 40, echo: 20, other: 20, any: 20 });
  });

  test("S2: one that throws ends nothing, and the next Signal is heard", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon()]);
    const errors: unknown[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => void errors.push(fields) };
    const dispatcher = fleet.dendrite({ logger });
    let heard = 0;
    await dispatcher.onAgentOutput(() => {
      heard++;
      throw new Error("handler bug");
    }).ready;
    await dispatcher.dispatchAndWait({ neuron: "echo", input: {} });
    await dispatcher.dispatchAndWait({ neuron: "echo", input: {} });
    await until(() => heard === 2 && errors.length === 2);
    expect(errors[0]).toMatchObject({ err: { message: "handler bug" } });
  });

  test("a disposed one hears no more; the others of its type still do", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon()]);
    const dispatcher = fleet.dendrite();
    const heard: string[] = [];
    const first = dispatcher.onAgentOutput(() => void heard.push("first"));
    await dispatcher.onAgentOutput(() => void heard.push("second")).ready;
    await dispatcher.dispatchAndWait({ neuron: "echo", input: {} });
    await until(() => heard.length === 2);
    first[Symbol.dispose]();
    await dispatcher.dispatchAndWait({ neuron: "echo", input: {} });
    await until(() => heard.length === 3);
    expect(heard.slice(2)).toEqual(["second"]);
  });

  test("onTrace hears everything of one trace, and nothing else", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([
      new Axon({
        neuronId: "talks",
        neuron: (_input, ctx) => {
          ctx.thought("hm");
          ctx.toolCall({ tool: "search", args: { q: 1 }, callId: "c1" });
          ctx.toolResult({ tool: "search", result: [1], callId: "c1" });
          return "done";
        },
      }),
    ]);
    const dispatcher = fleet.dendrite();
    const traceId = newTraceId();
    const types: string[] = [];
    const seen = { thought: "", tools: [] as string[] };
    dispatcher.onThoughtDelta((signal) => void (seen.thought += signal.payload.delta));
    dispatcher.onToolCall((signal) => void seen.tools.push(signal.payload.tool));
    dispatcher.onToolResult((signal) => void seen.tools.push(String(signal.payload.call_id)));
    await dispatcher.onTrace(traceId, (signal) => void types.push(signal.type)).ready;
    await Promise.all([
      dispatcher.dispatchAndWait({ neuron: "talks", input: {}, traceId }),
      dispatcher.dispatchAndWait({ neuron: "talks", input: {} }),
    ]);
    await until(() => types.includes("AGENT_OUTPUT") && seen.tools.length === 4 && seen.thought.length === 4);
    expect([...types].sort()).toEqual(["AGENT_OUTPUT", "TASK", "THOUGHT_DELTA", "TOOL_CALL", "TOOL_RESULT"]);
  });

  test("decorated methods are handlers of their instance, until disposed", async () => {
    class Counts {
      answers = 0;
      codes: string[] = [];
      @onAgentOutput({ capability: "text" }) answered(_signal: SignalOf<"AGENT_OUTPUT">) {
        this.answers++;
      }
      @onErrorSignal() failed(signal: SignalOf<"ERROR">) {
        this.codes.push(signal.payload.code);
      }
    }
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon("echo", { capabilities: ["text"] }), failing]);
    const dispatcher = fleet.dendrite();
    const counts = new Counts();
    const idle = new Counts();
    const attached = dispatcher.attachHandlers(counts);
    await attached.ready;
    await dispatcher.dispatchAndWait({ neuron: "echo", input: {} });
    await dispatcher.dispatchAndWait({ neuron: "fails", input: {} }).catch(() => {});
    await until(() => counts.answers === 1 && counts.codes.length === 1);
    expect(counts.codes).toEqual(["NEURON_EXCEPTION"]);
    expect(idle).toEqual({ answers: 0, codes: [] });
    attached[Symbol.dispose]();
    expect(() => dispatcher.attachHandlers({})).toThrow(/no method with a handler decorator/);
    expect(() => dispatcher.onAgentOutput("no" as never, undefined as never)).toThrow(/handler must be a function/);
    expect(() => dispatcher.onAgentOutput({ neuronn: "a" } as never, () => {})).toThrow(
      /no filter "neuronn"; there are neuron,/,
    );
    expect(() => dispatcher.onSignal("NOPE" as never, {}, () => {})).toThrow(/no Signal type "NOPE"/);
  });

  test("registered before the start, they miss nothing after it", async () => {
    await using fleet = await withFleet(transport);
    const dendrite = fleet.dendrite();
    dendrite.attachAxon(echoAxon());
    const registered = deferred<SignalOf<"REGISTER">>();
    dendrite.onRegisterSignal({ neuron: "echo" }, (signal) => registered.resolve(signal));
    await dendrite.start();
    expect((await registered.promise).meta.instance).toBe(dendrite.instance);
  });
});

import { describe, expect, test } from "@jest/globals";
import { encodeSignal, newTraceId } from "@myelin/bus";
import { validSignals } from "../../fixtures/load-signals.ts";
import { mutateBytes } from "../../helpers/mutate-bytes.ts";
import { echoAxon, TRANSPORTS, until, withFleet } from "../../helpers/with-fleet.ts";

const task = validSignals.find((one) => one.type === "TASK")!;

describe.each(TRANSPORTS)("bad messages over %s", (transport) => {
  test("S2: every kind is counted, logged once per cause, and the next good message is served", async () => {
    await using fleet = await withFleet(transport);
    const counted: string[] = [];
    const logged: string[] = [];
    const noteLog = (_fields: object, event: string) => void logged.push(event);
    await fleet.worker([echoAxon()], {
      observer: { badMessage: ({ code }) => void counted.push(code) },
      logger: { debug() {}, info() {}, warn: noteLog, error: noteLog },
    });
    const bad = {
      NOT_JSON: "{",
      WRONG_SHAPE: JSON.stringify({ ...task, payload: { input: "no" } }),
      UNKNOWN_TYPE: JSON.stringify({ ...task, type: "HELLO" }),
      WRONG_VERSION: JSON.stringify({ ...task, v: "2" }),
    };
    for (const channel of ["put", "live"]) {
      for (const bytes of Object.values(bad))
        await fleet.inject(`${channel}.TASK.echo.normal.00._`, bytes, bytes, bytes);
    }
    await until(() => counted.length === 24);
    expect(new Set(counted)).toEqual(new Set(Object.keys(bad)));
    expect(logged.filter((event) => event === "message.bad")).toHaveLength(8);
    for (const delivery of ["durable", "transient"] as const) {
      const reply = await fleet
        .dendrite()
        .dispatchAndWait({ neuron: "echo", input: { prompt: "still here" }, delivery });
      expect(reply.payload.output).toEqual({ response: "still here" });
    }
  });

  test("a dispatcher that is sent garbage as a reply goes on waiting for the real one", async () => {
    await using fleet = await withFleet(transport);
    await fleet.worker([echoAxon()]);
    const dispatcher = fleet.dendrite();
    await dispatcher.start();
    const to = dispatcher.instance;
    await fleet.inject(`live.AGENT_OUTPUT.${to}._.00.run_x`, "garbage", encodeSignal(task));
    const reply = await dispatcher.dispatchAndWait({ neuron: "echo", input: { prompt: "x" }, traceId: newTraceId() });
    expect(reply.payload.output).toEqual({ response: "x" });
  });

  test("10,000 random mutations of valid Signals crash nothing, and the next good message is served", async () => {
    await using fleet = await withFleet(transport);
    let bad = 0;
    const worker = await fleet.worker([echoAxon()], { observer: { badMessage: () => void bad++ } });
    worker.onSignal("TASK", {}, () => {});
    await worker.onTrace(task.trace_id, () => {}).ready;
    const mutated = Array.from({ length: 10_000 }, (_, seed) =>
      mutateBytes(encodeSignal(validSignals[seed % validSignals.length]!), seed),
    );
    await fleet.inject("live.TASK.echo.normal.00._", ...mutated);
    const reply = await fleet
      .dendrite()
      .dispatchAndWait({ neuron: "echo", input: { prompt: "alive" }, delivery: "transient" });
    expect(reply.payload.output).toEqual({ response: "alive" });
    expect(bad).toBeGreaterThan(5_000);
  });
});

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
      const subject = `myelin.${fleet.namespace}.${channel}.TASK.echo.normal.00._`;
      for (const bytes of Object.values(bad)) for (let n = 0; n < 3; n++) await fleet.inject(subject, bytes);
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
    await fleet.inject(`myelin.${fleet.namespace}.live.AGENT_OUTPUT.${to}._.00.run_x`, "garbage");
    await fleet.inject(`myelin.${fleet.namespace}.live.AGENT_OUTPUT.${to}._.00.run_x`, encodeSignal(task));
    const reply = await dispatcher.dispatchAndWait({ neuron: "echo", input: { prompt: "x" }, traceId: newTraceId() });
    expect(reply.payload.output).toEqual({ response: "x" });
  });

  test("10,000 random mutations of valid Signals crash nothing, and the next good message is served", async () => {
    await using fleet = await withFleet(transport);
    let bad = 0;
    const worker = await fleet.worker([echoAxon()], { observer: { badMessage: () => void bad++ } });
    worker.onSignal("TASK", {}, () => {});
    await worker.onTrace(task.trace_id, () => {}).ready;
    const bus = await fleet.bus();
    const subject = `myelin.${fleet.namespace}.live.TASK.echo.normal.00._`;
    if (transport === "memory") for (let seed = 0; seed < 10_000; seed++) await fleet.inject(subject, mutated(seed));
    else await injectAll(subject);
    expect(bus.namespace).toBe(fleet.namespace);
    const reply = await fleet
      .dendrite()
      .dispatchAndWait({ neuron: "echo", input: { prompt: "alive" }, delivery: "transient" });
    expect(reply.payload.output).toEqual({ response: "alive" });
    expect(bad).toBeGreaterThan(5_000);
  });
});

const mutated = (seed: number) => mutateBytes(encodeSignal(validSignals[seed % validSignals.length]!), seed);

/** All over one connection: a connection each would be a test of the server. */
async function injectAll(subject: string): Promise<void> {
  const { connect } = await import("@nats-io/transport-node");
  const { sharedNatsUrl } = await import("../../helpers/with-nats.ts");
  const connection = await connect({ servers: sharedNatsUrl() });
  for (let seed = 0; seed < 10_000; seed++) connection.publish(subject, mutated(seed));
  await connection.flush();
  await connection.close();
}

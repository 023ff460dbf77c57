import { describe, expect, test } from "@jest/globals";
import { connectSynapse, type Signal } from "@myelin/bus";
import { Axon, Dendrite } from "@myelin/dendrite";
import { deferred, until } from "../../helpers/with-fleet.ts";
import { startOwnNats } from "../../helpers/with-nats.ts";

describe("kill -9 of the nats-server", () => {
  test("D1, S3: who waits gets the reply, workers and handlers go on, and the roster forgets nobody", async () => {
    await using nats = await startOwnNats();
    await using workerSynapse = await connectSynapse(nats.url);
    await using synapse = await connectSynapse(nats.url);
    const [started, finish] = [deferred(), deferred()];
    await using worker = new Dendrite({ synapse: workerSynapse, namespace: "reconnect" });
    worker.attachAxon(
      new Axon({
        neuronId: "waits",
        neuron: async (input) => {
          if (input.slow) {
            started.resolve();
            await finish.promise;
          }
          return { n: input.n };
        },
      }),
    );
    await worker.start();
    await using dispatcher = new Dendrite({ synapse, namespace: "reconnect" });
    const heard: Signal[] = [];
    await dispatcher.onAgentOutput((signal) => void heard.push(signal)).ready;
    const waiting = dispatcher.dispatchAndWait({ neuron: "waits", input: { slow: true, n: 1 } });
    await started.promise;
    void nats.kill("SIGKILL");
    finish.resolve();
    // Appended while the server is away: settles once it is back.
    const during = dispatcher.dispatchAndWait({ neuron: "waits", input: { n: 2 } });
    await nats.restart();
    expect((await waiting).payload.output).toEqual({ n: 1 });
    expect((await during).payload.output).toEqual({ n: 2 });
    for (let n = 3; n < 13; n++) {
      const delivery = n % 2 ? "durable" : "transient";
      expect((await dispatcher.dispatchAndWait({ neuron: "waits", input: { n }, delivery })).payload.output).toEqual({
        n,
      });
    }
    await until(
      () => heard.filter((one) => one.type === "AGENT_OUTPUT" && Number(one.payload.output.n) > 2).length === 10,
    );
    expect(await dispatcher.roster()).toHaveLength(1);
  });
});

/** Inputs and outputs that are larger than a message of the server: nobody notices, and the record is whole. */
import { describe, expect, test } from "@jest/globals";
import type { Signal } from "@myelin/bus";
import { Axon } from "@myelin/dendrite";
import { Recorder, RunStore } from "@myelin/runs";
import { expectNoLeaks } from "../../helpers/leaks.ts";
import { withDatabase } from "../../helpers/with-database.ts";
import { TRANSPORTS, withFleet } from "../../helpers/with-fleet.ts";

expectNoLeaks();

const SIZE = 3_000_000;
/** Not toEqual: it takes seconds for texts like these. */
const isText = (value: unknown, mark: string) => value === mark.repeat(SIZE);

const shout = () =>
  new Axon({
    neuronId: "shout",
    concurrency: 4,
    neuron: (input: Record<string, unknown>) => ({ text: String(input["text"]).toUpperCase() }),
  });

describe.each(TRANSPORTS)("3 MB in and 3 MB out, over %s", (transport) => {
  test.each(["durable", "transient"] as const)("dispatchAndWait, %s, one and several at once", async (delivery) => {
    await using fleet = await withFleet(transport);
    await fleet.worker([shout()], { synapse: await fleet.connect() });
    const dispatcher = fleet.dendrite();
    const one = async (mark: string) => {
      const { payload } = await dispatcher.dispatchAndWait({
        neuron: "shout",
        input: { text: mark.repeat(SIZE) },
        delivery,
      });
      return isText(payload.output["text"], mark.toUpperCase());
    };
    expect(await one("a")).toBe(true);
    expect(await Promise.all(["b", "c", "d"].map(one))).toEqual([true, true, true]);
  });

  test("under an idempotency key: the second caller gets the same 3 MB", async () => {
    await using fleet = await withFleet(transport);
    let runs = 0;
    const counted = new Axon({
      neuronId: "counted",
      neuron: (input: Record<string, unknown>) => ({ text: input["text"], run: ++runs }),
    });
    await fleet.worker([counted]);
    const dispatcher = fleet.dendrite();
    const ask = () =>
      dispatcher.dispatchAndWait({
        neuron: "counted",
        input: { text: "k".repeat(SIZE) },
        idempotencyKey: "order 7",
      });
    for (const { payload } of [await ask(), await ask()]) {
      expect([payload.output["run"], isText(payload.output["text"], "k")]).toEqual([1, true]);
    }
  });

  test("handlers hear it, and RunStore gives input and output back", async () => {
    await using fleet = await withFleet(transport);
    await using database = await withDatabase();
    await fleet.worker([shout()]);
    const bus = await fleet.bus();
    await using recorder = new Recorder({ bus, databaseUrl: database.url });
    await recorder.start();
    const dispatcher = fleet.dendrite();
    const heard: Signal[] = [];
    await dispatcher.onAgentOutput((signal) => void heard.push(signal)).ready;
    const reply = await dispatcher.dispatchAndWait({ neuron: "shout", input: { text: "x".repeat(SIZE) } });
    await recorder.waitFor((await bus.info()).lastSeq);
    await using store = RunStore.fromDatabaseUrl(database.url);
    const run = await store.getRun(reply.meta.run_id!);
    expect(run?.status).toBe("success");
    expect(isText((run?.input as { text?: string } | null)?.text, "x")).toBe(true);
    expect(isText((run?.output as { text?: string } | null)?.text, "X")).toBe(true);
    expect(await database.query("SELECT * FROM dead_letters")).toEqual([]);
    expect(heard.map(({ id }) => id)).toEqual([reply.id]);
  });
});

/**
 * The README stays short, and the quickstart's files do what it says, run as it says: in the repository, from the sources.
 * pack.test.ts compiles and runs the code of all documents as somebody without the repository would.
 */
import { expect, test } from "@jest/globals";
import { connectSynapse, Recorder } from "myelin";
import { readRepository } from "../helpers/docs.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { extractCode } from "../helpers/markdown-code.ts";
import { startProgram } from "../helpers/program.ts";
import { withDatabase } from "../helpers/with-database.ts";
import { startOwnNats } from "../helpers/with-nats.ts";

expectNoLeaks();

test("the README stays short", () => {
  expect(readRepository("README.md").split("\n").length).toBeLessThan(180);
});

test("the quickstart's worker and client do what it says", async () => {
  await using quickstart = await extractCode("docs/quickstart.md");
  // Of its own, because the namespace is the one that everybody has who names none.
  await using nats = await startOwnNats();
  const start = (file: string, env: Record<string, string> = {}) =>
    startProgram(quickstart.path(file), { env: { SYNAPSE_URL: nats.url, ...env } });

  await using shouter = start("my-worker.ts");
  await shouter.line(/^working/);
  await using client = start("my-client.ts");
  expect(await client.exited).toMatchObject({ code: 0 });
  expect(client.lines).toEqual(["HELLO", "shouter: 1 done"]);
  expect(await shouter.stop()).toMatchObject({ code: 0 });

  await using late = start("my-client.ts");
  expect(await late.exited).toMatchObject({ code: 1 });
  expect(late.lines.join("\n")).toContain("NoWorkerError");

  await using database = await withDatabase();
  await record("default", nats.url, database.url);
  await using runs = start("my-runs.ts", { DATABASE_URL: database.url });
  expect(await runs.exited).toMatchObject({ code: 0 });
  expect(runs.lines).toEqual(["success { shouted: 'HELLO' } TASK, THOUGHT_DELTA, AGENT_OUTPUT"]);
});

/** Record what the log of a namespace holds now. */
async function record(namespace: string, natsUrl: string, databaseUrl: string): Promise<void> {
  await using synapse = await connectSynapse(natsUrl);
  const bus = await synapse.open(namespace);
  await using recorder = new Recorder({ bus, databaseUrl });
  await recorder.start();
  await recorder.waitFor((await bus.info()).lastSeq);
}

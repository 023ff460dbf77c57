/** Stream to a browser: serves the page, plays its script, and cuts its connection in the middle. Checks itself. */
import assert from "node:assert/strict";
import { startPostgres } from "@myelin/dev";
import {
  Axon,
  connectSynapse,
  createRunRouter,
  defineAgent,
  Dendrite,
  loopbackOnly,
  migrate,
  Recorder,
  RunStore,
  tool,
} from "myelin";
import { z } from "zod";
import { chooseModel, isLocal } from "../model.ts";
import { servePage } from "../serve-page.ts";
import { NodeEventSource } from "./node-event-source.ts";

/** The shelf takes its time: until the page has lost its connection, and come back. */
let giveBook = () => {};
const bookIsThere = new Promise<void>((resolve) => (giveBook = resolve));
const librarian = defineAgent({
  name: "librarian",
  model: chooseModel(({ results }) => {
    const [book] = results;
    return book
      ? `The oldest one is ${book.content}, and nobody knows who wrote it.`
      : { tool: "fetch_book", params: { wanted: "the oldest" } };
  }),
  prompt: "You answer questions about the library, with fetch_book. One sentence.",
  tools: [
    tool({
      name: "fetch_book",
      description: "Fetch a book from the shelf.",
      input: z.object({ wanted: z.string() }),
      run: () => bookIsThere.then(() => "Gilgamesh"),
    }),
  ],
});

const namespace = "example-stream-to-browser";
await using own = process.env["DATABASE_URL"] ? null : await startPostgres();
const databaseUrl = process.env["DATABASE_URL"] || own!.url;
await migrate(databaseUrl);
await using synapse = await connectSynapse(process.env["SYNAPSE_URL"] ?? "nats://127.0.0.1:4222");
await using recorder = new Recorder({ bus: await synapse.open(namespace), databaseUrl });
await recorder.start();
await using worker = new Dendrite({ synapse, namespace, dendriteId: "worker" });
await worker.attachAxon(new Axon({ ...librarian })).start();
await using dendrite = new Dendrite({ synapse, namespace, dendriteId: "http" });
await using store = RunStore.fromDatabaseUrl(databaseUrl);
const router = createRunRouter({ store, dendrite, authorize: loopbackOnly(), basePath: "/api", retryMs: 100 });

/** Where each connection of a page goes on. */
const comesBackAfter: string[] = [];
const api = (request: Request): Promise<Response> => {
  const lastEventId = request.headers.get("last-event-id");
  if (lastEventId !== null) comesBackAfter.push(lastEventId);
  return router(request);
};
await using server = await servePage(new URL(".", import.meta.url), api);

/** As much of a document as the script asks for. Cuts the connection at the first tool call; the book comes when the page is back. */
const steps: string[] = [];
const elements: Record<string, Record<string, unknown>> = {
  "#text": { value: "Who wrote the oldest book?" },
  "#says": { textContent: "" },
  "#steps": {
    replaceChildren: () => (steps.length = 0),
    append: ({ textContent }: { textContent: string }) => {
      steps.push(textContent);
      if (textContent.startsWith("calls")) server.cut();
      if (textContent.startsWith("the connection broke")) giveBook();
    },
  },
  "#ask": {},
};
const { mount } = (await import(new URL("page.js", import.meta.url).href)) as { mount: (document: object) => void };
mount({
  baseURI: server.url,
  defaultView: { EventSource: NodeEventSource },
  querySelector: (selector: string) => elements[selector],
  createElement: () => ({}),
});

const pressAsk = elements["#ask"]!["onsubmit"] as (event: object) => Promise<void>;
await pressAsk({ preventDefault: () => {} });
for (const step of steps) console.log(step);
const says = String(elements["#says"]!["textContent"]);

assert.ok(comesBackAfter.length >= 1, "the page came back");
assert.match(comesBackAfter[0]!, /^\d+$/);
console.log(`its connection was cut; it came back after event ${comesBackAfter[0]}`);

// Nothing was lost and nothing came twice, although the book came while nobody listened.
if (isLocal) {
  assert.deepEqual(steps, [
    'calls fetch_book({"wanted":"the oldest"})',
    "the connection broke; it comes back by itself",
    'fetch_book: "Gilgamesh"',
    "ended: success",
  ]);
  assert.equal(says, "The oldest one is Gilgamesh, and nobody knows who wrote it.");
} else {
  assert.equal(steps.at(-1), "ended: success");
}
console.log(`every step is there once, and so is the answer: ${says}`);
await server.stay();

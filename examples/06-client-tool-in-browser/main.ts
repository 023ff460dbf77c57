/** Client tool in a browser: serves the page, and plays its script as a user would. Checks itself. */
import assert from "node:assert/strict";
import { Axon, connectSynapse, createRunRouter, defineAgent, Dendrite, loopbackOnly, tool } from "myelin";
import { z } from "zod";
import { chooseModel, isLocal } from "../model.ts";
import { servePage } from "../serve-page.ts";

/** A client tool has no `run`: a call of it pauses the run until somebody submits a result. */
const readSheet = tool({
  name: "read_sheet",
  description: "Read the table that the user is looking at: rows of a name and an amount.",
  input: z.object({}),
  target: "client",
});
const analyst = defineAgent({
  name: "analyst",
  model: chooseModel(({ results }) => {
    const [sheet] = results;
    if (!sheet) return { tool: "read_sheet", params: {} };
    const rows: unknown = JSON.parse(sheet.content);
    if (!Array.isArray(rows)) return `I cannot see your table: ${sheet.content}`;
    return `In all it is ${rows.reduce((sum, row) => sum + Number(row[1]), 0)}.`;
  }),
  prompt: "You answer questions about the table of the user, which you read with read_sheet. One sentence.",
  tools: [readSheet],
});

const namespace = "example-client-tool";
await using synapse = await connectSynapse(process.env["SYNAPSE_URL"] ?? "nats://127.0.0.1:4222");
await using worker = new Dendrite({ synapse, namespace, dendriteId: "worker" });
await worker.attachAxon(new Axon({ ...analyst })).start();
await using dendrite = new Dendrite({ synapse, namespace, dendriteId: "http" });
const router = createRunRouter({ dendrite, authorize: loopbackOnly(), basePath: "/api" });
await using server = await servePage(new URL(".", import.meta.url), router);

const html = await (await fetch(server.url)).text();
assert.match(html, /<script type="module" src="page.js">/);
console.log("the page is served, with its script");

/** As much of a document as the script asks for, with what stands in the page. */
const elements: Record<string, { value: string; textContent: string; onsubmit?: (event: object) => Promise<void> }> = {
  "#sheet": { value: /<textarea[^>]*>\n?([^<]*)/.exec(html)![1]!, textContent: "" },
  "#text": { value: /id="text"[^>]*value="([^"]*)"/.exec(html)![1]!, textContent: "" },
  "#answer": { value: "", textContent: "" },
  "#ask": { value: "", textContent: "" },
};
const { mount } = (await import(new URL("page.js", import.meta.url).href)) as { mount: (document: object) => void };
mount({ baseURI: server.url, querySelector: (selector: string) => elements[selector] });
const pressAsk = () => elements["#ask"]!.onsubmit!({ preventDefault: () => {} });
const answer = () => elements["#answer"]!.textContent;

await pressAsk();
assert.match(answer(), /1.?255/);
console.log(`asked, and the page ran the tool: ${answer()}`);

elements["#sheet"]!.value = "rent, 1000\nfood, 300";
await pressAsk();
assert.match(answer(), /1.?300/);
console.log(`the user changed the table: ${answer()}`);

elements["#sheet"]!.value = "";
await pressAsk();
if (isLocal) assert.match(answer(), /the table is empty/);
console.log(`a tool that fails is an answer too: ${answer()}`);

await server.stay();
await worker.stop();
await pressAsk();
assert.match(answer(), /It failed: /);
console.log(`nobody there: ${answer()}`);

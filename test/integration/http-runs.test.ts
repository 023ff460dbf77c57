/** The run routes in front of an agent, a bus and a database: what two people at two HTTP processes do with one run. */
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createRunRouter, nodeListener } from "@myelin/http";
import { Recorder, RunStore } from "@myelin/runs";
import { APPROVAL, fakeAgent } from "../helpers/fake-agent.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { withDatabase, type TestDatabase } from "../helpers/with-database.ts";
import { until, withFleet, type Fleet } from "../helpers/with-fleet.ts";

let database: TestDatabase;
let fleet: Fleet;
let recorder: Recorder;
let store: RunStore;
/** Two processes: what one began the other goes on with. */
const urls: string[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  [database, fleet] = await Promise.all([withDatabase(), withFleet("memory")]);
  await fleet.worker([fakeAgent({ neuronId: "support", pauses: [APPROVAL] }), fakeAgent({ neuronId: "quick" })]);
  recorder = new Recorder({ bus: await fleet.bus(), synapse: fleet.synapse, databaseUrl: database.url });
  await recorder.start();
  store = RunStore.fromDatabaseUrl(database.url);
  for (let at = 0; at < 2; at++) {
    const dendrite = fleet.dendrite();
    await dendrite.start();
    const authorize = ({ headers }: Request) => ({
      tenantId: headers.get("x-tenant") ?? "acme",
      actor: headers.get("x-actor") ?? "ada",
    });
    const server = createServer(nodeListener(createRunRouter({ store, dendrite, authorize }))).listen(0, "127.0.0.1");
    await once(server, "listening");
    servers.push(server);
    urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
});
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await store.close();
  await recorder.drain();
  await fleet[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
expectNoLeaks();

type Body = Record<string, unknown>;
async function call(at: 0 | 1, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${urls[at]}${path}`, {
    method,
    headers: { connection: "close", ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, headers: response.headers, text, body: (isJson ? JSON.parse(text) : {}) as Body };
}
const framesOf = (text: string) => [...text.matchAll(/^event: (.*)$/gm)].map(([, event]) => event);
const statusIs = (runId: string, status: string) =>
  until(async () => (await call(1, "GET", `/runs/${runId}`)).body["status"] === status);

describe("an agent's run over HTTP", () => {
  test("is started in one process, approved in another, followed, and is in the records of both", async () => {
    const begun = await call(0, "POST", "/runs", { agent: "support", text: "refund 7", metadata: { thread_id: "t1" } });
    expect(begun.status).toBe(202);
    const runId = begun.body["run_id"] as string;
    const at = new URL(begun.headers.get("location")!, `${urls[0]}/runs`).pathname;
    expect((await call(1, "GET", at)).body).toMatchObject({ run_id: runId, tenant_id: "acme" });
    await statusIs(runId, "waiting_approval");

    const followed = call(1, "GET", `/runs/${runId}/events/stream`);
    const live = call(1, "GET", `/runs/${runId}/events/stream?deltas=1`);
    const approved = await call(1, "POST", `/runs/${runId}/approval?wait=1`, { approved: true });
    expect(approved.status).toBe(200);
    expect(approved.body).toMatchObject({ run_id: runId, status: "success", answer: '{"call_a":true}', pause: null });

    const recorded = framesOf((await followed).text);
    expect(recorded[0]).toBe("attempt.started");
    expect(recorded.slice(-2)).toEqual(["run.completed", "end"]);
    expect(recorded).toEqual(expect.arrayContaining(["run.paused", "approval.decided", "run.resumed"]));
    expect(framesOf((await live).text).slice(-2)).toEqual(["run_completed", "end"]);

    const { body } = await call(0, "GET", `/runs/${runId}/pauses`);
    expect(body["items"]).toMatchObject([
      { decisions: [{ call_id: "call_a", approved: true, by: "ada" }], is_open: false },
    ]);
    const again = await call(0, "POST", `/runs/${runId}/approval`, { approved: true });
    expect(again).toMatchObject({ status: 409, body: { code: "RUN_ALREADY_TERMINAL", current_status: "success" } });
  });

  test("H1: another tenant can neither see nor steer it", async () => {
    const { body } = await call(0, "POST", "/runs", { agent: "support", text: "x" });
    const runId = body["run_id"] as string;
    await statusIs(runId, "waiting_approval");
    const other = { "x-tenant": "other" };
    for (const [method, path, sent] of [
      ["POST", "/approval", { approved: true }],
      ["POST", "/input", { text: "x" }],
      ["POST", "/tool-results", { results: [{ call_id: "call_a", result: 1 }] }],
      ["POST", "/cancel", {}],
      ["DELETE", "", undefined],
      ["POST", "/retry", {}],
    ] as const) {
      const refused = await call(1, method, `/runs/${runId}${path}`, sent, other);
      expect({ path, status: refused.status, code: refused.body["code"] }).toEqual({
        path,
        status: 404,
        code: "RUN_NOT_FOUND",
      });
    }
    expect((await call(1, "GET", `/runs/${runId}`)).body).toMatchObject({ status: "waiting_approval" });

    expect((await call(1, "DELETE", `/runs/${runId}`)).body).toMatchObject({ run_id: runId, status: "cancelled" });
    await statusIs(runId, "cancelled");
    const retried = await call(0, "POST", `/runs/${runId}/retry`);
    expect(retried.status).toBe(202);
    await statusIs(retried.body["run_id"] as string, "waiting_approval");
    expect((await call(0, "GET", `/runs/${String(retried.body["run_id"])}`)).body).toMatchObject({
      retry_of_run_id: runId,
    });
  });

  test("is shown while it runs, and waited for", async () => {
    const streamed = await call(0, "POST", "/runs/stream", { agent: "quick", text: "x" });
    expect(framesOf(streamed.text)[0]).not.toBe("end");
    expect(framesOf(streamed.text).slice(-2)).toEqual(["run_completed", "end"]);
    const waited = await call(1, "POST", "/runs?wait=1", { agent: "quick", text: "x" });
    expect(waited).toMatchObject({ status: 200, body: { status: "success", model: "fake:one" } });
    const paused = await call(1, "POST", "/runs?wait=1", { agent: "support", text: "x" });
    expect(paused).toMatchObject({
      status: 202,
      body: { status: "waiting_approval", pause: { status: "waiting_approval" } },
    });
  });

  test("is refused before it begins, with what there is", async () => {
    const unknown = await call(0, "POST", "/runs", { agent: "quick", text: "x", tools: ["refnd"] });
    expect(unknown).toMatchObject({
      status: 422,
      body: { code: "UNKNOWN_NAME", unknown_name: "refnd", known: ["refund", "search"] },
    });
    const nobody = await call(0, "POST", "/runs/stream", { agent: "nobody", text: "x" });
    expect(nobody).toMatchObject({ status: 503, body: { code: "NO_WORKER" } });
    const history = await call(0, "POST", "/runs", {
      agent: "quick",
      text: "x",
      history: [{ role: "assistant", content: "y" }],
    });
    expect(history).toMatchObject({ status: 400, body: { code: "INPUT_INVALID" } });
  });
});

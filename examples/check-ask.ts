/** What a client of an `/ask` app sees, whatever framework it is made with. */
import assert from "node:assert/strict";

/** `url` is the app's, without a slash at its end. */
export async function checkAsk(url: string): Promise<void> {
  async function post(path: string, body: unknown) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  const asked = await post("/ask", { prompt: "Where is order 7?" });
  assert.equal(asked.status, 200);
  assert.match(String(asked.body["response"]), /kettle/);
  console.log(`POST /ask: ${String(asked.body["response"])}`);

  const empty = await post("/ask", { prompt: "" });
  assert.deepEqual([empty.status, typeof empty.body["detail"]], [400, "string"]);
  console.log(`POST /ask without a prompt is 400: ${String(empty.body["detail"])}`);

  const waits = await post("/ask", { prompt: "I want a refund of order 8." });
  assert.deepEqual([waits.status, waits.body["status"]], [200, "waiting_approval"]);
  const approved = await post(`/api/runs/${String(waits.body["runId"])}/approval?wait=1`, { approved: true });
  assert.deepEqual([approved.status, approved.body["status"]], [200, "success"]);
  console.log(`a refund waits for POST /api/runs/{id}/approval: ${String(approved.body["answer"])}`);

  const missing = await post("/api/runs/run_nobody/approval?wait=1", { approved: true });
  assert.deepEqual([missing.status, missing.body["code"]], [404, "RUN_NOT_FOUND"]);
  console.log("a run that is not there is 404");
}

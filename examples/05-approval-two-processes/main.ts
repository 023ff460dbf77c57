/** Approval in two processes: who asks is gone by the time somebody agrees, and the run goes on all the same. Checks itself. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { spawnNode, type NodeProcess } from "@myelin/dev";

const env = { ...process.env, NAMESPACE: "example-approval" };

/** Start one of the files here, and wait for the line that says it is ready. */
async function start(file: string): Promise<NodeProcess & { readonly says: string }> {
  const lines: string[] = [];
  let onLine = () => {};
  const spoken = new Promise<void>((resolve) => (onLine = resolve));
  const child = spawnNode({
    file: fileURLToPath(new URL(file, import.meta.url)),
    execArgv: ["--import", "tsx", "--conditions=source"],
    env,
    onLine: (line) => {
      lines.push(line);
      onLine();
    },
  });
  await Promise.race([spoken, child.exited]);
  const [says] = lines;
  assert.match(says ?? "", /^(ready|http)/, `${file} did not start:\n${lines.join("\n")}`);
  return { ...child, says: says! };
}

async function post(url: string, body: unknown) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const [worker, a] = await Promise.all([start("worker.ts"), start("web.ts")]);

const asked = await post(`${a.says}/runs?wait=1`, { agent: "support", text: "I want a refund of order 7." });
assert.equal(asked.body["status"], "waiting_approval");
const runId = String(asked.body["run_id"]);
const { question } = asked.body["pause"] as { question: string };
console.log(`process A (${a.pid}) started a run, and is asked: ${question}`);

assert.equal((await a.stop()).code, 0);
console.log("process A has exited; the run waits, in nobody's memory");

const b = await start("web.ts");
assert.notEqual(b.pid, a.pid);
const approved = await post(`${b.says}/runs/${runId}/approval?wait=1`, { approved: true, by: "ada" });
assert.deepEqual([approved.status, approved.body["status"]], [200, "success"]);
console.log(
  `process B (${b.pid}) said yes, and the worker (${worker.pid}) went on: ${String(approved.body["answer"])}`,
);

const late = await post(`${b.says}/runs/${runId}/approval`, { approved: false, by: "bob" });
assert.equal(late.status, 409);
console.log(`a second word is refused: ${String(late.body["detail"])}`);

const ends = await Promise.all([worker.stop(), b.stop()]);
assert.deepEqual(
  ends.map(({ code }) => code),
  [0, 0],
);
console.log("both stopped in order");

/** Section: what a Model makes of servers that fail, stop, or say nothing, and of callers who leave. */
import { expect, test } from "@jest/globals";
import type { ModelRetry } from "../../src/model/model.ts";
import { failureOf } from "./suite.ts";
import type { Open } from "./suite.ts";

export function describeAccidents(open: Open): void {
  test.each([
    ["rate-limited-once", 429, "MODEL_RATE_LIMITED"],
    ["overloaded-once", 529, "MODEL_OVERLOADED"],
  ] as const)("%s: waits as long as it is asked to, tells, tries again and answers", async (scenario, status, code) => {
    await using stage = await open(scenario);
    const retries: ModelRetry[] = [];
    const answer = await stage.streamed({}, { onRetry: (retry) => void retries.push(retry) });
    expect(answer.text).toBe(stage.deltas.map(({ text }) => text).join(""));
    expect(answer.text).not.toBe("");
    expect(retries).toEqual([{ attempt: 1, statusCode: status, code, retryAfterMs: 0 }]);
    expect(stage.server.requests).toHaveLength(2);
  });

  test("gives up after maxRetries; the last failure is told as the failure, not as a retry", async () => {
    await using stage = await open("rate-limited", { maxRetries: 2 });
    const retries: ModelRetry[] = [];
    const failure = await failureOf(stage.call({}, { onRetry: (retry) => void retries.push(retry) }));
    expect(failure).toMatchObject({ code: "MODEL_RATE_LIMITED", recoverable: true });
    expect(retries.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(stage.server.requests).toHaveLength(3);
  });

  test.each([
    ["out-of-quota", "MODEL_REFUSED_REQUEST", false, "429 no money"],
    ["overloaded", "MODEL_OVERLOADED", true, "529 Overloaded"],
    ["refused", "MODEL_REFUSED_REQUEST", false, "400 no such parameter"],
    ["bad-gateway", "MODEL_UNAVAILABLE", true, "502 <html>bad gateway"],
  ] as const)("%s is %s, and the message says which model and what", async (scenario, code, recoverable, text) => {
    await using stage = await open(scenario, { maxRetries: 0 });
    const failure = await failureOf(stage.streamed());
    expect(failure).toMatchObject({ code, recoverable });
    expect(failure.message).toContain(`model "${scenario}" at 127.0.0.1`);
    expect(failure.message).toContain(text);
    expect(failure.message.length).toBeLessThanOrEqual(1_001);
  });

  test.each(["rate-limited-long", "out-of-quota", "refused"] as const)("%s is not tried again", async (scenario) => {
    await using stage = await open(scenario);
    const retries: ModelRetry[] = [];
    await failureOf(stage.call({}, { onRetry: (retry) => void retries.push(retry) }));
    expect({ retries, requests: stage.server.requests.length }).toEqual({ retries: [], requests: 1 });
  });

  test.each([
    ["error-mid-stream", "MODEL_OVERLOADED"],
    ["cut-mid-stream", "MODEL_UNAVAILABLE"],
    ["ends-early", "MODEL_UNAVAILABLE"],
    ["not-json", "MODEL_UNAVAILABLE"],
  ] as const)("%s is %s: half an answer is none, and is not asked for again", async (scenario, code) => {
    await using stage = await open(scenario);
    const failure = await failureOf(stage.streamed());
    expect(failure).toMatchObject({ code, recoverable: true });
    expect(stage.deltas).toHaveLength(1);
    expect(stage.server.requests).toHaveLength(1);
  });

  test("a server that is not there is MODEL_UNAVAILABLE, with the reason, and tried again", async () => {
    const stage = await open("says-a-text", { maxRetries: 1 });
    await stage[Symbol.asyncDispose]();
    const retries: ModelRetry[] = [];
    const failure = await failureOf(stage.call({}, { onRetry: (retry) => void retries.push(retry) }));
    expect(failure).toMatchObject({ code: "MODEL_UNAVAILABLE", recoverable: true });
    expect(failure.message).toContain("ECONNREFUSED");
    expect(retries).toEqual([{ attempt: 1, statusCode: null, code: "MODEL_UNAVAILABLE", retryAfterMs: null }]);
  });

  test.each([
    ["stuck", "streamed"],
    ["silent", "streamed"],
    ["silent", "call"],
  ] as const)("%s (%s): silence beyond timeoutMs is MODEL_TIMEOUT, and closes the request", async (scenario, way) => {
    await using stage = await open(scenario, { timeoutMs: 200, maxRetries: 0 });
    const failure = await failureOf(stage[way]());
    expect(failure).toMatchObject({ code: "MODEL_TIMEOUT", recoverable: true });
    const request = await stage.server.firstRequest;
    await request.closed;
    expect(request.aborted).toBe(true);
  });

  test.each(["streamed", "call"] as const)("an abort before the answer begins closes the request (%s)", async (way) => {
    await using stage = await open("silent");
    const cancel = new AbortController();
    const failing = failureOf(stage[way]({}, { signal: cancel.signal }));
    const request = await stage.server.firstRequest;
    cancel.abort();
    expect(await failing).toMatchObject({ code: "CANCELLED", recoverable: false });
    await request.closed;
    expect(request.aborted).toBe(true);
  });

  test("an abort in the middle of the answer closes the request", async () => {
    await using stage = await open("stuck");
    const cancel = new AbortController();
    const failure = await failureOf(stage.call({}, { signal: cancel.signal, onDelta: () => cancel.abort() }));
    expect(failure).toMatchObject({ code: "CANCELLED", recoverable: false });
    const request = await stage.server.firstRequest;
    await request.closed;
    expect(request.aborted).toBe(true);
  });

  test("an abort during the pause before another try is heard at once, and nothing is asked again", async () => {
    await using stage = await open("rate-limited-awhile");
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    const cancel = new AbortController();
    const call = stage.call({}, { signal: cancel.signal, onRetry: () => queueMicrotask(() => cancel.abort()) });
    expect(await failureOf(call)).toMatchObject({ code: "CANCELLED", recoverable: false });
    expect(stage.server.requests).toHaveLength(1);
    expect(timers()).toBe(before);
  });

  test("a call that is aborted already asks nothing", async () => {
    await using stage = await open("says-a-text");
    expect(await failureOf(stage.streamed({}, { signal: AbortSignal.abort() }))).toMatchObject({ code: "CANCELLED" });
    expect(stage.server.requests).toHaveLength(0);
  });

  test("what the listener throws is not taken for a failure of the model, and closes the request", async () => {
    await using stage = await open("stuck");
    const broken = new TypeError("listener");
    const call = stage.call(
      {},
      {
        onDelta: () => {
          throw broken;
        },
      },
    );
    await expect(call).rejects.toBe(broken);
    const request = await stage.server.firstRequest;
    await request.closed;
    expect(request.aborted).toBe(true);
  });

  test("the key is in no failure, also when the server repeats it, and not in what was sent", async () => {
    await using stage = await open("unauthorized");
    const failure = await failureOf(stage.streamed());
    expect(failure).toMatchObject({ code: "MODEL_REFUSED_REQUEST", message: expect.stringContaining("[redacted]") });
    expect(`${failure.message} ${failure.stack} ${JSON.stringify(failure)}`).not.toContain("sk-secret-of-mine");
    expect("cause" in failure).toBe(false);
    const answer = await stage.call({ model: "says-a-text" });
    expect(JSON.stringify(answer)).not.toContain("sk-secret-of-mine");
  });
}

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { askAll, isAnswer, median, type Answer, type Unanswered } from "./ask.ts";

describe("askAll", () => {
  test("gives one result per question in their order, also for those that got none, at most eight at once", async () => {
    let [now, most] = [0, 0];
    // Nobody is answered before eight wait.
    let openGate = () => {};
    const gate = new Promise<void>((resolve) => (openGate = resolve));
    const server = createServer((req, res) => {
      most = Math.max(most, ++now);
      if (now === 8) openGate();
      let body = "";
      req.on("data", (chunk) => (body += String(chunk)));
      req.on("end", () => {
        void gate.then(() => {
          now--;
          const { prompt } = JSON.parse(body) as { prompt: string };
          if (prompt === "bad") return void res.writeHead(503).end(JSON.stringify({ detail: "no worker" }));
          if (prompt === "cut") return void res.destroy();
          res.end(JSON.stringify({ response: prompt, runId: "r", traceId: "t", worker: { instance: "dnd_1" } }));
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const gatewayUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const told: (Answer | Unanswered)[] = [];
    const questions = [...Array.from({ length: 20 }, (_, at) => `q${at}`), "bad", "cut"];
    const results = await askAll(questions, {
      gatewayUrl,
      metadata: {},
      signal: new AbortController().signal,
      onAnswer: (result) => told.push(result),
    });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));

    expect(results.map(({ question }) => question)).toEqual(questions);
    expect(results.filter(isAnswer)).toHaveLength(20);
    expect(results.slice(20)).toMatchObject([
      { problem: "503 no worker" },
      { problem: expect.stringContaining("fetch failed") },
    ]);
    expect(told).toHaveLength(22);
    expect(most).toBe(8);
  });

  test("ends with the signal's reason", async () => {
    const reason = new Error("Ctrl-C");
    const options = { gatewayUrl: "http://127.0.0.1:9", metadata: {}, onAnswer: () => {} };
    await expect(askAll(["q"], { ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test.each([
    [[], 0],
    [[7], 7],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
  ])("median(%j) is %d", (values, expected) => {
    expect(median(values)).toBe(expected);
  });
});

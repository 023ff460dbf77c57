import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { ModelResponse } from "../model/model.ts";
import { resolveProviderOptions } from "./provider-options.ts";
import { createVendorModel } from "./vendor-model.ts";
import type { VendorClient } from "./vendor-model.ts";

const RESPONSE: Omit<ModelResponse, "providerRequest" | "providerResponse"> = {
  ...{ text: "", toolCalls: [], reasoning: null, reasoningBlocks: [], model: "m", finishReason: "stop" },
  usage: {
    ...{ inputTokens: null, outputTokens: null, reasoningTokens: null },
    ...{ cacheReadInputTokens: null, cacheCreationInputTokens: null },
  },
};
const settings = { ...resolveProviderOptions("test", "m", {}), vendor: "test", prices: {} };
const client: VendorClient<object, string> = {
  baseURL: "http://vendor.example",
  secrets: [],
  toBody: () => ({}),
  send: () => Promise.resolve("whole"),
  stream: () => Promise.reject(new Error("unused")),
  toResponse: () => RESPONSE,
};

test("an abort is CANCELLED at once, also while the SDK does not hear it", async () => {
  const cancel = new AbortController();
  const model = createVendorModel(settings, () =>
    Promise.resolve({
      ...client,
      send: () => {
        cancel.abort();
        return new Promise<string>(() => {});
      },
    }),
  );
  const call = model.generate({ messages: [] }, { signal: cancel.signal });
  await expect(call).rejects.toMatchObject({ code: "CANCELLED", recoverable: false });
});

test("an SDK that could not be loaded is loaded again by the next call, and else once", async () => {
  let loads = 0;
  const model = createVendorModel(settings, () => {
    loads++;
    return loads === 1 ? Promise.reject(new Error("no such module")) : Promise.resolve(client);
  });
  const { signal } = new AbortController();
  await expect(model.generate({ messages: [] }, { signal })).rejects.toThrow("no such module");
  const answers = await Promise.all([1, 2].map(() => model.generate({ messages: [] }, { signal })));
  expect(answers.map(({ providerResponse }) => providerResponse)).toEqual(["whole", "whole"]);
  expect(loads).toBe(2);
});

describe("silence", () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test("is counted from each piece: a slow answer may take longer than timeoutMs", async () => {
    const model = createVendorModel({ ...settings, timeoutMs: 100 }, () =>
      Promise.resolve({
        ...client,
        stream: () =>
          Promise.resolve(
            (async function* () {
              for (const text of ["a", "b", "c"]) {
                await jest.advanceTimersByTimeAsync(90);
                yield { type: "text" as const, text };
              }
              return "whole";
            })(),
          ),
      }),
    );
    const { signal } = new AbortController();
    const answer = await model.generate({ messages: [] }, { signal, onDelta: () => {} });
    expect(answer.providerResponse).toBe("whole");
    expect(jest.getTimerCount()).toBe(0);
  });
});

test("an abort ends the pause before another try, however long that is", async () => {
  jest.useFakeTimers();
  try {
    const headers = new Headers({ "retry-after": "9" });
    const busy = Object.assign(new Error("busy"), { status: 503, requestID: null, headers });
    const model = createVendorModel(settings, () => Promise.resolve({ ...client, send: () => Promise.reject(busy) }));
    const cancel = new AbortController();
    const onRetry = () => void Promise.resolve().then(() => cancel.abort());
    // Time stands still: only the abort can end it.
    const call = model.generate({ messages: [] }, { signal: cancel.signal, onRetry });
    await expect(call).rejects.toMatchObject({ code: "CANCELLED" });
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

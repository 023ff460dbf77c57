import { describe, expect, test } from "@jest/globals";
import { scriptedModel } from "./scripted-model.ts";

const options = () => ({ signal: new AbortController().signal });
const request = { messages: [{ role: "user" as const, content: "Hi" }] };

describe("scriptedModel", () => {
  test("answers from its list, then fails, and keeps what it was asked", async () => {
    const model = scriptedModel(["one", new Error("two"), { toolCalls: [{ name: "add" }] }]);
    expect(await model.generate(request, options())).toMatchObject({ text: "one", model: "scripted-1", toolCalls: [] });
    await expect(model.generate(request, options())).rejects.toThrow("two");
    const third = await model.generate({ ...request, model: "m" }, options());
    expect(third).toMatchObject({
      text: "",
      model: "m",
      toolCalls: [{ name: "add", params: {}, providerCallId: "toolu_0" }],
    });
    await expect(model.generate(request, options())).rejects.toMatchObject({ code: "MODEL_UNAVAILABLE" });
    expect(model.calls.map((call) => call.request.messages)).toEqual(Array(4).fill(request.messages));
  });

  test("streams in words when somebody listens, and gives JSON as output when a schema is given", async () => {
    const model = scriptedModel(({ request: { messages } }) => `{ "said": "${messages[0]!.content} you" }`);
    const pieces: string[] = [];
    const onDelta = ({ text }: { text: string }) => void pieces.push(text);
    const response = await model.generate({ ...request, outputSchema: {} }, { ...options(), onDelta });
    expect(pieces.join("")).toBe(response.text);
    expect(pieces.length).toBeGreaterThan(2);
    expect(response.output).toEqual({ said: "Hi you" });
  });

  test("gives nothing to who has given up", async () => {
    const signal = AbortSignal.abort(new Error("gone"));
    await expect(scriptedModel(["one"]).generate(request, { signal })).rejects.toThrow("gone");
  });
});

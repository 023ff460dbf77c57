import { describe, expect, test } from "@jest/globals";
import { ProviderOptionsError } from "../errors.ts";
import { resolveModelOptions } from "./model-options.ts";
import type { ModelDefaults, ModelNeuronOptions } from "./model-options.ts";

const defaults: ModelDefaults = {
  caller: "openaiNeuron",
  baseURL: "https://vendor.example/v1",
  maxTokens: null,
  localExample: "http://127.0.0.1:11434/v1",
};
const resolve = (options: Partial<ModelNeuronOptions>) => resolveModelOptions({ model: "m", ...options }, defaults);

describe("resolveModelOptions", () => {
  test("fills in every default", () => {
    expect(resolve({ apiKey: "sk-secret" })).toEqual({
      model: "m",
      apiKey: "sk-secret",
      baseURL: "https://vendor.example/v1",
      maxTokens: null,
      temperature: null,
      system: null,
      timeoutMs: 60_000,
      maxRetries: 2,
      stream: true,
      headers: {},
      secrets: ["sk-secret"],
    });
  });

  test("needs no key for a server of one's own, and treats empty strings as not given", () => {
    const local = { baseURL: "http://127.0.0.1:11434/v1", apiKey: "", system: "" };
    expect(resolve(local)).toMatchObject({ apiKey: "not-needed", system: null, secrets: [] });
    expect(resolve({ apiKey: "sk-secret", baseURL: "" }).baseURL).toBe("https://vendor.example/v1");
  });

  test("with neither key nor address says which to set", () => {
    expect(() => resolve({ apiKey: "", baseURL: undefined })).toThrow(ProviderOptionsError);
    expect(() => resolve({})).toThrow(
      "openaiNeuron: set apiKey (for https://vendor.example/v1), or baseURL for a server that needs none, for example " +
        "http://127.0.0.1:11434/v1",
    );
  });

  test.each<[Partial<Record<keyof ModelNeuronOptions, unknown>>, string]>([
    [{ model: "" }, 'model must be a model\'s name, got ""'],
    [{ model: undefined }, "model must be a model's name, got undefined"],
    [{ maxTokens: 0 }, "maxTokens must be a whole number > 0, got 0"],
    [{ maxTokens: 1.5 }, "got 1.5"],
    [{ maxTokens: "256" }, 'got "256"'],
    [{ temperature: 2.1 }, "temperature must be between 0 and 2, got 2.1"],
    [{ temperature: Number.NaN }, "got NaN"],
    [{ timeoutMs: 0 }, "timeoutMs must be a whole number between 1 and 300_000, got 0"],
    [{ timeoutMs: 300_001 }, "got 300001"],
    [{ maxRetries: -1 }, "maxRetries must be a whole number between 0 and 10, got -1"],
    [{ system: 5 }, "system must be a text, got 5"],
    [{ baseURL: "localhost:11434/v1" }, 'baseURL must begin with http:// or https://, got "localhost:"'],
    [{ headers: { "x y": "v" } }, 'headers: "x y" is no valid header'],
  ])("refuses %j with the value and the fix", (options, problem) => {
    const make = () => resolve({ apiKey: "sk-secret", ...options } as Partial<ModelNeuronOptions>);
    expect(make).toThrow(ProviderOptionsError);
    expect(make).toThrow(problem);
  });

  test.each<Partial<ModelNeuronOptions>>([
    { apiKey: "sk-secret\n" },
    { apiKey: "k", baseURL: "sk-secret" },
    { baseURL: "http://user:sk-secret@127.0.0.1/v1" },
    { apiKey: "k", headers: { authorization: "Bearer sk-secret\u0000" } },
  ])("a refusal never shows what may be a secret (%#)", (options) => {
    expect(() => resolve(options)).toThrow(ProviderOptionsError);
    expect(() => resolve(options)).not.toThrow("sk-secret");
  });

  test("copies the headers, and counts them and their words as secrets, longest first", () => {
    const headers = { authorization: "Bearer abcdefgh", "x-env": "prod" };
    const settings = resolve({ apiKey: "k-1234567", headers });
    headers.authorization = "changed";
    expect(settings.headers["authorization"]).toBe("Bearer abcdefgh");
    expect(settings.secrets).toEqual(["Bearer abcdefgh", "k-1234567", "abcdefgh", "Bearer"]);
  });
});

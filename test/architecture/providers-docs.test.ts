/** docs/providers.md: its tables name what is there, with the addresses and defaults it has. */
import { describe, expect, test } from "@jest/globals";
import * as neuron from "@myelin/neuron";
import type { Model, ProviderOptions } from "@myelin/neuron";
import { asSet, readRepository, tableUnder } from "../helpers/docs.ts";
import { startFakeModelServer } from "../helpers/fake-model-server.ts";

const page = readRepository("docs/providers.md");
const choices = tableUnder(page, "Choose");

/** What the functions are called with here; nothing is connected. */
const make = (name: string, options: ProviderOptions): Model => {
  const create = (neuron as Record<string, unknown>)[name] as (model: string, options: ProviderOptions) => Model;
  return create("m", options);
};

describe("the table of providers", () => {
  test("has every function of @myelin/neuron that makes a model", () => {
    const sources = ["openai/index.ts", "anthropic/index.ts"].map((file) =>
      readRepository(`packages/neuron/src/providers/${file}`),
    );
    const exported = sources.flatMap((text) =>
      [...text.matchAll(/^export \{ ([^}]*) \}/gm)].flatMap(([, names]) => names!.split(", ")),
    );
    expect(asSet(choices.map(([name]) => name))).toEqual(asSet(exported.filter((name) => !name.endsWith("Neuron"))));
  });

  test.each(choices)("%s (%s) takes its key from %s, and is at %s", async (name, _wire, key, address) => {
    const isPreset = key === "apiKey";
    if (isPreset) expect(() => make(name, {})).toThrow(`${name}: set apiKey`);
    const model = make(name, { apiKey: "sk-mine", maxRetries: 0 });
    expect(model.vendor).toBe(name);
    expect(sourceOf(name)).toContain(`"${address}"`);
    if (key.endsWith("_API_KEY")) expect(sourceOf(name)).toContain(key);
  });
});

/** Where the address is written: in no test is the vendor asked. */
function sourceOf(name: string): string {
  const folder = "packages/neuron/src/providers";
  const files =
    name === "anthropic" ? ["anthropic/anthropic-model.ts"] : ["openai/openai-options.ts", "openai/presets.ts"];
  return files.map((file) => readRepository(`${folder}/${file}`)).join("\n");
}

test.each([
  [
    "Options",
    "packages/neuron/src/providers/provider-options.ts",
    "ProviderOptions",
    ["promptCache", "siteUrl, title"],
  ],
  ["Tools of an MCP server", "packages/neuron/src/mcp/mcp-options.ts", "McpOptions", []],
] as const)("the table under %s has every option of %s", (heading, file, name, more) => {
  const body = new RegExp(`export interface ${name} \\{(.*?)^\\}`, "ms").exec(readRepository(file))?.[1] ?? "";
  const options = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, option]) => option);
  expect(options.length).toBeGreaterThan(5);
  expect(asSet(tableUnder(page, heading).map(([option]) => option))).toEqual(asSet([...options, ...more]));
});

test.each([
  ["timeoutMs", "Options", "120000"],
  ["maxRetries", "Options", "2"],
  ["timeoutMs", "Tools of an MCP server", "120000"],
])("the default of %s under %s is %s, as the code has it", (option, heading, value) => {
  const row = tableUnder(page, heading).find(([name]) => name === option);
  expect(row?.[1]).toBe(value);
});

test("by default there are two more tries", async () => {
  await using server = await startFakeModelServer();
  const model = neuron.openai("rate-limited", { baseURL: server.openaiUrl });
  const call = model.generate(
    { messages: [{ role: "user", content: "hi" }] },
    { signal: new AbortController().signal },
  );
  await expect(call).rejects.toMatchObject({ code: "MODEL_RATE_LIMITED" });
  expect(server.requests).toHaveLength(3);
});

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";

/** Makes every import of a vendor's SDK fail, from the first line on. */
const noSdks = `
  import { register } from "node:module";
  const hook = 'export function resolve(s, c, next) { ' +
    'if (/^(openai|@anthropic-ai)/.test(s)) throw new Error("loaded " + s); return next(s, c); }';
  register("data:text/javascript," + encodeURIComponent(hook));
`;

/** Runs `code` in a process of its own, where no SDK can be loaded, and returns what it printed. */
function run(code: string): string {
  const args = ["--import", "tsx", "--import", `data:text/javascript,${encodeURIComponent(noSdks)}`];
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...args, "--conditions=source", "--input-type=module", "--eval", code],
    { cwd: fileURLToPath(new URL(".", import.meta.url)), encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

describe("@myelin/neuron", () => {
  test("loads no SDK when it is imported or a neuron is made, but at the first task", () => {
    const make = `
      import { openaiNeuron, anthropicNeuron } from "@myelin/neuron";
      const options = { model: "m", apiKey: "k" };
      const neurons = [openaiNeuron(options), anthropicNeuron(options)];
      const ctx = { signal: new AbortController().signal, answers: [] };
    `;
    expect(run(`${make} console.log(neurons.length)`)).toBe("2");
    const tasks = `for (const neuron of neurons) await neuron({ prompt: "hi" }, ctx).catch((e) => console.log(e.message))`;
    expect(run(`${make} ${tasks}`).split("\n")).toEqual(["loaded openai", "loaded @anthropic-ai/sdk"]);
  });

  test("each provider can be imported by its own door", () => {
    const doors = `
      import { openaiNeuron } from "@myelin/neuron/openai";
      import { anthropicNeuron } from "@myelin/neuron/anthropic";
      console.log(typeof openaiNeuron, typeof anthropicNeuron);
    `;
    expect(run(doors)).toBe("function function");
  });
});

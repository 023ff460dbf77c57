import { describe, expect, test } from "@jest/globals";
import { fakeNeuronContext } from "../../../test/helpers/fake-neuron-context.ts";
import { startFakeModelServer } from "../../../test/helpers/fake-model-server.ts";
import { readEnv } from "../env.ts";
import { chooseNeuron, MODEL_VARIABLES } from "./choose-neuron.ts";

const choose = (environment: Record<string, string>) => chooseNeuron(readEnv(MODEL_VARIABLES, environment));

describe("who answers prompts", () => {
  test.each<[Record<string, string>, string]>([
    [{}, "docs"],
    [{ ANTHROPIC_API_KEY: "sk-a", OPENAI_API_KEY: "sk-o", HF_TOKEN: "hf" }, "anthropic claude-haiku-5-5"],
    [{ OPENAI_API_KEY: "sk-o", HF_TOKEN: "hf" }, "openai gpt-5-mini"],
    [{ HF_TOKEN: "hf" }, "huggingface meta-llama/Llama-3.1-8B-Instruct"],
    [{ MYELIN_MODEL_URL: "http://127.0.0.1:11434/v1", ANTHROPIC_API_KEY: "sk-a" }, "127.0.0.1:11434 llama3.1"],
    [{ HF_TOKEN: "hf", MYELIN_MODEL: "mine" }, "huggingface mine"],
  ])("%j: %s", async (environment, answersWith) => {
    expect((await choose(environment)).answersWith).toBe(answersWith);
  });

  test("a server of one's own is asked with its own key, and with no other", async () => {
    await using server = await startFakeModelServer();
    const keys = { OPENAI_API_KEY: "sk-openai", HF_TOKEN: "hf-token" };
    const url = { MYELIN_MODEL_URL: server.openaiUrl, MYELIN_MODEL: "mine" };
    const { ctx, thoughts } = fakeNeuronContext();
    for (const key of [{}, { MYELIN_MODEL_KEY: "sk-mine" }]) {
      const { neuron } = await choose({ ...keys, ...url, ...key });
      expect(await neuron({ prompt: "hi" }, ctx)).toMatchObject({ response: "You said: hi", model: "mine" });
    }
    expect(thoughts.join("")).toBe("You said: hi".repeat(2));
    const sent = server.requests.map(({ headers }) => headers.authorization);
    expect(sent).toEqual(["Bearer not-needed", "Bearer sk-mine"]);
  });
});

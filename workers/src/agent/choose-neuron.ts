/** chooseNeuron: who answers prompts: the model that the environment configures, else Myelin's own docs. */
import { anthropicNeuron, openaiNeuron, type JsonObject, type Neuron } from "myelin";
import { docsAnswerer } from "../docs-answerer.ts";
import type { Env } from "../env.ts";

export interface ChosenNeuron {
  readonly neuron: Neuron<JsonObject, unknown>;
  /** For the log and the roster: `docs`, or provider and model. */
  readonly answersWith: string;
}

/** Tokens of an answer at most, those a model thinks with included: a bound on what one question may cost. */
const MAX_TOKENS = 4_096;

export const MODEL_VARIABLES = [
  "MYELIN_MODEL_URL",
  "MYELIN_MODEL_KEY",
  "MYELIN_MODEL",
  "ANTHROPIC_API_KEY",
  "OPENAI_API_KEY",
  "HF_TOKEN",
  "MYELIN_DOCS_DIR",
] as const;

/** The first that is set: `MYELIN_MODEL_URL`, `ANTHROPIC_API_KEY`, `OPENAI_API_KEY`, `HF_TOKEN`; else the docs. */
export async function chooseNeuron(env: Env<(typeof MODEL_VARIABLES)[number]>): Promise<ChosenNeuron> {
  const withModel = (fallback: string) => ({ model: env.MYELIN_MODEL ?? fallback, maxTokens: MAX_TOKENS });
  if (env.MYELIN_MODEL_URL !== undefined) {
    const options = { ...withModel("llama3.1"), baseURL: env.MYELIN_MODEL_URL, apiKey: env.MYELIN_MODEL_KEY };
    return { neuron: openaiNeuron(options), answersWith: `${new URL(options.baseURL).host} ${options.model}` };
  }
  if (env.ANTHROPIC_API_KEY !== undefined) {
    const options = { ...withModel("claude-haiku-5-5"), apiKey: env.ANTHROPIC_API_KEY };
    return { neuron: anthropicNeuron(options), answersWith: `anthropic ${options.model}` };
  }
  if (env.OPENAI_API_KEY !== undefined) {
    const options = { ...withModel("gpt-5-mini"), apiKey: env.OPENAI_API_KEY };
    return { neuron: openaiNeuron(options), answersWith: `openai ${options.model}` };
  }
  if (env.HF_TOKEN !== undefined) {
    const baseURL = "https://router.huggingface.co/v1";
    const options = { ...withModel("meta-llama/Llama-3.1-8B-Instruct"), apiKey: env.HF_TOKEN, baseURL };
    return { neuron: openaiNeuron(options), answersWith: `huggingface ${options.model}` };
  }
  return { neuron: await docsAnswerer({ directory: env.MYELIN_DOCS_DIR }), answersWith: "docs" };
}

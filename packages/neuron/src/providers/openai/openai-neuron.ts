/** OpenAI neuron: answers with a model behind the OpenAI chat-completions wire, which most model servers speak. */

import type { Neuron } from "../../neuron.ts";
import type { JsonObject } from "../../outcomes.ts";
import { createModelNeuron } from "../model-neuron.ts";
import type { ModelAnswer } from "../model-neuron.ts";
import { resolveModelOptions, toModelOptions } from "../model-options.ts";
import type { ModelNeuronOptions } from "../model-options.ts";
import { openai } from "./openai-model.ts";

/**
 * The options of `openaiNeuron`. `baseURL` makes it Hugging Face (`https://router.huggingface.co/v1`), Ollama
 * (`http://127.0.0.1:11434/v1`), vLLM, Groq, OpenRouter, Together, Mistral or LM Studio; default
 * `https://api.openai.com/v1`. `maxTokens` by default is the server's own limit.
 */
export type OpenaiNeuronOptions = ModelNeuronOptions;

/**
 * Make a neuron that answers with a model behind the OpenAI chat-completions wire.
 *
 * Input: `prompt`, `text`, `query` or `content` (the first that is there), or `messages`. Answers `ModelAnswer`, and
 * streams its text to `ctx.thought`. The answers to earlier pauses of the run follow as turns of the conversation. Fails
 * with `NeuronFailure` INPUT_INVALID, MODEL_RATE_LIMITED, MODEL_OVERLOADED, MODEL_UNAVAILABLE, MODEL_TIMEOUT,
 * MODEL_REFUSED_REQUEST or CANCELLED; no message holds the key. Aborting `ctx.signal` closes the request.
 *
 * Throws `ProviderOptionsError` at once when neither `apiKey` nor `baseURL` is given, and for values out of bounds. Reads
 * no environment variable for key or address. Loads the `openai` SDK at the first task.
 */
export function openaiNeuron(options: OpenaiNeuronOptions): Neuron<JsonObject, ModelAnswer> {
  const settings = resolveModelOptions(options, {
    caller: "openaiNeuron",
    baseURL: "https://api.openai.com/v1",
    maxTokens: null,
    localExample: "http://127.0.0.1:11434/v1 (Ollama)",
  });
  return createModelNeuron(settings, openai(settings.model, toModelOptions(settings)));
}

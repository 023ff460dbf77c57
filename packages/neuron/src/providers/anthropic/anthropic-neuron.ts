/** Anthropic neuron: answers with a Claude model over the Anthropic messages wire. */

import type { Neuron } from "../../neuron.ts";
import type { JsonObject } from "../../outcomes.ts";
import { createModelNeuron } from "../model-neuron.ts";
import type { ModelAnswer } from "../model-neuron.ts";
import { resolveModelOptions, toModelOptions } from "../model-options.ts";
import type { ModelNeuronOptions } from "../model-options.ts";
import { anthropic } from "./anthropic-model.ts";

/** Used when the options do not say: the wire demands a number. */
const DEFAULT_MAX_TOKENS = 1024;

/**
 * The options of `anthropicNeuron`. `baseURL` is the server's root, without `/v1`; default `https://api.anthropic.com`.
 * `maxTokens` by default is 1024.
 */
export type AnthropicNeuronOptions = ModelNeuronOptions;

/**
 * Make a neuron that answers with a Claude model over the Anthropic messages wire.
 *
 * Input: `prompt`, `text`, `query` or `content` (the first that is there), or `messages`, whose system turns become the
 * system prompt. Answers `ModelAnswer`, and streams its text to `ctx.thought`. The answers to earlier pauses of the run
 * follow as turns of the conversation. Fails with `NeuronFailure` INPUT_INVALID, MODEL_RATE_LIMITED, MODEL_OVERLOADED,
 * MODEL_UNAVAILABLE, MODEL_TIMEOUT, MODEL_REFUSED_REQUEST or CANCELLED; no message holds the key. Aborting `ctx.signal`
 * closes the request.
 *
 * Throws `ProviderOptionsError` at once when neither `apiKey` nor `baseURL` is given, and for values out of bounds. Reads
 * no environment variable for key or address. Loads the `@anthropic-ai/sdk` SDK at the first task.
 */
export function anthropicNeuron(options: AnthropicNeuronOptions): Neuron<JsonObject, ModelAnswer> {
  const settings = resolveModelOptions(options, {
    caller: "anthropicNeuron",
    baseURL: "https://api.anthropic.com",
    maxTokens: DEFAULT_MAX_TOKENS,
    localExample: "http://127.0.0.1:8082",
  });
  return createModelNeuron(settings, anthropic(settings.model, { ...toModelOptions(settings), promptCache: false }));
}

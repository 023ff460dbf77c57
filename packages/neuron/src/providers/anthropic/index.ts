/** @myelin/neuron/anthropic: Claude models. */
export { anthropic } from "./anthropic-model.ts";
export type { AnthropicOptions } from "./anthropic-model.ts";
export { anthropicNeuron } from "./anthropic-neuron.ts";
export type { AnthropicNeuronOptions } from "./anthropic-neuron.ts";

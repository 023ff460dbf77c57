/** @myelin/neuron/openai: models behind OpenAI's wires, and the servers that speak them. */
export { openai } from "./openai-model.ts";
export { openaiNeuron } from "./openai-neuron.ts";
export type { OpenaiNeuronOptions } from "./openai-neuron.ts";
export type { OpenaiOptions } from "./openai-options.ts";
export { groq, huggingFace, mistral, ollama, openRouter, together, vllm } from "./presets.ts";
export type { OpenRouterOptions, PresetOptions } from "./presets.ts";
export { openaiResponses } from "./responses-model.ts";

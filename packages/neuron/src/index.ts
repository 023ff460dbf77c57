/** @myelin/neuron: plain functions `(input, ctx) => output`, their contracts, and the model providers they call. */

// For users
export { clarify, escalate, isNeuronOutcome, permission } from "./outcomes.ts";
export type {
  Clarify,
  Escalate,
  EscalateOptions,
  JsonObject,
  ObjectInput,
  NeuronOutcome,
  Permission,
  PermissionOptions,
} from "./outcomes.ts";
export type {
  Answer,
  ChildCallOptions,
  ChildReply,
  ChildRequest,
  Delegated,
  Delegation,
  NeuronContext,
  Step,
  StepOptions,
  ToolCallNote,
  ToolResultNote,
} from "./context.ts";
export type { Neuron } from "./neuron.ts";
export type { NeuronContract } from "./contract.ts";
export { defineNeuron } from "./define-neuron.ts";
export type { NeuronDefinition } from "./define-neuron.ts";
export { ContractError, NeuronFailure, ProviderOptionsError, StepError, StepInDoubtError } from "./errors.ts";
export type { NeuronFailureCode, NeuronFailureOptions, StepErrorCode } from "./errors.ts";
export { openaiNeuron } from "./providers/openai/openai-neuron.ts";
export type { OpenaiNeuronOptions } from "./providers/openai/openai-neuron.ts";
export { anthropicNeuron } from "./providers/anthropic/anthropic-neuron.ts";
export type { AnthropicNeuronOptions } from "./providers/anthropic/anthropic-neuron.ts";
export type { ModelAnswer } from "./providers/model-neuron.ts";
export type { ModelNeuronOptions } from "./providers/model-options.ts";
export { anthropic } from "./providers/anthropic/anthropic-model.ts";
export type { AnthropicOptions } from "./providers/anthropic/anthropic-model.ts";
export { openai } from "./providers/openai/openai-model.ts";
export type { OpenaiOptions } from "./providers/openai/openai-options.ts";
export { openaiResponses } from "./providers/openai/responses-model.ts";
export { groq, huggingFace, mistral, ollama, openRouter, together, vllm } from "./providers/openai/presets.ts";
export type { OpenRouterOptions, PresetOptions } from "./providers/openai/presets.ts";
export type { ProviderOptions } from "./providers/provider-options.ts";
export { mcp } from "./mcp/mcp.ts";
export type { McpOptions } from "./mcp/mcp-options.ts";
export { costOfCall, definePrices, LIST_PRICES, PRICES_AS_OF } from "./model/prices.ts";
export type { ModelPrice, Prices, Rates } from "./model/prices.ts";

export type { RunJournal } from "./context.ts";
export type { ModelMessage, ModelToolCall, ReasoningBlock } from "./model/message.ts";
export type {
  AnsweredToolCall,
  Model,
  ModelCallOptions,
  ModelDelta,
  ModelParams,
  ModelRequest,
  ModelResponse,
  ModelRetry,
  ModelUsage,
  ToolSpec,
} from "./model/model.ts";
export type { Tool, ToolContext, ToolSource } from "./tool.ts";

// For siblings
export { pause, superseded } from "./outcomes.ts";
export type { Pause, Superseded } from "./outcomes.ts";
export type { ContractNeuron } from "./neuron.ts";
export { capabilityProblem, neuronIdProblem } from "./names.ts";
export { toContractJsonSchema } from "./contract-schema.ts";
export type { ContractJsonSchema } from "./contract-schema.ts";

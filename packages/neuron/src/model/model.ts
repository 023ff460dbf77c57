/** Model: what a provider implements: one conversation in, one answer out, streamed on the way when somebody listens. */
import type { JsonObject } from "../outcomes.ts";
import type { ModelMessage, ReasoningBlock } from "./message.ts";

/** What a model may call, as it is told. */
export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of its parameters, an object. */
  readonly parameters: JsonObject;
}

/** Settings of one call. A provider passes on what its wire has a word for, and throws `ProviderOptionsError` for the rest. */
export interface ModelParams {
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
  /** Longest answer, in tokens. */
  readonly maxTokens?: number | undefined;
  readonly stop?: readonly string[] | undefined;
  /** How long it thinks: `low`, `medium`, `high`, or as the vendor says. */
  readonly effort?: string | undefined;
  /** Tokens it may think. */
  readonly thinkingBudget?: number | undefined;
  readonly seed?: number | undefined;
}

export interface ModelRequest {
  /** The vendor's name of the model; the provider's default when left out. */
  readonly model?: string | undefined;
  readonly messages: readonly ModelMessage[];
  readonly tools?: readonly ToolSpec[] | undefined;
  readonly params?: ModelParams | undefined;
  /** The answer must be JSON of this schema: it is then in `ModelResponse.output`, as the vendor gave it and not yet checked. */
  readonly outputSchema?: JsonObject | undefined;
  /** What calls with the same beginning have in common, for a vendor's prompt cache. */
  readonly cacheKey?: string | undefined;
}

/** Tokens: null when the server does not say, which is not 0. */
export interface ModelUsage {
  /** Those that no cache served. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly cacheReadInputTokens: number | null;
  readonly cacheCreationInputTokens: number | null;
  /** Part of `outputTokens`. */
  readonly reasoningTokens: number | null;
}

/**
 * A tool call in an answer. With a `problem` it must not run: `params` could not be read (they are `{}` then), or it is the
 * last call of an answer that the token limit cut off (they are what came of them, and may look whole).
 */
export interface AnsweredToolCall {
  readonly providerCallId: string | null;
  readonly name: string;
  readonly params: JsonObject;
  readonly problem?: string | undefined;
}

export interface ModelResponse {
  readonly text: string;
  readonly toolCalls: readonly AnsweredToolCall[];
  /** What it thought, to show; null when it did not or did not tell. */
  readonly reasoning: string | null;
  /** What it thought, to send back with the next turn. */
  readonly reasoningBlocks: readonly ReasoningBlock[];
  /** The parsed JSON when `outputSchema` was given and the answer is JSON; else undefined. */
  readonly output?: unknown;
  /** As the server names it. */
  readonly model: string;
  /** In the vendor's word; null when it was not said. `length`, `max_tokens`, `max_output_tokens`: the token limit cut it off. */
  readonly finishReason: string | null;
  readonly usage: ModelUsage;
  /** What was sent and what came, without keys. */
  readonly providerRequest: unknown;
  readonly providerResponse: unknown;
}

export type ModelDelta =
  { readonly type: "text"; readonly text: string } | { readonly type: "reasoning"; readonly text: string };

/** A try that failed and is followed by another. */
export interface ModelRetry {
  /** From 1. */
  readonly attempt: number;
  /** HTTP status; null when there was no response. */
  readonly statusCode: number | null;
  readonly code: string;
  readonly retryAfterMs: number | null;
}

export interface ModelCallOptions {
  /** Aborting it closes the request. */
  readonly signal: AbortSignal;
  /** Given: the answer is streamed, and told piece by piece. */
  readonly onDelta?: ((delta: ModelDelta) => void) | undefined;
  readonly onRetry?: ((retry: ModelRetry) => void) | undefined;
}

/**
 * A model of one vendor with its connection. Safe to call concurrently; shared by all runs of a process, and closed with it.
 * `generate` rejects with `NeuronFailure` MODEL_RATE_LIMITED, MODEL_OVERLOADED, MODEL_UNAVAILABLE, MODEL_TIMEOUT,
 * MODEL_REFUSED_REQUEST or CANCELLED; an answer that broke off is a failure, never half an answer. One that the token limit
 * cut off is an answer: `finishReason` says so, and its last tool call, if it has any, has a `problem`.
 */
export interface Model {
  /** `anthropic`, `openai`, …: what stands before the colon in `anthropic:claude-sonnet-5-5`. */
  readonly vendor: string;
  /** Used when a request names none. */
  readonly model: string;
  generate(request: ModelRequest, options: ModelCallOptions): Promise<ModelResponse>;
  /** Whole nano-dollars of a call, by the price table; null when the model's price is not known. */
  costOf(model: string, usage: ModelUsage): number | null;
  close(): Promise<void>;
}

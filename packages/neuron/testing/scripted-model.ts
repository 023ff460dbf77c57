/** scriptedModel: a Model for tests. It answers from a list, or as a function says, and keeps what it was asked. */
import { NeuronFailure } from "../src/errors.ts";
import type {
  AnsweredToolCall,
  Model,
  ModelCallOptions,
  ModelRequest,
  ModelResponse,
  ModelRetry,
  ModelUsage,
} from "../src/model/model.ts";
import type { JsonObject } from "../src/outcomes.ts";

/** One answer: a text; a part of a response, the rest of which is made up; or what the call fails with. */
export type ScriptedAnswer =
  | string
  | Error
  | (Partial<Omit<ModelResponse, "toolCalls">> & {
      readonly toolCalls?:
        readonly (Partial<AnsweredToolCall> & { readonly name: string; readonly params?: JsonObject })[] | undefined;
      /** Told before the answer. */
      readonly retries?: readonly ModelRetry[] | undefined;
    });

/** One call of the model. */
export interface ScriptedCall {
  readonly request: ModelRequest;
  readonly options: ModelCallOptions;
}

export interface ScriptedModelOptions {
  /** Default `scripted`. */
  readonly vendor?: string | undefined;
  /** Default `scripted-1`. */
  readonly model?: string | undefined;
  /** Of each answer that says none. Default 10 in, 5 out. */
  readonly usage?: Partial<ModelUsage> | undefined;
  /** Whole nano-dollars of a call. Default null: not known. */
  readonly costOf?: ((model: string, usage: ModelUsage) => number | null) | undefined;
}

export interface ScriptedModel extends Model {
  /** What it was asked, oldest first, also when it failed. */
  readonly calls: readonly ScriptedCall[];
  /** How often it was closed. */
  readonly closed: number;
}

/**
 * Make one. A list is used up in order, whoever calls; a call beyond its end fails with MODEL_UNAVAILABLE, as does one that
 * is answered with nothing. With `onDelta` the text comes in words.
 */
export function scriptedModel(
  script: readonly ScriptedAnswer[] | ((call: ScriptedCall, index: number) => ScriptedAnswer | Promise<ScriptedAnswer>),
  options: ScriptedModelOptions = {},
): ScriptedModel {
  const { vendor = "scripted", model = "scripted-1", usage = {}, costOf = () => null } = options;
  const calls: ScriptedCall[] = [];
  let closed = 0;
  return {
    vendor,
    model,
    calls,
    get closed() {
      return closed;
    },
    async generate(request, callOptions) {
      callOptions.signal.throwIfAborted();
      const call = { request: structuredClone(request), options: callOptions };
      const index = calls.push(call) - 1;
      const answer = typeof script === "function" ? await script(call, index) : script[index];
      if (answer === undefined) {
        throw new NeuronFailure("MODEL_UNAVAILABLE", `the script has no answer to call ${index + 1}`);
      }
      if (answer instanceof Error) throw answer;
      callOptions.signal.throwIfAborted();
      const response = toResponse(answer, request, { ...DEFAULT_USAGE, ...usage }, model);
      if (typeof answer === "object") answer.retries?.forEach((retry) => callOptions.onRetry?.(retry));
      if (response.reasoning) callOptions.onDelta?.({ type: "reasoning", text: response.reasoning });
      for (const text of response.text.match(/\S+\s*|\s+/g) ?? []) callOptions.onDelta?.({ type: "text", text });
      return response;
    },
    costOf,
    close() {
      closed++;
      return Promise.resolve();
    },
  };
}

const DEFAULT_USAGE: ModelUsage = {
  inputTokens: 10,
  outputTokens: 5,
  cacheReadInputTokens: null,
  cacheCreationInputTokens: null,
  reasoningTokens: null,
};

function toResponse(
  answer: Exclude<ScriptedAnswer, Error>,
  request: ModelRequest,
  usage: ModelUsage,
  model: string,
): ModelResponse {
  const { retries: _retries, toolCalls = [], ...given } = typeof answer === "string" ? { text: answer } : answer;
  const text = given.text ?? "";
  return {
    text,
    toolCalls: toolCalls.map((call, at) => ({ providerCallId: `toolu_${at}`, params: {}, ...call })),
    reasoning: null,
    reasoningBlocks: [],
    ...(request.outputSchema !== undefined && toolCalls.length === 0 && { output: jsonOrUndefined(text) }),
    model: request.model ?? model,
    finishReason: toolCalls.length > 0 ? "tool_use" : "end_turn",
    usage,
    providerRequest: { model: request.model ?? model, messages: request.messages.length },
    providerResponse: { text },
    ...given,
  };
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the contract of a Model says undefined
  }
}

/**
 * The model of the examples: a vendor's when its key is in the environment (`ANTHROPIC_API_KEY`, `OPENAI_API_KEY`,
 * `HF_TOKEN`), else one of a few rules that runs in the process, so that an example needs no network.
 */
import { anthropic, huggingFace, openai } from "myelin";
import type { AnsweredToolCall, JsonObject, Model, ModelDelta, ModelMessage, ModelRequest } from "myelin";

/** What a rule sees: the request, what the user said last, and what the tools have answered since. */
export interface Turn {
  readonly said: string;
  readonly results: readonly { readonly tool: string; readonly content: string }[];
  /** Names of the tools it may call. */
  readonly tools: readonly string[];
  readonly request: ModelRequest;
}

/** What to say, or which tool to call. */
export type Rules = (turn: Turn) => string | { readonly tool: string; readonly params: JsonObject };

const { ANTHROPIC_API_KEY, OPENAI_API_KEY, HF_TOKEN } = process.env;

/** Whether answers come from rules, and may be checked word by word. */
export const isLocal = !ANTHROPIC_API_KEY && !OPENAI_API_KEY && !HF_TOKEN;

/** A second model of the same vendor, as a request names it. */
export const OTHER_MODEL = ANTHROPIC_API_KEY
  ? "anthropic:claude-haiku-5-5"
  : OPENAI_API_KEY
    ? "openai:gpt-5-mini"
    : HF_TOKEN
      ? "huggingFace:Qwen/Qwen3-32B"
      : "local:rules-2";

/** The model that the environment has a key for, else the rules. */
export function chooseModel(rules: Rules): Model {
  if (ANTHROPIC_API_KEY) return anthropic("claude-sonnet-5-5", { apiKey: ANTHROPIC_API_KEY });
  if (OPENAI_API_KEY) return openai("gpt-5", { apiKey: OPENAI_API_KEY });
  if (HF_TOKEN) return huggingFace("meta-llama/Llama-3.3-70B-Instruct", { apiKey: HF_TOKEN });
  return localModel(rules);
}

/** A Model is one `generate`; this one is what a provider of your own would begin as. A token is a word, and costs 1 µ$. */
function localModel(rules: Rules): Model {
  return {
    vendor: "local",
    model: "rules-1",
    async generate(request, { signal, onDelta }) {
      signal.throwIfAborted();
      const answer = rules(toTurn(request));
      const text = typeof answer === "string" ? answer : "";
      const toolCalls: AnsweredToolCall[] =
        typeof answer === "string" ? [] : [{ providerCallId: null, name: answer.tool, params: answer.params }];
      for (const delta of toDeltas(text)) onDelta?.(delta);
      return {
        text,
        toolCalls,
        reasoning: null,
        reasoningBlocks: [],
        model: request.model ?? "rules-1",
        finishReason: toolCalls.length > 0 ? "tool_calls" : "stop",
        usage: {
          inputTokens: countWords(request.messages.map(({ content }) => content).join(" ")),
          outputTokens: countWords(text) + toolCalls.length,
          cacheReadInputTokens: null,
          cacheCreationInputTokens: null,
          reasoningTokens: null,
        },
        providerRequest: null,
        providerResponse: null,
      };
    },
    costOf: (_model, { inputTokens, outputTokens }) => ((inputTokens ?? 0) + (outputTokens ?? 0)) * 1_000,
    close: async () => {},
  };
}

function toTurn(request: ModelRequest): Turn {
  const { messages, tools = [] } = request;
  const lastSaid = messages.findLastIndex(({ role }) => role === "user");
  const results = messages
    .slice(lastSaid + 1)
    .filter((message): message is Extract<ModelMessage, { role: "tool" }> => message.role === "tool")
    .map(({ toolName, content }) => ({ tool: toolName, content }));
  return { said: messages[lastSaid]?.content ?? "", results, tools: tools.map(({ name }) => name), request };
}

const toDeltas = (text: string): ModelDelta[] =>
  (text.match(/\S+\s*/g) ?? []).map((word) => ({ type: "text", text: word }));
const countWords = (text: string): number => text.match(/\S+/g)?.length ?? 0;

/** Fake model wires: how each vendor says the same answers and errors. Data in, JSON and server-sent events out. */

import type { ScenarioAnswer, ScenarioPart, ScenarioUsage } from "@myelin/neuron/testing";

export type WireAnswer = ScenarioAnswer;

/** How one vendor says things. A streamed answer is `begin`, the pieces, `end`. */
export interface Wire {
  error(type: string, message: string): object;
  whole(model: string, answer: WireAnswer): object;
  begin(model: string, answer: WireAnswer): string;
  pieces(model: string, answer: WireAnswer): string[];
  streamError(type: string, message: string): string;
  end(model: string, answer: WireAnswer, includeUsage: boolean): string;
}

/** A text in words, each with the space before it. */
const words = (text: string): string[] => text.match(/\s*\S+/g) ?? [];
const halves = (text: string): string[] => [text.slice(0, 4), text.slice(4)].filter((half) => half !== "");
const textOf = (answer: WireAnswer): string => answer.parts.map((part) => ("text" in part ? part.text : "")).join("");
const thoughtOf = (answer: WireAnswer): string =>
  answer.parts.map((part) => ("thought" in part ? part.thought : "")).join("");
const callsOf = (answer: WireAnswer) => answer.parts.flatMap((part) => ("call" in part ? [part] : []));
/** What is undefined is not said. */
const said = (fields: object): object => JSON.parse(JSON.stringify(fields)) as object;

const chatChunk = (model: string, fields: object): string =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model, usage: null, ...fields })}\n\n`;
const chatDelta = (model: string, delta: object, finishReason: string | null = null): string =>
  chatChunk(model, { choices: [{ index: 0, delta, finish_reason: finishReason, logprobs: null }] });
const chatUsage = ({ input, output, cacheRead, cacheWritten, reasoning }: ScenarioUsage): object => {
  const prompt = input + (cacheRead ?? 0) + (cacheWritten ?? 0);
  return said({
    usage: {
      prompt_tokens: prompt,
      completion_tokens: output,
      total_tokens: prompt + output,
      prompt_tokens_details: { cached_tokens: cacheRead, cache_write_tokens: cacheWritten },
      completion_tokens_details: { reasoning_tokens: reasoning },
    },
  });
};
const chatFinish = (answer: WireAnswer): string =>
  answer.isCut ? "length" : callsOf(answer).length > 0 ? "tool_calls" : "stop";
const chatCall = ({ call, name, args }: Extract<ScenarioPart, { call: string }>): object => ({
  id: call,
  type: "function",
  function: { name, arguments: args },
});

const chat: Wire = {
  error: (type, message) => ({ error: { type, code: type, message, param: null } }),
  whole: (model, answer) => {
    const calls = callsOf(answer).map(chatCall);
    const thought = thoughtOf(answer);
    const message = {
      ...{ role: "assistant", content: textOf(answer), refusal: null },
      ...(calls.length > 0 && { tool_calls: calls }),
      ...(thought !== "" && { reasoning_content: thought }),
    };
    return {
      ...{ id: "chatcmpl-1", object: "chat.completion", created: 1, model },
      choices: [{ index: 0, finish_reason: chatFinish(answer), logprobs: null, message }],
      ...(answer.usage === null ? {} : chatUsage(answer.usage)),
    };
  },
  begin: (model) => chatDelta(model, { role: "assistant", content: "" }),
  pieces: (model, answer) => {
    const ids = callsOf(answer).map(({ call }) => call);
    return answer.parts.flatMap((part): string[] => {
      if ("text" in part) return words(part.text).map((content) => chatDelta(model, { content }));
      if ("thought" in part) return [chatDelta(model, { reasoning_content: part.thought })];
      const index = ids.indexOf(part.call);
      const [first, ...rest] = ["", ...halves(part.args)].map((args) => ({ index, function: { arguments: args } }));
      const opening = { ...first, id: part.call, type: "function", function: { name: part.name, arguments: "" } };
      return [opening, ...rest].map((call) => chatDelta(model, { tool_calls: [call] }));
    });
  },
  streamError: (type, message) => `data: ${JSON.stringify({ error: { type, code: type, message } })}\n\n`,
  end: (model, answer, includeUsage) =>
    chatDelta(model, {}, chatFinish(answer)) +
    (answer.usage !== null && includeUsage ? chatChunk(model, { choices: [], ...chatUsage(answer.usage) }) : "") +
    "data: [DONE]\n\n",
};

const event = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

const anthropicMessage = (model: string, fields: object): object => ({
  ...{ id: "msg_1", type: "message", role: "assistant", model, stop_sequence: null },
  ...fields,
});
const anthropicUsage = ({ input, output, cacheRead, cacheWritten, reasoning }: ScenarioUsage): object => ({
  usage: said({
    input_tokens: input,
    output_tokens: output,
    cache_read_input_tokens: cacheRead,
    cache_creation_input_tokens: cacheWritten,
    output_tokens_details: reasoning === undefined ? undefined : { thinking_tokens: reasoning },
  }),
});
const anthropicStop = (answer: WireAnswer): string =>
  answer.isCut ? "max_tokens" : callsOf(answer).length > 0 ? "tool_use" : "end_turn";
const anthropicBlock = (part: ScenarioPart): object => {
  if ("text" in part) return { type: "text", text: part.text };
  if ("thought" in part) return { type: "thinking", thinking: part.thought, signature: part.seal };
  return { type: "tool_use", id: part.call, name: part.name, input: parsedOr(part.args) };
};
const anthropicPieces = (part: ScenarioPart, index: number): string[] => {
  const start = (block: object) => event("content_block_start", { index, content_block: block });
  const delta = (fields: object) => event("content_block_delta", { index, delta: fields });
  if ("text" in part) {
    const [first = "", ...rest] = words(part.text).map((text) => delta({ type: "text_delta", text }));
    return [start({ type: "text", text: "" }) + event("ping", {}) + first, ...rest];
  }
  if ("thought" in part) {
    const thinking = delta({ type: "thinking_delta", thinking: part.thought });
    const signature = delta({ type: "signature_delta", signature: part.seal });
    return [start({ type: "thinking", thinking: "", signature: "" }) + thinking + signature];
  }
  const json = ["", ...halves(part.args)].map((text) => delta({ type: "input_json_delta", partial_json: text }));
  return [start({ type: "tool_use", id: part.call, name: part.name, input: {} }), ...json];
};

const anthropic: Wire = {
  error: (type, message) => ({ type: "error", error: { type, message } }),
  whole: (model, answer) =>
    anthropicMessage(model, {
      content: answer.parts.map(anthropicBlock),
      stop_reason: anthropicStop(answer),
      ...(answer.usage === null ? {} : anthropicUsage(answer.usage)),
    }),
  begin: (model, answer) =>
    event("message_start", {
      message: anthropicMessage(model, {
        content: [],
        stop_reason: null,
        // What was written is only known at the end.
        ...(answer.usage === null ? {} : anthropicUsage({ ...answer.usage, output: 1, reasoning: undefined })),
      }),
    }),
  pieces: (_model, answer) => answer.parts.flatMap(anthropicPieces),
  streamError: (type, message) => event("error", { error: { type, message } }),
  end: (_model, answer) => {
    const { usage } = answer;
    const spent = said({
      output_tokens: usage?.output,
      output_tokens_details: usage?.reasoning === undefined ? undefined : { thinking_tokens: usage.reasoning },
    });
    return (
      answer.parts.map((_part, index) => event("content_block_stop", { index })).join("") +
      event("message_delta", {
        delta: { stop_reason: anthropicStop(answer), stop_sequence: null },
        ...(usage === null ? {} : { usage: spent }),
      }) +
      event("message_stop", {})
    );
  },
};

const responsesItem = (part: ScenarioPart, at: number): object => {
  if ("text" in part) {
    const content = [{ type: "output_text", text: part.text, annotations: [] }];
    return { id: `msg_${at}`, type: "message", role: "assistant", status: "completed", content };
  }
  if ("thought" in part) {
    const summary = [{ type: "summary_text", text: part.thought }];
    return { id: `rs_${at}`, type: "reasoning", summary, encrypted_content: part.seal };
  }
  const { call, name, args } = part;
  return { id: `fc_${at}`, type: "function_call", status: "completed", call_id: call, name, arguments: args };
};
const responsesUsage = ({ input, output, cacheRead, cacheWritten, reasoning }: ScenarioUsage): object =>
  said({
    usage: {
      input_tokens: input + (cacheRead ?? 0) + (cacheWritten ?? 0),
      output_tokens: output,
      input_tokens_details: { cached_tokens: cacheRead, cache_write_tokens: cacheWritten },
      output_tokens_details: { reasoning_tokens: reasoning },
    },
  });
const responsesWhole = (model: string, { parts, usage, isCut }: WireAnswer): object => ({
  ...{ id: "resp_1", object: "response", model, error: null },
  status: isCut ? "incomplete" : "completed",
  incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
  output: parts.map(responsesItem),
  ...(usage === null ? {} : responsesUsage(usage)),
});

const responses: Wire = {
  error: chat.error,
  whole: responsesWhole,
  begin: (model) => event("response.created", { response: { id: "resp_1", model, status: "in_progress", output: [] } }),
  pieces: (_model, answer) =>
    answer.parts.flatMap((part, index): string[] => {
      const place = { item_id: `item_${index}`, output_index: index };
      if ("text" in part) {
        return words(part.text).map((delta) => event("response.output_text.delta", { ...place, delta }));
      }
      if ("thought" in part) return [event("response.reasoning_summary_text.delta", { ...place, delta: part.thought })];
      return halves(part.args).map((delta) => event("response.function_call_arguments.delta", { ...place, delta }));
    }),
  streamError: (code, message) => event("error", { code, message, param: null }),
  end: (model, answer) =>
    event(answer.isCut ? "response.incomplete" : "response.completed", { response: responsesWhole(model, answer) }),
};

function parsedOr(args: string): unknown {
  try {
    return args === "" ? {} : (JSON.parse(args) as unknown);
  } catch {
    return args;
  }
}

export const WIRES: { readonly [path: string]: Wire | undefined } = {
  "/v1/chat/completions": chat,
  "/v1/responses": responses,
  "/v1/messages": anthropic,
};

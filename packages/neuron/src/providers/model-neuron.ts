/**
 * Model neuron: what the providers share. It turns input into a conversation, asks the model, streams the pieces and adds
 * them up, and says in `NeuronFailure`s what went wrong. A provider adds the vendor's words.
 */

import { NeuronFailure } from "../errors.ts";
import type { Neuron } from "../neuron.ts";
import type { JsonObject } from "../outcomes.ts";
import { toVendorFailure } from "../vendor-error.ts";
import { toChatTurns, toFollowUpTurns } from "./chat-turns.ts";
import type { ChatTurn } from "./chat-turns.ts";
import { LONGEST_PAUSE_MS } from "./impatient-fetch.ts";
import type { ModelSettings } from "./model-options.ts";

/** In characters. A proxy answers with a whole page, and the message travels in an ERROR. */
const LONGEST_MESSAGE = 1_000;

/** What a model neuron answers; it goes over the wire as it is. */
export type ModelAnswer = {
  /** The whole text; `""` when the model said nothing. */
  response: string;
  /** The model that answered, as the server names it. */
  model: string;
  /** Why it stopped, in the vendor's word: `stop`, `length`, `end_turn`, `max_tokens`, … */
  finish_reason: string;
  /** Tokens read and written; null when the server does not say. */
  usage: { input_tokens: number; output_tokens: number } | null;
};

/** One piece of an answer, in no vendor's words: what it adds to the text, and what it says about the whole. */
export interface ModelPiece {
  readonly text?: string | null | undefined;
  readonly model?: string | null | undefined;
  readonly finishReason?: string | null | undefined;
  readonly inputTokens?: number | null | undefined;
  readonly outputTokens?: number | null | undefined;
}

/** Sends one conversation. Answers its pieces: many when it streams, else one. */
export type AskModel = (turns: readonly ChatTurn[], signal: AbortSignal) => Promise<AsyncIterable<ModelPiece>>;

/** Make the neuron. `load` is called once, at the first task: it imports the vendor's SDK, which the package does not. */
export function createModelNeuron(
  settings: ModelSettings,
  load: () => Promise<AskModel>,
): Neuron<JsonObject, ModelAnswer> {
  let loading: Promise<AskModel> | undefined;
  return async (input, ctx) => {
    const turns = [...toChatTurns(input), ...toFollowUpTurns(ctx.answers)];
    const ask = await (loading ??= load());

    let response = "";
    let model = settings.model;
    let finishReason: string | null = null;
    let inputTokens: number | null = null;
    let outputTokens: number | null = null;
    for await (const piece of callModel(settings, ask, turns, ctx.signal)) {
      model = piece.model || model;
      finishReason = piece.finishReason || finishReason;
      inputTokens = piece.inputTokens ?? inputTokens;
      outputTokens = piece.outputTokens ?? outputTokens;
      if (!piece.text) continue;
      response += piece.text;
      if (settings.stream) ctx.thought(piece.text);
    }
    // A proxy that goes away politely looks like an end; half an answer must not pass for a whole one.
    if (finishReason === null) {
      throw failure(settings, "MODEL_UNAVAILABLE", true, "the answer ended before the model said it had finished");
    }
    const usage =
      inputTokens === null && outputTokens === null
        ? null
        : { input_tokens: inputTokens ?? 0, output_tokens: outputTokens ?? 0 };
    return { response, model, finish_reason: finishReason, usage };
  };
}

/** The pieces of one answer. Whatever the SDK throws comes out as a `NeuronFailure`; what the consumer throws does not. */
async function* callModel(
  settings: ModelSettings,
  ask: AskModel,
  turns: readonly ChatTurn[],
  cancelled: AbortSignal,
): AsyncGenerator<ModelPiece> {
  const silence = new AbortController();
  const signal = AbortSignal.any([cancelled, silence.signal]);
  // The SDK times each try until its headers; this bounds the sum, and the body of an answer that does not stream.
  const triesMs = settings.timeoutMs * (settings.maxRetries + 1) + LONGEST_PAUSE_MS * settings.maxRetries;
  let timer = setTimeout(() => silence.abort(), triesMs);
  try {
    const pieces = await untilAborted(ask(turns, signal), signal);
    for await (const piece of pieces) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), settings.timeoutMs);
      yield piece;
    }
    // Both SDKs end an aborted stream as if it were complete.
    signal.throwIfAborted();
  } catch (thrown) {
    if (cancelled.aborted) throw failure(settings, "CANCELLED", false, "cancelled while it was answering");
    if (silence.signal.aborted) {
      throw failure(settings, "MODEL_TIMEOUT", true, `silent for longer than timeoutMs (${settings.timeoutMs})`);
    }
    const { code, recoverable } = toVendorFailure(thrown) ?? { code: "MODEL_UNAVAILABLE", recoverable: true };
    throw failure(settings, code, recoverable, describe(thrown));
  } finally {
    clearTimeout(timer);
  }
}

/** The promise, or the abort if that comes first: the OpenAI SDK does not hear an abort while it waits to try again. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
  }
}

/** Without a cause: an SDK's error holds the server's answer, and a server may repeat the key it was sent. */
function failure(settings: ModelSettings, code: string, recoverable: boolean, problem: string): NeuronFailure {
  const message = `model "${settings.model}" at ${new URL(settings.baseURL).host}: ${problem}`;
  const safe = settings.secrets.reduce((text, secret) => text.replaceAll(secret, "[redacted]"), message);
  return new NeuronFailure(code, safe.length > LONGEST_MESSAGE ? `${safe.slice(0, LONGEST_MESSAGE)}…` : safe, {
    recoverable,
  });
}

/** The message with those of its causes: "Connection error." alone helps nobody. */
function describe(thrown: unknown): string {
  const messages: string[] = [];
  let at = thrown;
  for (let depth = 0; depth < 4 && typeof at === "object" && at !== null; depth++) {
    const message = messageOf(at);
    if (message !== "" && !messages.includes(message)) messages.push(message);
    at = "cause" in at ? at.cause : undefined;
  }
  return messages.length === 0 ? String(thrown) : messages.join(": ");
}

function messageOf(error: object): string {
  const { message, code, status, apiMessage } = error as Record<string, unknown>;
  // Anthropic's SDK puts the whole body in `message`, and its sentence here.
  if (typeof apiMessage === "string") return typeof status === "number" ? `${status} ${apiMessage}` : apiMessage;
  if (typeof message === "string" && message !== "") return message;
  // A refused connection is an AggregateError with an empty message and a code.
  return typeof code === "string" ? code : "";
}

/**
 * Vendor model: what all providers share of a `Model`: the SDK loaded at the first call, tries and pauses, silence and abort,
 * and failures in our words. A provider adds the vendor's words, as a `VendorClient`.
 *
 * A try that has not begun to answer is repeated (`maxRetries`); one that has is not: what was streamed was told already.
 * The tries are made here, not by the SDKs: theirs sleep as long as a server likes, OpenAI's hears no abort meanwhile, and
 * neither tells that it tries again.
 */

import { NeuronFailure, ProviderOptionsError } from "../errors.ts";
import type { Model, ModelCallOptions, ModelDelta, ModelParams, ModelRequest, ModelResponse } from "../model/model.ts";
import { costOfCall } from "../model/prices.ts";
import type { Prices } from "../model/prices.ts";
import { untilAborted } from "../until-aborted.ts";
import { markCutCall } from "./cut-call.ts";
import { modelFailure, toModelFailure } from "./model-failure.ts";
import type { CallPlace } from "./model-failure.ts";
import type { ProviderSettings } from "./provider-options.ts";
import { hintOf, pauseBefore, sleep } from "./retry-pause.ts";

/** One vendor's SDK, ready, and its words. `Body` is what is sent, `Answer` a whole answer as the wire has it. */
export interface VendorClient<Body, Answer> {
  readonly baseURL: string;
  /** Beside those of the settings: a key that the SDK found in the environment. */
  readonly secrets: readonly string[];
  /** Pure. Throws `ProviderOptionsError` or `NeuronFailure` for what the wire cannot say. */
  toBody(request: ModelRequest, model: string, isStreamed: boolean): Body;
  send(body: Body, signal: AbortSignal): Promise<Answer>;
  /** Resolves when the answer begins. Yields something for each event, null when there is nothing to tell; returns the whole. */
  stream(body: Body, signal: AbortSignal): Promise<AsyncGenerator<ModelDelta | null, Answer, undefined>>;
  toResponse(answer: Answer, request: ModelRequest): Omit<ModelResponse, "providerRequest" | "providerResponse">;
}

export interface VendorModelSettings extends ProviderSettings {
  readonly vendor: string;
  readonly prices: Prices;
  readonly isHourCache?: boolean | undefined;
}

/** Make the model. `load` is called at the first call, and again after it failed: it imports the vendor's SDK. */
export function createVendorModel<Body, Answer>(
  settings: VendorModelSettings,
  load: () => Promise<VendorClient<Body, Answer>>,
): Model {
  let loading: Promise<VendorClient<Body, Answer>> | undefined;
  const loadOnce = (): Promise<VendorClient<Body, Answer>> =>
    (loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    }));
  return {
    vendor: settings.vendor,
    model: settings.model,
    costOf: (model, usage) => costOfCall(settings.prices, model, usage, { isHourCache: settings.isHourCache ?? false }),
    close: () => Promise.resolve(),
    async generate(request, options) {
      requireKnownParams(settings.vendor, request.params);
      const client = await loadOnce();
      const model = request.model ?? settings.model;
      const body = client.toBody(request, model, options.onDelta !== undefined);
      // The longest first, so that no part of one is left standing.
      const secrets = [...client.secrets, ...settings.secrets].sort((a, b) => b.length - a.length);
      const place = { model, baseURL: client.baseURL, secrets };
      const answer = await callWithRetries({ settings, client, body, place, options });
      const response = client.toResponse(answer, request);
      return { ...response, toolCalls: markCutCall(response), providerRequest: body, providerResponse: answer };
    },
  };
}

const KNOWN_PARAMS = {
  temperature: true,
  topP: true,
  maxTokens: true,
  stop: true,
  effort: true,
  thinkingBudget: true,
  seed: true,
} satisfies { readonly [K in keyof Required<ModelParams>]: true };

/** Params may come from JSON: one with a typing error must not pass for one that is kept. */
function requireKnownParams(vendor: string, params: ModelParams = {}): void {
  const unknown = Object.keys(params).find((name) => !Object.hasOwn(KNOWN_PARAMS, name));
  if (unknown === undefined) return;
  const known = Object.keys(KNOWN_PARAMS).join(", ");
  throw new ProviderOptionsError(`${vendor}: params has ${JSON.stringify(unknown)}, and may have ${known}`);
}

interface Call<Body, Answer> {
  readonly settings: VendorModelSettings;
  readonly client: VendorClient<Body, Answer>;
  readonly body: Body;
  readonly place: CallPlace;
  readonly options: ModelCallOptions;
}

async function callWithRetries<Body, Answer>(call: Call<Body, Answer>): Promise<Answer> {
  const { settings, place, options } = call;
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryOnce(call);
    if (outcome.kind === "answer") return outcome.answer;
    const { failure, thrown } = outcome;
    const pauseMs = attempt > settings.maxRetries ? null : pauseBefore(attempt, failure, thrown);
    if (outcome.hasBegun || pauseMs === null) throw failure;
    const { statusCode, retryAfterMs } = hintOf(thrown);
    options.onRetry?.({ attempt, statusCode, code: failure.code, retryAfterMs });
    await sleep(pauseMs, options.signal);
    if (options.signal.aborted) throw modelFailure(place, "CANCELLED", false, "cancelled before it was tried again");
  }
}

type Outcome<Answer> =
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "failed"; readonly failure: NeuronFailure; readonly thrown: unknown; readonly hasBegun: boolean };

/** One request. What the listener throws is thrown; what the SDK throws is an outcome. */
async function tryOnce<Body, Answer>({
  settings,
  client,
  body,
  place,
  options,
}: Call<Body, Answer>): Promise<Outcome<Answer>> {
  const silence = new AbortController();
  const signal = AbortSignal.any([options.signal, silence.signal]);
  const failed = (thrown: unknown, hasBegun: boolean): Outcome<Answer> => {
    if (options.signal.aborted) {
      const failure = modelFailure(place, "CANCELLED", false, "cancelled while it was answering");
      return { kind: "failed", failure, thrown, hasBegun: true };
    }
    if (silence.signal.aborted) {
      const problem = `silent for longer than timeoutMs (${settings.timeoutMs})`;
      return { kind: "failed", failure: modelFailure(place, "MODEL_TIMEOUT", true, problem), thrown, hasBegun };
    }
    if (thrown instanceof NeuronFailure || thrown instanceof ProviderOptionsError) throw thrown;
    return { kind: "failed", failure: toModelFailure(place, thrown), thrown, hasBegun };
  };

  let timer = setTimeout(() => silence.abort(), settings.timeoutMs);
  let pieces: AsyncGenerator<ModelDelta | null, Answer, undefined> | undefined;
  try {
    try {
      signal.throwIfAborted();
      if (options.onDelta === undefined)
        return { kind: "answer", answer: await untilAborted(client.send(body, signal), signal) };
      pieces = await untilAborted(client.stream(body, signal), signal);
    } catch (thrown) {
      return failed(thrown, false);
    }
    for (;;) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), settings.timeoutMs);
      let piece: IteratorResult<ModelDelta | null, Answer>;
      try {
        piece = await pieces.next();
        // Both SDKs end an aborted stream as if it were complete.
        signal.throwIfAborted();
      } catch (thrown) {
        return failed(thrown, true);
      }
      if (piece.done === true) return { kind: "answer", answer: piece.value };
      if (piece.value !== null) options.onDelta(piece.value);
    }
  } finally {
    clearTimeout(timer);
    // Closes the request when the listener threw; else it has ended.
    await pieces?.return(undefined as never).catch(() => {});
  }
}

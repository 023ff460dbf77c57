/** Anthropic model: Claude over the Anthropic messages wire, as a `Model`. */

import type { Message } from "@anthropic-ai/sdk/resources/messages";
import { NeuronFailure } from "../../errors.ts";
import type { Model } from "../../model/model.ts";
import { LIST_PRICES } from "../../model/prices.ts";
import { endedEarly } from "../model-failure.ts";
import { NO_KEY, resolveProviderOptions, show, toRefuse, withPrices } from "../provider-options.ts";
import type { ProviderOptions, ProviderSettings } from "../provider-options.ts";
import { createVendorModel } from "../vendor-model.ts";
import type { VendorClient } from "../vendor-model.ts";
import { readAnthropicStream, toAnthropicResponse } from "./anthropic-answer.ts";
import { ANTHROPIC, toAnthropicBody } from "./anthropic-request.ts";
import type { AnthropicBody } from "./anthropic-request.ts";

/** `baseURL` is the server's root, without `/v1`. */
export interface AnthropicOptions extends ProviderOptions {
  /** The longest answer, thoughts included, in tokens; the wire demands a number. Default 16_000. */
  readonly maxTokens?: number | undefined;
  /**
   * How long the server keeps the beginning of a conversation: behind the system prompt, the stable head and the last
   * message. Default `5m`; an hour costs more to write; false marks nothing.
   */
  readonly promptCache?: false | "5m" | "1h" | undefined;
}

/**
 * A Claude model. Without `apiKey` and `baseURL` the SDK takes the key from `ANTHROPIC_API_KEY`; if there is none the first
 * call fails with MODEL_REFUSED_REQUEST. Throws `ProviderOptionsError` at once for values out of bounds. Loads
 * `@anthropic-ai/sdk` at the first call. Params it has no word for: `seed`.
 */
export function anthropic(model: string, options: AnthropicOptions = {}): Model {
  const settings = resolveProviderOptions("anthropic", model, options, { maxTokens: 16_000 });
  const { promptCache = "5m" } = options;
  if (promptCache !== false && promptCache !== "5m" && promptCache !== "1h") {
    toRefuse("anthropic")(`promptCache must be "5m", "1h" or false, got ${show(promptCache)}`);
  }
  const prices = withPrices(LIST_PRICES[ANTHROPIC], options.prices);
  return createVendorModel({ ...settings, vendor: ANTHROPIC, prices, isHourCache: promptCache === "1h" }, () =>
    loadAnthropic(settings, promptCache),
  );
}

async function loadAnthropic(
  settings: ProviderSettings,
  promptCache: false | "5m" | "1h",
): Promise<VendorClient<AnthropicBody, Message>> {
  const { Anthropic } = await import("@anthropic-ai/sdk");
  const { transformJSONSchema } = await import("@anthropic-ai/sdk/lib/transform-json-schema");
  const { apiKey, baseURL, timeoutMs, headers, maxTokens } = settings;
  const client = new Anthropic({
    ...(apiKey === null && baseURL === null ? {} : { apiKey: apiKey ?? NO_KEY }),
    ...(baseURL === null ? (apiKey === null ? {} : { baseURL: "https://api.anthropic.com" }) : { baseURL }),
    timeout: timeoutMs,
    maxRetries: 0,
    defaultHeaders: headers,
    // Else the SDK writes to the console what a server sent.
    logLevel: "off",
  });
  return {
    baseURL: client.baseURL,
    secrets: [client.apiKey, client.authToken].filter((secret) => secret !== null && secret !== NO_KEY) as string[],
    toBody: (request, model, isStreamed) =>
      toAnthropicBody(request, model, isStreamed, {
        maxTokens: maxTokens ?? 16_000,
        promptCache,
        toOutputSchema: transformJSONSchema,
      }),
    async send(body, signal) {
      const message = await client.messages.create({ ...body, stream: false }, { signal }).catch(explainNoKey);
      if (!message.stop_reason) throw endedEarly();
      return message;
    },
    async stream(body, signal) {
      return readAnthropicStream(
        await client.messages.create({ ...body, stream: true }, { signal }).catch(explainNoKey),
      );
    },
    toResponse: toAnthropicResponse,
  };
}

/** The SDK looks for a key at the request, and says in its own words that it found none. */
function explainNoKey(thrown: unknown): never {
  if (thrown instanceof Error && thrown.message.startsWith("Could not resolve authentication method")) {
    throw new NeuronFailure(
      "MODEL_REFUSED_REQUEST",
      "anthropic: there is no key: set the option apiKey, or ANTHROPIC_API_KEY in the environment",
    );
  }
  throw thrown;
}

/** OpenAI model: a model behind the chat-completions wire, which most model servers speak, as a `Model`. */

import type { Model } from "../../model/model.ts";
import { LIST_PRICES } from "../../model/prices.ts";
import { resolveProviderOptions, withPrices } from "../provider-options.ts";
import { createVendorModel } from "../vendor-model.ts";
import { readOpenaiStream, requireFinished, toOpenaiResponse } from "./openai-answer.ts";
import type { OpenaiCompletion } from "./openai-answer.ts";
import { loadOpenaiClient, secretsOf } from "./openai-options.ts";
import type { OpenaiOptions } from "./openai-options.ts";
import { toOpenaiBody } from "./openai-request.ts";
import type { OpenaiBody, OpenaiDialect } from "./openai-request.ts";

/**
 * A model behind OpenAI's chat completions: OpenAI's own, or with `baseURL` that of any server that speaks the wire. Without
 * `apiKey` and `baseURL` the SDK takes the key from `OPENAI_API_KEY`; if there is none the first call fails with
 * MODEL_REFUSED_REQUEST. Throws `ProviderOptionsError` at once for values out of bounds. Loads `openai` at the first call.
 * Params it has no word for: `thinkingBudget`.
 */
export function openai(model: string, options: OpenaiOptions = {}): Model {
  return createOpenaiModel("openai", model, options, { vendor: "openai" });
}

/** For `openai` and the presets: `caller` is the function the user called. */
export function createOpenaiModel(
  caller: string,
  model: string,
  options: OpenaiOptions,
  dialect: OpenaiDialect,
): Model {
  const { vendor } = dialect;
  const settings = resolveProviderOptions(caller, model, options);
  const { promptCache = true } = options;
  const prices = withPrices(LIST_PRICES[vendor], options.prices);
  return createVendorModel<OpenaiBody, OpenaiCompletion>({ ...settings, vendor, prices }, async () => {
    const client = await loadOpenaiClient(settings);
    const { baseURL } = client;
    return {
      baseURL,
      secrets: secretsOf(client),
      toBody: (request, model, isStreamed) =>
        toOpenaiBody(request, model, isStreamed, { baseURL, maxTokens: settings.maxTokens, promptCache, dialect }),
      send: async (body, signal) =>
        requireFinished(await client.chat.completions.create({ ...body, stream: false }, { signal })),
      stream: async (body, signal) =>
        readOpenaiStream(await client.chat.completions.create({ ...body, stream: true }, { signal })),
      toResponse: (completion, request) => toOpenaiResponse(vendor, completion, request),
    };
  });
}

/** Responses model: a model behind OpenAI's Responses API, which alone gives back what a model thought, as a `Model`. */

import type { Response } from "openai/resources/responses/responses";
import type { Model } from "../../model/model.ts";
import { LIST_PRICES } from "../../model/prices.ts";
import { resolveProviderOptions, withPrices } from "../provider-options.ts";
import { createVendorModel } from "../vendor-model.ts";
import { loadOpenaiClient, secretsOf } from "./openai-options.ts";
import type { OpenaiOptions } from "./openai-options.ts";
import { readResponsesStream, requireEnded, toResponsesResponse } from "./responses-answer.ts";
import { OPENAI_RESPONSES, toResponsesBody } from "./responses-request.ts";
import type { ResponsesBody } from "./responses-request.ts";

/**
 * A model behind OpenAI's Responses API. As `openai`, and what the model thought goes back with the next turn. Nothing is
 * stored at OpenAI. Params it has no word for: `stop`, `seed`, `thinkingBudget`.
 */
export function openaiResponses(model: string, options: OpenaiOptions = {}): Model {
  const settings = resolveProviderOptions(OPENAI_RESPONSES, model, options);
  const { promptCache = true } = options;
  const prices = withPrices(LIST_PRICES["openai"], options.prices);
  return createVendorModel<ResponsesBody, Response>({ ...settings, vendor: OPENAI_RESPONSES, prices }, async () => {
    const client = await loadOpenaiClient(settings);
    const { baseURL } = client;
    return {
      baseURL,
      secrets: secretsOf(client),
      toBody: (request, model, isStreamed) =>
        toResponsesBody(request, model, isStreamed, { baseURL, maxTokens: settings.maxTokens, promptCache }),
      send: async (body, signal) => requireEnded(await client.responses.create({ ...body, stream: false }, { signal })),
      stream: async (body, signal) =>
        readResponsesStream(await client.responses.create({ ...body, stream: true }, { signal })),
      toResponse: toResponsesResponse,
    };
  });
}

/** Presets: servers that speak OpenAI's chat completions, by name: address, key, and what each of them says differently. */

import { ProviderOptionsError } from "../../errors.ts";
import type { Model } from "../../model/model.ts";
import type { OpenaiOptions } from "./openai-options.ts";
import { createOpenaiModel } from "./openai-model.ts";
import type { OpenaiDialect } from "./openai-request.ts";

/** Options of the presets. `baseURL` is there already, and may be another. */
export type PresetOptions = OpenaiOptions;

export interface OpenRouterOptions extends PresetOptions {
  /** Your site, for OpenRouter's rankings (`HTTP-Referer`). */
  readonly siteUrl?: string | undefined;
  /** Your application's name there (`X-Title`). */
  readonly title?: string | undefined;
}

/** The router in front of Hugging Face's inference providers. Needs `apiKey` (a token). */
export function huggingFace(model: string, options: PresetOptions): Model {
  return preset("huggingFace", "https://router.huggingface.co/v1", model, options);
}

/** Ollama on this machine. No key. */
export function ollama(model: string, options: PresetOptions = {}): Model {
  return preset("ollama", "http://127.0.0.1:11434/v1", model, options, { isKeyless: true });
}

/** OpenRouter. Needs `apiKey`. */
export function openRouter(model: string, { siteUrl, title, ...options }: OpenRouterOptions): Model {
  const headers = {
    ...(siteUrl === undefined ? {} : { "HTTP-Referer": siteUrl }),
    ...(title === undefined ? {} : { "X-Title": title }),
    ...options.headers,
  };
  return preset("openRouter", "https://openrouter.ai/api/v1", model, { ...options, headers });
}

/** Groq. Needs `apiKey`. */
export function groq(model: string, options: PresetOptions): Model {
  return preset("groq", "https://api.groq.com/openai/v1", model, options);
}

/** vLLM on this machine. No key. */
export function vllm(model: string, options: PresetOptions = {}): Model {
  return preset("vllm", "http://127.0.0.1:8000/v1", model, options, { isKeyless: true });
}

/** Together AI. Needs `apiKey`. */
export function together(model: string, options: PresetOptions): Model {
  return preset("together", "https://api.together.xyz/v1", model, options);
}

/** Mistral. Needs `apiKey`. It takes call ids of nine letters and digits only, and refuses words it does not know. */
export function mistral(model: string, options: PresetOptions): Model {
  return preset("mistral", "https://api.mistral.ai/v1", model, options, {
    callIds: {
      pattern: /^[A-Za-z0-9]{9}$/,
      toFit: (id) =>
        id
          .replace(/[^A-Za-z0-9]/g, "")
          .padStart(9, "0")
          .slice(-9),
    },
    refusesStreamOptions: true,
    seedWord: "random_seed",
  });
}

/** The vendor is named as the function. */
function preset(
  name: string,
  baseURL: string,
  model: string,
  options: PresetOptions,
  { isKeyless = false, ...dialect }: Omit<OpenaiDialect, "vendor"> & { readonly isKeyless?: boolean } = {},
): Model {
  if (!isKeyless && !options.apiKey && !options.baseURL) {
    throw new ProviderOptionsError(`${name}: set apiKey; no environment variable is read for it`);
  }
  return createOpenaiModel(
    name,
    model,
    { ...options, baseURL: options.baseURL || baseURL },
    { vendor: name, ...dialect },
  );
}

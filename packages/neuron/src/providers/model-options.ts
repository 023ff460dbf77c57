/** Model options: what a model neuron can be given, checked once, when the neuron is made. */

import { NO_KEY, resolveProviderOptions, show, toRefuse } from "./provider-options.ts";
import type { ProviderOptions } from "./provider-options.ts";

/** The options of `openaiNeuron` and `anthropicNeuron`. Undefined and `""` count as not given, so `process.env.X` fits. */
export interface ModelNeuronOptions extends Omit<ProviderOptions, "prices"> {
  /** The model's name, as the server knows it. */
  readonly model: string;
  /** The secret for the server. Needed unless `baseURL` names a server that asks for none. */
  readonly apiKey?: string | undefined;
  /** 0 to 2. Default: the server's. */
  readonly temperature?: number | undefined;
  /** A system prompt, put before those in the input. */
  readonly system?: string | undefined;
  /** As of all providers, but by default 60_000. */
  readonly timeoutMs?: number | undefined;
  /** Whether the answer is streamed, each piece to `ctx.thought`. Default true. */
  readonly stream?: boolean | undefined;
}

/** The same with every default filled in. Nothing downstream sees the partial. */
export interface ModelSettings {
  readonly model: string;
  readonly apiKey: string;
  readonly baseURL: string;
  readonly maxTokens: number | null;
  readonly temperature: number | null;
  readonly system: string | null;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly stream: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** Texts that may appear in no error. */
  readonly secrets: readonly string[];
}

/** What differs between providers. */
export interface ModelDefaults {
  /** The function the user called; begins every message. */
  readonly caller: "openaiNeuron" | "anthropicNeuron";
  readonly baseURL: string;
  readonly maxTokens: number | null;
  /** A `baseURL` to show in the message that asks for one. */
  readonly localExample: string;
}

/** Check and complete the options. Throws `ProviderOptionsError` with the value and the fix; never shows a key or a URL. */
export function resolveModelOptions(options: ModelNeuronOptions, defaults: ModelDefaults): ModelSettings {
  const { temperature = null, system = null, stream = true } = options;
  const { caller, maxTokens, localExample } = defaults;
  const refuse = toRefuse(caller);
  const provider = resolveProviderOptions(caller, options.model, options, { timeoutMs: 60_000, maxTokens });
  if (provider.apiKey === null && provider.baseURL === null) {
    refuse(
      `set apiKey (for ${defaults.baseURL}), or baseURL for a server that needs none, for example ${localExample}`,
    );
  }
  if (temperature !== null && !(typeof temperature === "number" && temperature >= 0 && temperature <= 2)) {
    refuse(`temperature must be between 0 and 2, got ${show(temperature)}`);
  }
  if (system !== null && typeof system !== "string") refuse(`system must be a text, got ${show(system)}`);
  return {
    ...provider,
    apiKey: provider.apiKey ?? NO_KEY,
    baseURL: provider.baseURL ?? defaults.baseURL,
    temperature,
    system: system || null,
    stream,
  };
}

/** The part of the settings that is the model's. Nothing of them is left to the environment. */
export function toModelOptions(settings: ModelSettings): ProviderOptions {
  const { apiKey, baseURL, headers, timeoutMs, maxRetries, maxTokens } = settings;
  return { apiKey, baseURL, headers, timeoutMs, maxRetries, maxTokens: maxTokens ?? undefined };
}

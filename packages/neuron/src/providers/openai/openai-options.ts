/** OpenAI options: what both OpenAI wires, and the servers that speak them, are given, and the client they use. */

import type { OpenAI } from "openai";
import { NeuronFailure } from "../../errors.ts";
import { NO_KEY } from "../provider-options.ts";
import type { ProviderOptions, ProviderSettings } from "../provider-options.ts";

export interface OpenaiOptions extends ProviderOptions {
  /** Whether calls of one beginning are told apart by `ModelRequest.cacheKey`; sent to OpenAI's own address only. Default true. */
  readonly promptCache?: boolean | undefined;
}

/** The SDK's client. Of the environment only what belongs to a key that comes from there. */
export async function loadOpenaiClient({ apiKey, baseURL, timeoutMs, headers }: ProviderSettings): Promise<OpenAI> {
  const { OpenAI } = await import("openai");
  const isOwn = apiKey !== null || baseURL !== null;
  const own = {
    apiKey: apiKey ?? NO_KEY,
    baseURL: baseURL ?? "https://api.openai.com/v1",
    organization: null,
    project: null,
    adminAPIKey: null,
  };
  const common = {
    timeout: timeoutMs,
    maxRetries: 0,
    defaultHeaders: headers,
    // Else the SDK writes to the console what a server sent.
    logLevel: "off" as const,
  };
  if (isOwn) return new OpenAI({ ...own, ...common });
  try {
    return new OpenAI(common);
  } catch {
    throw new NeuronFailure(
      "MODEL_REFUSED_REQUEST",
      "openai: there is no key: set the option apiKey, or OPENAI_API_KEY in the environment",
    );
  }
}

/** What a client found in the environment and may appear in no error. */
export function secretsOf({ apiKey, organization, project }: OpenAI): string[] {
  return [apiKey, organization, project].filter((text): text is string => !!text && text !== NO_KEY);
}

/** Whether it is OpenAI itself: it alone knows some words, and refuses others that all other servers need. */
export function isOfficial(baseURL: string): boolean {
  const host = new URL(baseURL).hostname;
  return host === "api.openai.com" || host.endsWith(".api.openai.com");
}

/** Provider options: how a model server is reached, checked once, when a model or a neuron is made. */

import { ProviderOptionsError } from "../errors.ts";
import { definePrices } from "../model/prices.ts";
import type { Prices } from "../model/prices.ts";

/** What every provider can be given. Undefined and `""` count as not given, so `process.env.X` fits. */
export interface ProviderOptions {
  /**
   * The secret for the server. Left out together with `baseURL`, the vendor's SDK takes it from its own environment variable;
   * a server of one's own is then sent a placeholder.
   */
  readonly apiKey?: string | undefined;
  /** The server's address. Default: the vendor's own. */
  readonly baseURL?: string | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * The longest silence, in milliseconds: how long one try waits for the answer to begin (for all of it, when it is not
   * streamed), and then for each next piece. 1 to 300_000 (Node's fetch gives up there by itself); default 120_000. After it
   * the call fails with MODEL_TIMEOUT. A streamed answer as a whole may take longer.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How often a call is tried again (429, 5xx, lost connection), after the pause the server asks for with `retry-after`. One
   * that asks for more than 10 s is not tried again: the call fails, recoverable. Nor is an answer that has begun. 0 to 10;
   * default 2.
   */
  readonly maxRetries?: number | undefined;
  /** The longest answer, in tokens, for calls that do not say. */
  readonly maxTokens?: number | undefined;
  /** Prices of models, in dollars per million tokens: beside the list prices, or instead of them. */
  readonly prices?: Prices | undefined;
}

/** The same, checked. Null is what was not given. */
export interface ProviderSettings {
  readonly model: string;
  readonly apiKey: string | null;
  readonly baseURL: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly maxTokens: number | null;
  /** Texts that may appear in no error. */
  readonly secrets: readonly string[];
}

/** Sent where a key is expected and none is needed; the SDKs refuse to start without. */
export const NO_KEY = "not-needed";
/** A shorter text is no secret worth hiding, and hiding it would garble messages. */
const SHORTEST_SECRET = 6;

/**
 * Check and complete. `caller` is the function the user called; it begins every message. Throws `ProviderOptionsError` with
 * the value and the fix; never shows a key or a URL.
 */
export function resolveProviderOptions(
  caller: string,
  model: string,
  options: ProviderOptions,
  defaults: { readonly timeoutMs?: number; readonly maxTokens?: number | null } = {},
): ProviderSettings {
  const { timeoutMs = defaults.timeoutMs ?? 120_000, maxRetries = 2 } = options;
  const maxTokens = options.maxTokens ?? defaults.maxTokens ?? null;
  const apiKey = options.apiKey || null;
  const baseURL = options.baseURL || null;
  const refuse = toRefuse(caller);

  if (typeof model !== "string" || model.trim() === "") refuse(`model must be a model's name, got ${show(model)}`);
  if (apiKey !== null && !/^[\x21-\x7e]+$/.test(apiKey)) {
    refuse("apiKey must be printable ASCII without spaces or line breaks (its value is not shown); trim it");
  }
  if (baseURL !== null) requireHttpUrl(baseURL, refuse);
  if (maxTokens !== null && !isWithin(maxTokens, 1, Number.MAX_SAFE_INTEGER)) {
    refuse(`maxTokens must be a whole number > 0, got ${show(maxTokens)}`);
  }
  if (!isWithin(timeoutMs, 1, 300_000)) {
    refuse(`timeoutMs must be a whole number between 1 and 300_000, got ${show(timeoutMs)}`);
  }
  if (!isWithin(maxRetries, 0, 10))
    refuse(`maxRetries must be a whole number between 0 and 10, got ${show(maxRetries)}`);
  const headers = { ...options.headers };
  for (const [name, value] of Object.entries(headers)) {
    if (!isHeader(name, value)) refuse(`headers: ${show(name)} is no valid header (its value is not shown)`);
  }
  return { model, apiKey, baseURL, headers, timeoutMs, maxRetries, maxTokens, secrets: toSecrets(apiKey, headers) };
}

/** The list prices of a vendor with the user's over them. */
export function withPrices(listed: Prices | undefined, own: Prices | undefined): Prices {
  return { ...listed, ...definePrices(own ?? {}) };
}

export function toRefuse(caller: string): (problem: string) => never {
  return (problem) => {
    throw new ProviderOptionsError(`${caller}: ${problem}`);
  };
}

export function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** The key, the headers' values and their words (`Bearer <key>`), longest first so that no part is left standing. */
export function toSecrets(apiKey: string | null, headers: Readonly<Record<string, string>>): string[] {
  const words = Object.values(headers).flatMap((value) => [value, ...value.split(/\s+/)]);
  const secrets = [...(apiKey === null ? [] : [apiKey]), ...words].filter((text) => text.length >= SHORTEST_SECRET);
  return secrets.sort((a, b) => b.length - a.length);
}

function requireHttpUrl(text: string, refuse: (problem: string) => never): void {
  const url = URL.canParse(text) ? new URL(text) : null;
  // The value is not shown: a key pasted into the wrong option would end up in a log.
  if (url === null) refuse("baseURL must be a URL that begins with http:// or https:// (what was given is no URL)");
  else if (url.protocol !== "http:" && url.protocol !== "https:") {
    refuse(`baseURL must begin with http:// or https://, got ${show(url.protocol)}`);
  } else if (url.username !== "" || url.password !== "") {
    refuse("baseURL may not hold a user or password; use apiKey or headers");
  }
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most;
}

function isHeader(name: string, value: unknown): boolean {
  try {
    return typeof value === "string" && new Headers([[name, value]]).has(name);
  } catch {
    return false; // Headers throws for what may not be sent
  }
}

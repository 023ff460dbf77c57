/** Model options: what every model provider can be given, checked once, when the neuron is made. */

import { ProviderOptionsError } from "../errors.ts";

/** The options of `openaiNeuron` and `anthropicNeuron`. Undefined and `""` count as not given, so `process.env.X` fits. */
export interface ModelNeuronOptions {
  /** The model's name, as the server knows it. */
  readonly model: string;
  /** The secret for the server. Needed unless `baseURL` names a server that asks for none. */
  readonly apiKey?: string | undefined;
  /** The server's address. Default: the vendor's own. */
  readonly baseURL?: string | undefined;
  /** The longest answer, in tokens. */
  readonly maxTokens?: number | undefined;
  /** 0 to 2. Default: the server's. */
  readonly temperature?: number | undefined;
  /** A system prompt, put before those in the input. */
  readonly system?: string | undefined;
  /**
   * The longest silence, in milliseconds: how long one try waits for the answer to begin, and then for each next piece.
   * 1 to 300_000 (Node's fetch gives up there by itself); default 60_000. After it the run fails with MODEL_TIMEOUT. The
   * whole answer may take longer; its end is `ctx.deadline`.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How often a request is tried again (429, 5xx, lost connection) before the run fails, after the pause the server asks
   * for with `retry-after`. One that asks for more than 10 s is not tried again: the run fails, recoverable. Nor is an
   * answer that has begun. 0 to 10; default 2.
   */
  readonly maxRetries?: number | undefined;
  /** Whether the answer is streamed, each piece to `ctx.thought`. Default true. */
  readonly stream?: boolean | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
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

/** Sent where a key is expected and none is needed; the SDKs refuse to start without. */
const NO_KEY = "not-needed";
/** A shorter text is no secret worth hiding, and hiding it would garble messages. */
const SHORTEST_SECRET = 6;

/** Check and complete the options. Throws `ProviderOptionsError` with the value and the fix; never shows a key or a URL. */
export function resolveModelOptions(options: ModelNeuronOptions, defaults: ModelDefaults): ModelSettings {
  const { model, temperature = null, system = null, timeoutMs = 60_000, maxRetries = 2, stream = true } = options;
  const maxTokens = options.maxTokens ?? defaults.maxTokens;
  const apiKey = options.apiKey || null;
  const baseURL = options.baseURL || null;
  const refuse = (problem: string): never => {
    throw new ProviderOptionsError(`${defaults.caller}: ${problem}`);
  };

  if (typeof model !== "string" || model.trim() === "") refuse(`model must be a model's name, got ${show(model)}`);
  if (apiKey === null && baseURL === null) {
    refuse(
      `set apiKey (for ${defaults.baseURL}), or baseURL for a server that needs none, for example ${defaults.localExample}`,
    );
  }
  if (apiKey !== null && !/^[\x21-\x7e]+$/.test(apiKey)) {
    refuse("apiKey must be printable ASCII without spaces or line breaks (its value is not shown); trim it");
  }
  if (baseURL !== null) requireHttpUrl(baseURL, refuse);
  if (maxTokens !== null && !isWithin(maxTokens, 1, Number.MAX_SAFE_INTEGER)) {
    refuse(`maxTokens must be a whole number > 0, got ${show(maxTokens)}`);
  }
  if (temperature !== null && !(typeof temperature === "number" && temperature >= 0 && temperature <= 2)) {
    refuse(`temperature must be between 0 and 2, got ${show(temperature)}`);
  }
  if (system !== null && typeof system !== "string") refuse(`system must be a text, got ${show(system)}`);
  if (!isWithin(timeoutMs, 1, 300_000)) {
    refuse(`timeoutMs must be a whole number between 1 and 300_000, got ${show(timeoutMs)}`);
  }
  if (!isWithin(maxRetries, 0, 10))
    refuse(`maxRetries must be a whole number between 0 and 10, got ${show(maxRetries)}`);
  const headers = { ...options.headers };
  for (const [name, value] of Object.entries(headers)) {
    if (!isHeader(name, value)) refuse(`headers: ${show(name)} is no valid header (its value is not shown)`);
  }

  return {
    model,
    apiKey: apiKey ?? NO_KEY,
    baseURL: baseURL ?? defaults.baseURL,
    maxTokens,
    temperature,
    system: system || null,
    timeoutMs,
    maxRetries,
    stream,
    headers,
    secrets: toSecrets(apiKey, headers),
  };
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

/** The key, the headers' values and their words (`Bearer <key>`), longest first so that no part is left standing. */
function toSecrets(apiKey: string | null, headers: Readonly<Record<string, string>>): string[] {
  const words = Object.values(headers).flatMap((value) => [value, ...value.split(/\s+/)]);
  const secrets = [...(apiKey === null ? [] : [apiKey]), ...words].filter((text) => text.length >= SHORTEST_SECRET);
  return secrets.sort((a, b) => b.length - a.length);
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

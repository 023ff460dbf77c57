/**
 * Prices: what a call cost, from a dated table of list prices. Costs are whole nano-dollars, by integer arithmetic: sums of
 * them are exact. A model that is not in the table has no cost (null), never a guessed one.
 */
import { ProviderOptionsError } from "../errors.ts";
import type { ModelUsage } from "./model.ts";

/** US dollars per million tokens. */
export interface Rates {
  readonly input: number;
  readonly output: number;
  /** Input that a cache served. Default: as `input`. */
  readonly cacheRead?: number | undefined;
  /** Input that was written to a cache. Default: as `input`. */
  readonly cacheWrite?: number | undefined;
  /** The same for a cache that lasts an hour. Default: as `cacheWrite`. */
  readonly cacheWrite1h?: number | undefined;
}

export interface ModelPrice extends Rates {
  /** Other rates for the whole call when its prompt, cached or not, has more than `over` tokens. */
  readonly long?: (Rates & { readonly over: number }) | undefined;
}

/**
 * Prices by model. A name also stands for its dated versions (`gpt-5` for `gpt-5-2025-08-07`, not for `gpt-5-mini`); one
 * that ends in `*` for whatever begins so. The most exact one counts.
 */
export type Prices = Readonly<Record<string, ModelPrice>>;

/** When the tables below were looked up. They change with a release; what is newer goes into the option `prices`. */
export const PRICES_AS_OF = "2026-11-21";

/** Above 272_000 tokens OpenAI asks twice as much for input and half as much again for output. */
function withLongRates(rates: Rates): ModelPrice {
  const { input, output, cacheRead = input, cacheWrite = input } = rates;
  const long = { over: 272_000, input: input * 2, output: output * 1.5 };
  return { ...rates, long: { ...long, cacheRead: cacheRead * 2, cacheWrite: cacheWrite * 2 } };
}

const OPUS_5: ModelPrice = { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25, cacheWrite1h: 10 };
const SONNET_5: ModelPrice = { input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2.5, cacheWrite1h: 4 };
const SONNET_4: ModelPrice = { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75, cacheWrite1h: 6 };
const FABLE_5: ModelPrice = { input: 10, output: 50, cacheRead: 1, cacheWrite: 12.5, cacheWrite1h: 20 };
const GPT_5: ModelPrice = { input: 1.25, output: 10, cacheRead: 0.125 };
const GPT_5_2: ModelPrice = { input: 1.75, output: 14, cacheRead: 0.175 };

/**
 * List prices of the vendors, standard tier, by vendor and model.
 * https://platform.claude.com/docs/en/about-claude/pricing · https://developers.openai.com/api/docs/pricing
 */
export const LIST_PRICES: Readonly<Record<string, Prices>> = {
  anthropic: {
    "claude-opus-5-5": { input: 4, output: 20, cacheRead: 0.2, cacheWrite: 5, cacheWrite1h: 8 },
    "claude-sonnet-5-5": SONNET_5,
    "claude-haiku-5-5": {
      ...{ input: 0.1, output: 0.5, cacheRead: 0.01, cacheWrite: 0.125, cacheWrite1h: 0.2 },
      long: { over: 100_000, input: 0.5, output: 2.5, cacheRead: 0.05, cacheWrite: 0.625, cacheWrite1h: 1 },
    },
    "claude-fable-5-1": { ...FABLE_5, cacheRead: 0.25 },
    "claude-fable-5": FABLE_5,
    "claude-opus-5": OPUS_5,
    "claude-opus-4-8": OPUS_5,
    "claude-opus-4-7": OPUS_5,
    "claude-opus-4-6": OPUS_5,
    "claude-opus-4-5": OPUS_5,
    "claude-sonnet-5": SONNET_5,
    "claude-sonnet-4-6": SONNET_4,
    "claude-sonnet-4-5": SONNET_4,
    "claude-haiku-4-5": { input: 1, output: 5, cacheRead: 0.1, cacheWrite: 1.25, cacheWrite1h: 2 },
  },
  openai: {
    "gpt-6-astra": withLongRates({ input: 10, output: 50, cacheRead: 1, cacheWrite: 12.5 }),
    "gpt-6.1-sol": withLongRates({ input: 2, output: 10, cacheRead: 0.1, cacheWrite: 2.5 }),
    "gpt-6-sol": withLongRates({ input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2.5 }),
    "gpt-6-luna": withLongRates({ input: 0.1, output: 0.5, cacheRead: 0.01, cacheWrite: 0.125 }),
    "gpt-5.6-sol": withLongRates({ input: 4, output: 20, cacheRead: 0.4, cacheWrite: 5 }),
    "gpt-5.6-terra": withLongRates({ input: 2, output: 12, cacheRead: 0.2, cacheWrite: 2.5 }),
    "gpt-5.6-luna": withLongRates({ input: 0.2, output: 1.2, cacheRead: 0.02, cacheWrite: 0.25 }),
    "gpt-5.5": withLongRates({ input: 5, output: 30, cacheRead: 0.5 }),
    "gpt-5.4": withLongRates({ input: 2.5, output: 15, cacheRead: 0.25 }),
    "gpt-5.4-mini": { input: 0.75, output: 4.5, cacheRead: 0.075 },
    "gpt-5.4-nano": { input: 0.2, output: 1.25, cacheRead: 0.02 },
    "gpt-5.3-codex": GPT_5_2,
    "gpt-5.2": GPT_5_2,
    "gpt-5.1": GPT_5,
    "gpt-5": GPT_5,
    "gpt-5-mini": { input: 0.25, output: 2, cacheRead: 0.025 },
    "gpt-5-nano": { input: 0.05, output: 0.4, cacheRead: 0.005 },
    "gpt-4.1": { input: 2, output: 8, cacheRead: 0.5 },
    "gpt-4.1-mini": { input: 0.4, output: 1.6, cacheRead: 0.1 },
    "gpt-4.1-nano": { input: 0.1, output: 0.4, cacheRead: 0.025 },
    "gpt-4o": { input: 2.5, output: 10, cacheRead: 1.25 },
    "gpt-4o-mini": { input: 0.15, output: 0.6, cacheRead: 0.075 },
  },
};

/** Check prices once, to share them between models. Throws `ProviderOptionsError` for what is no price. */
export function definePrices(prices: Prices): Prices {
  for (const [model, { long, ...rates }] of Object.entries(prices)) {
    const { over = 1, ...longRates } = long ?? {};
    for (const [name, rate] of [...Object.entries(rates), ...Object.entries(longRates)]) {
      if (rate === undefined || (Number.isFinite(rate) && rate >= 0)) continue;
      throw new ProviderOptionsError(`prices["${model}"].${name} must be dollars per million tokens >= 0, got ${rate}`);
    }
    if (!Number.isFinite(rates.input) || !Number.isFinite(rates.output)) {
      throw new ProviderOptionsError(`prices["${model}"] needs input and output, in dollars per million tokens`);
    }
    if (!Number.isSafeInteger(over) || over < 1) {
      throw new ProviderOptionsError(`prices["${model}"].long.over must be a whole number of tokens > 0, got ${over}`);
    }
  }
  return Object.freeze({ ...prices });
}

/**
 * Whole nano-dollars of a call. Null when the model has no price, or the server did not say how many tokens went in and out.
 */
export function costOfCall(
  prices: Prices,
  model: string,
  usage: ModelUsage,
  { isHourCache = false }: { readonly isHourCache?: boolean } = {},
): number | null {
  const price = priceOf(prices, model);
  const { inputTokens, outputTokens } = usage;
  if (price === null || inputTokens === null || outputTokens === null) return null;
  const [read, written] = [usage.cacheReadInputTokens ?? 0, usage.cacheCreationInputTokens ?? 0];
  const isLong = price.long !== undefined && inputTokens + read + written > price.long.over;
  const { input, output, cacheRead, cacheWrite, cacheWrite1h } = isLong ? price.long : price;
  const write = (isHourCache ? cacheWrite1h : undefined) ?? cacheWrite ?? input;
  const pico =
    toPico(inputTokens, input) +
    toPico(outputTokens, output) +
    toPico(read, cacheRead ?? input) +
    toPico(written, write);
  return Number((pico + 500n) / 1_000n);
}

/** A dollar per million tokens is a million pico-dollars per token. Products do not fit into a double. */
function toPico(tokens: number, dollarsPerMillion: number): bigint {
  return BigInt(tokens) * BigInt(Math.round(dollarsPerMillion * 1_000_000));
}

/** `-20251001`, `-2025-08-07`, `-latest`, `@20251001` */
const VERSION = /(-(\d{8}|\d{4}-\d{2}-\d{2}|latest)|@[\w-]+)$/;

function priceOf(prices: Prices, model: string): ModelPrice | null {
  const exact = [model, model.replace(VERSION, "")].find((name) => Object.hasOwn(prices, name));
  const name = exact ?? longestPrefix(Object.keys(prices), model);
  return name === undefined ? null : (prices[name] ?? null);
}

function longestPrefix(names: readonly string[], model: string): string | undefined {
  return names
    .filter((name) => name.endsWith("*") && model.startsWith(name.slice(0, -1)))
    .sort((a, b) => b.length - a.length)[0];
}

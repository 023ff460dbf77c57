/** Usage: what a model said of its tokens, and what of it counts in a budget. */
import type { UsageData } from "@myelin/bus/run-events";
import type { ModelUsage } from "@myelin/neuron";

/** What a run has used up, by the measures of a budget. */
export interface Spent {
  readonly tokens: number;
  readonly nanoUsd: number;
  /** Worked on, pauses not counted. */
  readonly ms: number;
}

/** As the journal has it. */
export const toUsageData = (usage: ModelUsage): UsageData => ({
  input_tokens: usage.inputTokens,
  output_tokens: usage.outputTokens,
  cache_read_input_tokens: usage.cacheReadInputTokens,
  cache_creation_input_tokens: usage.cacheCreationInputTokens,
  reasoning_tokens: usage.reasoningTokens,
});

/** `elapsedMs` is the whole of the run so far, as an entry has it; entries without one leave it. */
export function spentBy(spent: Spent, usage: UsageData | null, costNanoUsd: number | null, elapsedMs: unknown): Spent {
  return {
    tokens: spent.tokens + (usage === null ? 0 : tokensOf(usage)),
    nanoUsd: spent.nanoUsd + (costNanoUsd ?? 0),
    ms: typeof elapsedMs === "number" ? Math.max(spent.ms, elapsedMs) : spent.ms,
  };
}

/** Reasoning is part of the output. */
const tokensOf = (usage: UsageData): number =>
  (usage.input_tokens ?? 0) +
  (usage.output_tokens ?? 0) +
  (usage.cache_read_input_tokens ?? 0) +
  (usage.cache_creation_input_tokens ?? 0);

/** Budget: what a run may use up, as an agent's definition and a request say it, and as the wire and the journal have it. */
import type { BudgetData } from "./run-event-data.ts";
import { toNanoUsd, toUsd } from "./usd.ts";

/** What a run may use up. Model calls of a child that a run delegates to count in it. That of a request only tightens its agent's. */
export interface Budget {
  /** Tokens in and out, those that a cache served included. */
  readonly maxTokens?: number | undefined;
  /** By the price table of the model's provider; calls whose price is not known count as nothing. */
  readonly maxCostUsd?: number | undefined;
  /** Milliseconds that are worked on the run. Pauses do not count. Looked at between calls, which are not broken off. */
  readonly maxMs?: number | undefined;
  /** Parts of each limit at which a `budget.threshold` is put on record, once. Default 0.5, 0.75 and 0.9. */
  readonly warnAt?: readonly number[] | undefined;
  /**
   * At the limit. `stop` (default): the run fails with BUDGET_EXCEEDED before its next tool or model call. `pause`: somebody
   * is asked; a yes lets it go on for one more model call. `warn`: it is put on record, no more. An answer that is already
   * there is given in any case.
   */
  readonly onExceeded?: "warn" | "pause" | "stop" | undefined;
}

export function toBudgetData({ maxTokens, maxCostUsd, maxMs, warnAt, onExceeded }: Budget): BudgetData {
  return {
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    ...(maxCostUsd !== undefined && { max_cost_nano_usd: toNanoUsd(maxCostUsd) }),
    ...(maxMs !== undefined && { max_ms: maxMs }),
    ...(warnAt !== undefined && { warn_at: [...warnAt] }),
    ...(onExceeded !== undefined && { on_exceeded: onExceeded }),
  };
}

export function fromBudgetData(data: BudgetData): Budget {
  const { max_tokens, max_cost_nano_usd, max_ms, warn_at, on_exceeded } = data;
  return {
    maxTokens: max_tokens,
    maxCostUsd: max_cost_nano_usd === undefined ? undefined : toUsd(max_cost_nano_usd),
    maxMs: max_ms,
    warnAt: warn_at,
    onExceeded: on_exceeded,
  };
}

/** Budget: what of it is used up, and what is to be put on record of that. Pure. */
import { toUsd, type BudgetData } from "@myelin/bus/run-events";
import { eventOf, type AgentEvent } from "./event.ts";
import type { RunState } from "./state.ts";
import type { Spent } from "./usage.ts";

const WARN_AT = [0.5, 0.75, 0.9];

interface Limit {
  /** `tokens`, `cost` or `ms`. */
  readonly kind: string;
  readonly used: number;
  readonly max: number;
}

const STRICTNESS = ["warn", "pause", "stop"] as const;

/** The tighter of two in every measure. What the second leaves open is as the first has it. */
export function tighter(a: BudgetData | null, b: BudgetData | null): BudgetData | null {
  if (a === null || b === null) return a ?? b;
  const min = (x: number | undefined, y: number | undefined) => Math.min(x ?? Infinity, y ?? Infinity);
  const limits = {
    max_tokens: min(a.max_tokens, b.max_tokens),
    max_cost_nano_usd: min(a.max_cost_nano_usd, b.max_cost_nano_usd),
    max_ms: min(a.max_ms, b.max_ms),
  };
  const strictness = Math.max(strictnessOf(a), b.on_exceeded === undefined ? 0 : strictnessOf(b));
  const warn_at = b.warn_at ?? a.warn_at;
  return {
    ...Object.fromEntries(Object.entries(limits).filter(([, max]) => max !== Infinity)),
    ...(warn_at !== undefined && { warn_at }),
    on_exceeded: STRICTNESS[strictness],
  };
}

/**
 * What is left for each of a number of children, at least one of each measure: a child has its parent's word for what happens
 * then. Time they have beside each other, so that is not shared out.
 */
export function remaining(budget: BudgetData | null, spent: Spent, children: number): BudgetData | null {
  if (budget === null) return null;
  const rest = (max: number, used: number) => Math.max(1, max - Math.ceil(used));
  const share = (max: number, used: number) => Math.max(1, Math.floor(rest(max, used) / children));
  return {
    ...budget,
    ...(budget.max_tokens !== undefined && { max_tokens: share(budget.max_tokens, spent.tokens) }),
    ...(budget.max_cost_nano_usd !== undefined && {
      max_cost_nano_usd: share(budget.max_cost_nano_usd, spent.nanoUsd),
    }),
    ...(budget.max_ms !== undefined && { max_ms: rest(budget.max_ms, spent.ms) }),
  };
}

/** Thresholds and limits that are reached and not on record yet. */
export function newBudgetEvents(state: RunState): AgentEvent[] {
  const budget = state.started?.budget ?? null;
  if (budget === null) return [];
  const iteration = state.turns.length;
  return limitsOf(budget, state.spent).flatMap(({ kind, used, max }) => {
    const crossed = [...(budget.warn_at ?? WARN_AT)]
      .sort((a, b) => a - b)
      .filter((fraction) => used >= max * fraction && !state.fired.has(`${kind}:${fraction}`))
      .map((fraction) => eventOf("budget.threshold", iteration, { kind, fraction, used, max }));
    if (used < max || state.fired.has(`${kind}:exceeded`)) return crossed;
    const action = budget.on_exceeded ?? "stop";
    return [...crossed, eventOf("budget.exceeded", iteration, { kind, used, max, action })];
  });
}

/** What the run may not do any more because of its budget; null when it may go on. */
export function budgetStop(state: RunState): { readonly action: "pause" | "stop"; readonly message: string } | null {
  const budget = state.started?.budget ?? null;
  if (budget === null || budget.on_exceeded === "warn") return null;
  const exceeded = limitsOf(budget, state.spent).filter(({ used, max }) => used >= max);
  if (exceeded.length === 0 || state.grantedAt === state.turns.length) return null;
  const message = `the budget is used up: ${exceeded.map(describe).join(", ")}`;
  return { action: budget.on_exceeded === "pause" && !state.isBudgetRefused ? "pause" : "stop", message };
}

const strictnessOf = ({ on_exceeded = "stop" }: BudgetData): number => STRICTNESS.indexOf(on_exceeded);

function limitsOf(budget: BudgetData, spent: Spent): Limit[] {
  return [
    { kind: "tokens", used: spent.tokens, max: budget.max_tokens },
    { kind: "cost", used: spent.nanoUsd, max: budget.max_cost_nano_usd },
    { kind: "ms", used: spent.ms, max: budget.max_ms },
  ].filter((limit): limit is Limit => limit.max !== undefined);
}

function describe({ kind, used, max }: Limit): string {
  if (kind === "cost") return `$${toUsd(used)} of $${toUsd(max)}`;
  return kind === "ms" ? `${Math.round(used)} of ${max} ms` : `${used} of ${max} tokens`;
}

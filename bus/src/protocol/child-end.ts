/**
 * Child end: how a run ended that another one delegated to, as the answer to the call that it was. The same whoever finds it:
 * the parent that waits, or whoever wakes one that does not.
 */
import { agentOutput } from "./agent-io.ts";
import { addUsage, dataOf, NO_USAGE, type UsageData } from "./run-event-data.ts";

export interface ChildEnd {
  readonly success: boolean;
  /** Any JSON. */
  readonly result: unknown;
  readonly error: string | null;
  /** What it used up, and those it delegated to. Null for a neuron that is no agent. */
  readonly used: Used | null;
}

export interface Used {
  readonly usage: UsageData;
  /** Null: no call had a known price. */
  readonly costNanoUsd: number | null;
}

/** Of a child that gave an output. */
export function endWithOutput(output: unknown): ChildEnd {
  const agent = agentOutput.safeParse(output);
  if (!agent.success) return { success: true, result: output, error: null, used: null };
  const { status, answer, usage, cost_nano_usd, subtree } = agent.data;
  const of = subtree ?? { usage, cost_nano_usd };
  const used = { usage: of.usage, costNanoUsd: of.cost_nano_usd };
  if (status === "success") return { success: true, result: agent.data.output ?? answer, error: null, used };
  return { success: false, result: null, error: "the agent ran out of iterations", used };
}

/** Of a child that failed or was cancelled: what it used up by then, its journal says. */
export const endWithFailure = (
  error: string,
  journal: readonly { readonly event_type: string; readonly data: unknown }[],
): ChildEnd => ({ success: false, result: null, error, used: journal.length === 0 ? null : usedIn(journal) });

/** What a run has used up by its journal, its children's included. */
export const usedIn = (journal: readonly { readonly event_type: string; readonly data: unknown }[]): Used =>
  journal
    .flatMap(
      (entry) => dataOf(entry, "llm.completed") ?? dataOf(entry, "llm.failed") ?? dataOf(entry, "tool.completed") ?? [],
    )
    .map(({ usage, cost_nano_usd }) => ({ usage: usage ?? NO_USAGE, costNanoUsd: cost_nano_usd ?? null }))
    .reduce(addUsed, { usage: NO_USAGE, costNanoUsd: null });

/** The sum, where null is "nobody said". */
export const addUsed = (a: Used, b: Used): Used => ({
  usage: addUsage(a.usage, b.usage),
  costNanoUsd: a.costNanoUsd === null ? b.costNanoUsd : a.costNanoUsd + (b.costNanoUsd ?? 0),
});

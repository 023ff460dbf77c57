/**
 * Submitted: results, answers and reasons that came from outside while the run waited. Whoever submitted them has masked what the
 * run's patterns find; guardrails that are code, and those that its agent has got since, look at them here, when the run is
 * woken, before the model sees them. What these find is in the journal as it was submitted, and masked only from here on.
 */
import type { ActiveRun } from "./active-run.ts";
import { blockedFailure } from "../guardrails/guardrail-set.ts";
import { fromNew } from "./event.ts";
import { lastTurn, type Call } from "./state.ts";

export async function lookThroughSubmitted(run: ActiveRun): Promise<void> {
  const { guard, ctx, state } = run;
  const isWoken = state.wokenBy === ctx.taskId;
  if (!isWoken || !guard.looksAtSubmitted) return;
  for (const call of lastTurn(state)?.calls ?? []) {
    const said = submittedFor(call);
    if (!said) continue;
    const where = {
      direction: "incoming",
      iterationIndex: state.turns.length,
      correlationId: call.data.call_id,
    } as const;
    const { value, entries, blocked } = await guard.redactSubmitted(said, where, ctx.signal);
    run.record(
      entries.map((entry) => {
        const isMasked = entry.event_type === "guardrail.redacted";
        return fromNew(isMasked ? { ...entry, data: { ...entry.data, submitted: value } } : entry);
      }),
    );
    if (blocked) throw blockedFailure(blocked, where);
  }
}

/** What somebody said of a call and the model is to read: its result, or why it was refused. */
function submittedFor({ completed, approval, rejection }: Call): { result: unknown; error: string | null } | null {
  if (completed) return "by" in completed ? { result: completed.result, error: completed.error } : null;
  return approval === "rejected" && rejection !== null ? { result: rejection, error: null } : null;
}

/**
 * Rules: what keeps a run in bounds: which calls are refused, which ask first, how often a tool may be called, which skills may
 * be read. A run begins with its agent's, which `run.started` pins. A later start keeps to those and to its agent's of that day
 * as well: a run is never freer than it was begun, and what was forbidden since stays forbidden.
 */
import type { RunEventData } from "@myelin/bus/run-events";
import type { Tool } from "@myelin/neuron";
import type { ResolvedAgent } from "../definition/resolve-agent.ts";
import type { Skill } from "../skills/skill.ts";
import type { Plan } from "./step.ts";

type Started = RunEventData<"run.started">;

/** As `run.started` has them. */
export function pinRules({
  denied,
  gated,
  skills,
}: ResolvedAgent): Pick<Started, "deny" | "require_approval" | "skills"> {
  return {
    ...(denied.size > 0 && { deny: [...denied].sort() }),
    ...(gated.size > 0 && { require_approval: [...gated].sort() }),
    ...(skills.length > 0 && { skills: skills.map(({ name }) => name) }),
  };
}

/** Those that a start keeps to. */
export function rulesOf(
  agent: Pick<ResolvedAgent, "denied" | "gated">,
  { deny = [], require_approval = [], tools: pinned }: Pick<Started, "deny" | "require_approval" | "tools">,
  tools: ReadonlyMap<string, Tool>,
): Pick<Plan, "denied" | "gated" | "limits"> {
  const limits = new Map<string, number>();
  for (const { name, max_calls_per_run: pinnedMax = Infinity } of pinned) {
    const max = Math.min(pinnedMax, tools.get(name)?.maxCallsPerRun ?? Infinity);
    if (max !== Infinity) limits.set(name, max);
  }
  return {
    denied: new Set([...deny, ...agent.denied]),
    gated: new Set([...require_approval, ...agent.gated]),
    limits,
  };
}

/** The skills that a run that is gone on with may read: of its own, those that are still there. */
export const skillsOf = (
  { skills }: ResolvedAgent,
  { skills: names = [] }: Pick<Started, "skills">,
): readonly Skill[] => skills.filter(({ name }) => names.includes(name));

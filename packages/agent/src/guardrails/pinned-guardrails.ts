/**
 * Pinned guardrails: those that a run was begun with, as `run.started` has them. A run that is gone on with is looked through by
 * them and by its agent's of that day, so that a guardrail that was taken out, or made milder, since then still holds for it.
 * One that patterns say all of is made anew from the journal; one that is code must still be there.
 */
import type { PatternGuardrail, RunEventData } from "@myelin/bus/run-events";
import { looksAt } from "@myelin/bus/run-events";
import type { Guardrail } from "../guardrail.ts";
import { patternGuardrail } from "./pattern-guardrail.ts";

type Pinned = Pick<RunEventData<"run.started">, "guardrails" | "code_guardrails">;

/** From the mildest. */
const ACTIONS = ["warn", "redact", "block"] as const;
const DIRECTIONS = ["incoming", "outgoing"] as const;

/** As `run.started` has them. */
export function pinGuardrails(guardrails: readonly Guardrail[]): Pinned {
  const code = guardrails.filter(({ patterns }) => patterns === undefined);
  const data = guardrails.flatMap((one) => toData(one) ?? []);
  return {
    ...(guardrails.length > 0 && { guardrails: data }),
    ...(code.length > 0 && {
      code_guardrails: code.map(({ name, action, directions }) => toNamed(name, action, directions)),
    }),
  };
}

/** The agent's, and those of the run that the agent has no more, or not like that. */
export function withPinned(
  guardrails: readonly Guardrail[],
  pinned: readonly PatternGuardrail[],
): readonly Guardrail[] {
  const present = new Set(guardrails.map((one) => JSON.stringify(toData(one))));
  const gone = pinned.filter((one) => !present.has(JSON.stringify(toData(one))));
  return [...guardrails, ...gone.map((one) => patternGuardrail(one, one.patterns))];
}

/** Whether whoever submitted something to the run has looked through it by this guardrail: by those that the run pins. */
export function isPinned(guardrail: Guardrail, pinned: readonly PatternGuardrail[]): boolean {
  const data = JSON.stringify(toData(guardrail));
  return guardrail.patterns !== undefined && pinned.some((one) => JSON.stringify(toData(one)) === data);
}

/** The name of a guardrail of the run that is code, and that the agent has no more, or does less; null when there is none. */
export function lostGuardrail(guardrails: readonly Guardrail[], { code_guardrails = [] }: Pinned): string | null {
  const isKept = (pinned: (typeof code_guardrails)[number]) =>
    guardrails.some(
      (one) =>
        one.name === pinned.name &&
        ACTIONS.indexOf(one.action) >= ACTIONS.indexOf(pinned.action) &&
        DIRECTIONS.every((way) => !looksAt(pinned, way) || looksAt(one, way)),
    );
  return code_guardrails.find((one) => !isKept(one))?.name ?? null;
}

/** Keys in one order, so that equal ones are equal as text. Null for one that is code. */
function toData({ name, action, directions, patterns }: Omit<Guardrail, "scan">): PatternGuardrail | null {
  if (patterns === undefined) return null;
  const ordered = patterns.map(({ entity, pattern, flags, check }) => ({
    ...{ entity, pattern, flags },
    ...(check !== undefined && { check }),
  }));
  return { ...toNamed(name, action, directions), patterns: ordered };
}

const toNamed = (
  name: string,
  action: Guardrail["action"],
  directions: Guardrail["directions"],
): Omit<PatternGuardrail, "patterns"> => ({ name, action, ...(directions && { directions: [...directions] }) });

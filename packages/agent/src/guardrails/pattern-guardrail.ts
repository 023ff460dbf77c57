/** A guardrail of patterns, checked when it is made. The built-in ones are made of this. */
import { type GuardrailPattern, compilePatterns, scanWithPatterns } from "@myelin/bus/run-events";
import { checkWord } from "../definition/check-options.ts";
import { AgentDefinitionError } from "../errors.ts";
import type { Guardrail } from "../guardrail.ts";

const FIXES = {
  too_long: "it is longer than 2000 characters: make two of it",
  invalid: "it is no regular expression, or has flags other than i, m, s, u, v",
  nested_repetition:
    "it repeats a group that repeats something, which can take for ever: give the inner repetition one length",
  unknown_check: "its check is neither luhn nor mod97",
};

export function patternGuardrail(
  { name, action, directions }: Pick<Guardrail, "name" | "action" | "directions">,
  patterns: readonly GuardrailPattern[],
): Guardrail {
  checkWord(`action of guardrail "${name}"`, action, ["redact", "block", "warn"]);
  for (const direction of directions ?? [])
    checkWord(`directions of guardrail "${name}"`, direction, ["incoming", "outgoing"]);
  const { compiled, ignored } = compilePatterns(patterns);
  for (const { entity, pattern, reason } of ignored) {
    throw new AgentDefinitionError(
      `the pattern for ${entity} of guardrail "${name}" cannot be used: ${FIXES[reason]}: ${pattern}`,
    );
  }
  if (compiled.length === 0)
    throw new AgentDefinitionError(`guardrail "${name}" has no patterns, so it would find nothing`);
  return { name, action, directions, patterns: [...patterns], scan: (text) => scanWithPatterns(compiled, text) };
}

/** An expression as data. `g`, `y` and `d` say how to search, not what for. */
export function toPattern(entity: string, { source, flags }: RegExp): GuardrailPattern {
  return { entity, pattern: source, flags: flags.replace(/[gyd]/g, "") };
}

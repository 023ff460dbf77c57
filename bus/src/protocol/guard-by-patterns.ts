/**
 * Guarding by patterns alone: what a caller does before a message is stored, and a submitter before a result is. Nothing to
 * wait for, and nothing but data is needed.
 */
import { type Blocked, type GuardWhere, type Guarded, inLeaf, toGuarded, looksAt, textsOf } from "./guard.ts";
import {
  type GuardrailPattern,
  type IgnoredPattern,
  type PatternGuardrail,
  compilePatterns,
  scanWithPatterns,
} from "./guardrail-patterns.ts";
import { dataOf } from "./run-event-data.ts";
import { Placeholders } from "./placeholders.ts";
import { textLeaves } from "./text-leaves.ts";

/** Guard a value by guardrails that are data. `placeholders` are the run's, and get what is added. */
export function guardByPatterns<T>(
  value: T,
  guardrails: readonly PatternGuardrail[],
  where: GuardWhere,
  placeholders: Placeholders,
): Guarded<T> {
  const leaves = textLeaves(value);
  const found = guardrails
    .filter((guardrail) => looksAt(guardrail, where.direction))
    .map((guardrail) => {
      const { compiled } = compiledOnce(guardrail.patterns);
      const findings = leaves.map((leaf) => {
        const scanned = textsOf(leaf).map(({ text, offset }) => ({
          offset,
          findings: scanWithPatterns(compiled, text),
        }));
        return inLeaf(leaf, scanned);
      });
      return { guardrail, findings };
    });
  return toGuarded(value, leaves, found, where, placeholders);
}

type Entry = { readonly event_type: string; readonly data: unknown };

/**
 * How to guard what is submitted to a run: by the guardrails that its `run.started` pins, with the placeholders it has given
 * so far. One for each submission; what its entries say is appended before what they are about.
 */
export function submissionGuard(journal: readonly Entry[]): <T>(value: T, callId: string) => Guarded<T> {
  const started = journal.map((entry) => dataOf(entry, "run.started")).find((data) => data !== null);
  const guardrails = started?.guardrails ?? [];
  const placeholders = Placeholders.from(guardrails.length === 0 ? [] : journal);
  return (value, callId) =>
    guardrails.length === 0
      ? { value, entries: [], blocked: null }
      : guardByPatterns(value, guardrails, { direction: "incoming", correlationId: callId }, placeholders);
}

/** A blocking pattern, as an agent's card has it. */
export type BlockPattern = GuardrailPattern & { readonly guardrail: string };

/**
 * Whether a message may be sent at all: for its sender, before anything of it is stored. Looks through every text of a JSON
 * value. `ignored` are patterns that cannot be used; the worker looks again, with its own.
 */
export function findBlocked(
  blocks: readonly BlockPattern[],
  value: unknown,
): { readonly blocked: Blocked | null; readonly ignored: readonly IgnoredPattern[] } {
  const guardrails = groupedOnce(blocks);
  const { blocked } = guardByPatterns(value, guardrails, { direction: "incoming" }, new Placeholders());
  return { blocked, ignored: guardrails.flatMap(({ patterns }) => compiledOnce(patterns).ignored) };
}

/** Patterns come again with every message: they are compiled once for as long as somebody holds them. */
const COMPILED = new WeakMap<object, ReturnType<typeof compilePatterns>>();
const GROUPED = new WeakMap<object, readonly PatternGuardrail[]>();

function compiledOnce(patterns: readonly GuardrailPattern[]): ReturnType<typeof compilePatterns> {
  const compiled = COMPILED.get(patterns) ?? compilePatterns(patterns);
  COMPILED.set(patterns, compiled);
  return compiled;
}

function groupedOnce(blocks: readonly BlockPattern[]): readonly PatternGuardrail[] {
  const names = [...new Set(blocks.map(({ guardrail }) => guardrail))];
  const grouped =
    GROUPED.get(blocks) ??
    names.map((name) => ({ name, action: "block" as const, patterns: blocks.filter((one) => one.guardrail === name) }));
  GROUPED.set(blocks, grouped);
  return grouped;
}

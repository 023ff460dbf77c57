/**
 * Guard: what becomes of a value in which guardrails found something: it passes, it passes with placeholders, or it is
 * stopped; and what the journal says of it. Pure: finding is the caller's, by patterns or otherwise.
 */
import type { PatternGuardrail, TextFinding } from "./guardrail-patterns.ts";
import type { Placeholders } from "./placeholders.ts";
import { type TextLeaf, withTexts } from "./text-leaves.ts";

/** Stands where a value was that is not kept. */
export const BLOCKED_TEXT = "[blocked by guardrail]";

/** Where a value is on its way, and which entries are written about it. */
export interface GuardWhere {
  /** `incoming`: to the model. `outgoing`: from it. */
  readonly direction: "incoming" | "outgoing";
  readonly iterationIndex?: number | undefined;
  /** The call whose parameters or result it is. */
  readonly correlationId?: string | undefined;
}

/** Which guardrail stopped a value, and for what. Never the text found. */
export interface Blocked {
  readonly guardrail: string;
  readonly entities: readonly string[];
}

/** An entry about a value, to be appended no later than the value itself. */
export interface GuardrailEntry {
  readonly event_type: "guardrail.detected" | "guardrail.redacted" | "guardrail.blocked";
  readonly iteration_index?: number | undefined;
  readonly correlation_id?: string | undefined;
  readonly data: Record<string, unknown>;
}

export interface Guarded<T> {
  /** What may be kept and passed on. When it is blocked, `BLOCKED_TEXT` in the value's own form. */
  readonly value: T;
  readonly entries: readonly GuardrailEntry[];
  readonly blocked: Blocked | null;
}

/** What one guardrail found: for each leaf of the value its findings. */
export interface LeafFindings {
  readonly guardrail: Pick<PatternGuardrail, "name" | "action">;
  readonly findings: readonly (readonly TextFinding[])[];
}

/**
 * The texts in which to look for what is in a leaf: itself, and with its property before it, since `"x7Kp…"` says nothing
 * and `api_key=x7Kp…` does. `offset` is where the leaf begins.
 */
export function textsOf({ text, key }: TextLeaf): { readonly text: string; readonly offset: number }[] {
  if (text === "") return [];
  if (key === null) return [{ text, offset: 0 }];
  return [
    { text, offset: 0 },
    { text: `${key}=${text}`, offset: key.length + 1 },
  ];
}

/** What was found in the texts of a leaf, as ranges of the leaf, each once. */
export function inLeaf(
  leaf: TextLeaf,
  found: readonly { readonly offset: number; readonly findings: readonly TextFinding[] }[],
): TextFinding[] {
  const places = new Map<string, TextFinding>();
  for (const { offset, findings } of found) {
    for (const { entity, ...range } of findings) {
      const start = Math.max(0, range.start - offset);
      const end = Math.min(leaf.text.length, range.end - offset);
      if (end > start) places.set(`${entity} ${start} ${end}`, { entity, start, end });
    }
  }
  return [...places.values()];
}

/** Judge a value by what was found in its leaves. `found` is in the order of the guardrails: the first that blocks is named. */
export function toGuarded<T>(
  value: T,
  leaves: readonly TextLeaf[],
  found: readonly LeafFindings[],
  where: GuardWhere,
  placeholders: Placeholders,
): Guarded<T> {
  const entry = (event_type: GuardrailEntry["event_type"], data: Record<string, unknown>): GuardrailEntry => ({
    event_type,
    ...(where.iterationIndex !== undefined && { iteration_index: where.iterationIndex }),
    ...(where.correlationId !== undefined && { correlation_id: where.correlationId }),
    data: { ...data, direction: where.direction },
  });
  const entries: GuardrailEntry[] = [];
  let redacted: (readonly TextFinding[])[] = leaves.map(() => []);
  let blocked: Blocked | null = null;
  for (const { guardrail, findings } of found) {
    const news = leaves.map(({ text }, at) => placeholders.withoutKnown(text, findings[at] ?? []));
    const counts: Record<string, number> = {};
    for (const { entity } of news.flat()) counts[entity] = (counts[entity] ?? 0) + 1;
    const entities = Object.keys(counts);
    if (entities.length === 0) continue;
    if (guardrail.action === "block") blocked ??= { guardrail: guardrail.name, entities };
    if (guardrail.action === "redact") redacted = redacted.map((findings, at) => findings.concat(news[at]!));
    const type = guardrail.action === "block" ? "guardrail.blocked" : "guardrail.detected";
    entries.push(entry(type, { guardrail: guardrail.name, findings: counts }));
  }
  if (blocked !== null) return { value: blockedForm(value) as T, entries, blocked };

  const masked = leaves.map(({ text }, at) => placeholders.mask(text, redacted[at]!));
  if (redacted.some((findings) => findings.length > 0)) {
    const mapping = Object.fromEntries(masked.flatMap((one) => Object.entries(one.mapping)));
    const entities = [...new Set(redacted.flat().map(({ entity }) => entity))];
    entries.push(entry("guardrail.redacted", { entities, mapping }));
  }
  const texts = masked.map(({ text }) => text);
  // Also when nothing was found: what is nested too deeply to be looked into is left out.
  return { value: withTexts(value, texts) as T, entries, blocked: null };
}

function blockedForm(value: unknown): unknown {
  if (Array.isArray(value)) return [];
  return typeof value === "object" && value !== null ? {} : BLOCKED_TEXT;
}

/** Whether a guardrail looks at what goes this way. */
export function looksAt(
  { directions }: { readonly directions?: readonly string[] | undefined },
  direction: GuardWhere["direction"],
): boolean {
  return directions?.includes(direction) ?? true;
}

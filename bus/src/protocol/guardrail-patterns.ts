/**
 * Guardrail patterns: what a guardrail looks for, as data, so that it can be looked for wherever a text comes by: with the
 * caller before the TASK is appended, and with whoever submits a result. What comes over the wire is compiled with care:
 * a pattern that cannot be used is left out and named, it never throws.
 */
import { z } from "zod";

export const guardrailPattern = z.object({
  /** What it finds: `EMAIL_ADDRESS`. */
  entity: z.string(),
  /** A JavaScript regular expression. With a group named `value`, that group is what is found. */
  pattern: z.string(),
  /** Its flags, of `i m s u v`. */
  flags: z.string(),
  /** What a match must be beside: `luhn` (card numbers) or `mod97` (IBAN). */
  check: z.string().optional(),
});
export type GuardrailPattern = z.output<typeof guardrailPattern>;

/** A guardrail as data: one that patterns say all of. */
export const patternGuardrail = z.object({
  name: z.string(),
  action: z.enum(["redact", "block", "warn"]),
  /** Where it looks; left out: both ways. */
  directions: z.array(z.enum(["incoming", "outgoing"])).optional(),
  patterns: z.array(guardrailPattern),
});
export type PatternGuardrail = z.output<typeof patternGuardrail>;

/** Something found, as a range of the text: `start` to `end` (exclusive), in UTF-16 units, as of `String.slice`. */
export interface TextFinding {
  readonly entity: string;
  readonly start: number;
  readonly end: number;
}

/** A pattern that is not used, and why. */
export interface IgnoredPattern {
  readonly entity: string;
  readonly pattern: string;
  readonly reason: "too_long" | "invalid" | "nested_repetition" | "unknown_check";
}

export interface CompiledPattern {
  readonly entity: string;
  readonly expression: RegExp;
  /** How much of a match counts; 0: it is none. */
  readonly check: (match: string) => number;
}

const MAX_PATTERN_LENGTH = 2000;

/** Make patterns usable. Those that are not are in `ignored`. */
export function compilePatterns(patterns: readonly GuardrailPattern[]): {
  readonly compiled: readonly CompiledPattern[];
  readonly ignored: readonly IgnoredPattern[];
} {
  const compiled: CompiledPattern[] = [];
  const ignored: IgnoredPattern[] = [];
  for (const pattern of patterns) {
    const made = compile(pattern);
    if (typeof made === "string") ignored.push({ entity: pattern.entity, pattern: pattern.pattern, reason: made });
    else compiled.push(made);
  }
  return { compiled, ignored };
}

function compile({ entity, pattern, flags, check }: GuardrailPattern): CompiledPattern | IgnoredPattern["reason"] {
  if (pattern.length > MAX_PATTERN_LENGTH) return "too_long";
  if (!/^[imsuv]{0,5}$/.test(flags)) return "invalid";
  const checks = check === undefined ? (match: string) => match.length : CHECKS[check];
  if (checks === undefined) return "unknown_check";
  if (hasNestedRepetition(pattern)) return "nested_repetition";
  try {
    // Indices cost time, and only a named group needs them.
    const expression = new RegExp(pattern, `g${pattern.includes("(?<value>") ? "d" : ""}${flags}`);
    return { entity, expression, check: checks };
  } catch {
    return "invalid";
  }
}

/** All that patterns find in a text, in the order of the patterns. Findings of different patterns may overlap. */
export function scanWithPatterns(compiled: readonly CompiledPattern[], text: string): TextFinding[] {
  const findings: TextFinding[] = [];
  for (const { entity, expression, check } of compiled) {
    expression.lastIndex = 0;
    for (let match = expression.exec(text); match !== null; match = expression.exec(text)) {
      const [start, end] = match.indices?.groups?.["value"] ?? [match.index, match.index + match[0].length];
      const length = check(text.slice(start, end));
      if (length > 0) findings.push({ entity, start, end: start + length });
      // What fails its check may hide one that begins later: the year in "2026 4111 1111 1111 1111".
      if (length === 0 || match[0].length === 0) expression.lastIndex = next(text, match.index);
    }
  }
  return findings;
}

/** The place after a character. Within a pair, a `u` expression would step back and find the same again, for ever. */
const next = (text: string, at: number): number => at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);

const CHECKS: Readonly<Record<string, ((match: string) => number) | undefined>> = {
  luhn: (match) => (isLuhn(match) ? match.length : 0),
  mod97: ibanLength,
};

/** https://en.wikipedia.org/wiki/Luhn_algorithm */
function isLuhn(text: string): boolean {
  const digits = text.replace(/\D/g, "");
  let sum = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const digit = Number(digits[digits.length - 1 - at]);
    const weighed = at % 2 === 0 ? digit : digit * 2;
    sum += weighed > 9 ? weighed - 9 : weighed;
  }
  return digits.length > 0 && sum % 10 === 0;
}

/** How much of a text is an IBAN: words in capitals behind it look as if they were of it. 15 to 34 characters without blanks. */
function ibanLength(text: string): number {
  for (let end = text.length; end > 14; end -= 1) {
    if (end < text.length && text[end] !== " ") continue;
    const plain = text.slice(0, end).replaceAll(" ", "");
    if (plain.length >= 15 && plain.length <= 34 && remainder97(plain.slice(4) + plain.slice(0, 4)) === 1) return end;
  }
  return 0;
}

/** ISO 7064 MOD 97-10, letters counted from A = 10. */
function remainder97(text: string): number {
  let rest = 0;
  for (const char of text) {
    const value = Number.parseInt(char, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest;
}

/**
 * Whether a repeated group repeats something inside, as `(a+)+`: the commonest way for a pattern to take exponential time.
 * It errs on the side of refusing; the fix is to bound the inner repetition to one length, or to unroll it. It does not see
 * every slow pattern: `.*x.*y` over a long text is slow too.
 */
export function hasNestedRepetition(pattern: string): boolean {
  const groups: boolean[] = [];
  let hasRepetition = false;
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at];
    if (char === "\\") at += 1;
    else if (char === "[") at = endOfClass(pattern, at);
    else if (char === "(") {
      groups.push(hasRepetition);
      hasRepetition = false;
    } else if (char === ")") {
      const inner: boolean = hasRepetition;
      const { isUnbounded } = repetitionAt(pattern, at + 1);
      if (inner && isUnbounded) return true;
      hasRepetition = inner || (groups.pop() ?? false) || isUnbounded;
    } else if (repetitionAt(pattern, at).isVariable) hasRepetition = true;
  }
  return false;
}

/** What repetition stands at a place: `isVariable` may take different lengths above one, `isUnbounded` any. */
function repetitionAt(pattern: string, at: number): { isVariable: boolean; isUnbounded: boolean } {
  const char = pattern[at];
  if (char === "*" || char === "+") return { isVariable: true, isUnbounded: true };
  const [, from, comma, to] = /^\{(\d+)(,?)(\d*)\}/.exec(pattern.slice(at, at + 16)) ?? [];
  const isUnbounded = comma === "," && (to === "" || Number(to) > 1000);
  return { isVariable: comma === "," && from !== to, isUnbounded };
}

function endOfClass(pattern: string, from: number): number {
  for (let at = from + 1; at < pattern.length; at += 1) {
    if (pattern[at] === "\\") at += 1;
    else if (pattern[at] === "]") return at;
  }
  return pattern.length;
}

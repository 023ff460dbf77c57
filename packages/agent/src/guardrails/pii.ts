/**
 * pii: what says who somebody is. By patterns, so it finds what is written in a usual form and nothing else: no names, no
 * addresses, no telephone number without a `+`, brackets or separators (ten bare digits are more often an order's number).
 */
import type { GuardrailPattern } from "@myelin/bus/run-events";
import { checkNames, type NamesOf } from "../definition/check-options.ts";
import { AgentDefinitionError } from "../errors.ts";
import type { Guardrail } from "../guardrail.ts";
import { patternGuardrail, toPattern } from "./pattern-guardrail.ts";

export type PiiEntity = "EMAIL_ADDRESS" | "PHONE_NUMBER" | "US_SSN" | "CREDIT_CARD" | "IP_ADDRESS" | "IBAN";

/** Every repetition has a bound, and a find begins only where a word does: so a long text takes time by its length, not more. */
const PATTERNS: Readonly<Record<PiiEntity, readonly Omit<GuardrailPattern, "entity">[]>> = {
  EMAIL_ADDRESS: [
    {
      pattern: String.raw`(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])`,
      flags: "",
    },
  ],
  PHONE_NUMBER: [
    { pattern: String.raw`(?<![\w+])\+\d(?:[ ().-]{0,2}\d){7,14}(?!\d)`, flags: "" },
    {
      pattern: String.raw`(?<![\w+-]|\+\d{1,3}[ .-]?)(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?!\w|-\d)`,
      flags: "",
    },
  ],
  US_SSN: [{ pattern: String.raw`(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?!\w|-\d)`, flags: "" }],
  CREDIT_CARD: [
    { pattern: String.raw`(?<!\d)[2-6]\d{12,18}(?!\d)`, flags: "", check: "luhn" },
    { pattern: String.raw`(?<!\d)[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{4}(?!\d)`, flags: "", check: "luhn" },
    { pattern: String.raw`(?<!\d)3[47]\d{2}([ -])\d{6}\1\d{5}(?!\d)`, flags: "", check: "luhn" },
  ],
  IP_ADDRESS: [
    {
      pattern: String.raw`(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\w|\.\d)`,
      flags: "",
    },
    // With a digit in it: `dead::beef` is more often a name.
    {
      pattern: String.raw`(?<![\w:.])(?=[A-F:]{0,38}\d)(?:(?:[0-9A-F]{1,4}:){7}[0-9A-F]{1,4}|(?:[0-9A-F]{1,4}:){1,6}(?::[0-9A-F]{1,4}){1,6}|(?:[0-9A-F]{1,4}:){1,7}:|:(?::[0-9A-F]{1,4}){1,7})(?![\w:])`,
      flags: "i",
    },
  ],
  IBAN: [
    {
      pattern: String.raw`(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])`,
      flags: "",
      check: "mod97",
    },
  ],
};

export interface PiiOptions {
  /** Default `redact`. */
  readonly action?: Guardrail["action"] | undefined;
  /** Which of the built-in kinds to look for. Default: all. */
  readonly entities?: readonly PiiEntity[] | undefined;
  /** Kinds of your own: `{ EMPLOYEE: /\bE\d{6}\b/ }`. */
  readonly extraPatterns?: Readonly<Record<string, RegExp>> | undefined;
  /** False: only `extraPatterns`. Default true. */
  readonly includeDefaults?: boolean | undefined;
  /** Default `pii`. An agent that has two gives one another name. */
  readonly name?: string | undefined;
}

const OPTIONS: NamesOf<PiiOptions> = {
  ...{ action: true, entities: true, extraPatterns: true, includeDefaults: true, name: true },
};

/** Looks for personal data, both ways. Throws `AgentDefinitionError` for a pattern or a kind that cannot be. */
export function pii(options: PiiOptions = {}): Guardrail {
  checkNames("pii", options, OPTIONS);
  const { action = "redact", extraPatterns = {}, includeDefaults = true, name = "pii" } = options;
  const all = Object.keys(PATTERNS) as PiiEntity[];
  const entities = includeDefaults ? (options.entities ?? all) : [];
  const unknown = entities.find((entity) => !all.includes(entity));
  if (unknown !== undefined) throw new AgentDefinitionError(`pii knows no ${unknown}: it knows ${all.join(", ")}`);
  return patternGuardrail({ name, action }, [
    ...entities.flatMap((entity) => PATTERNS[entity].map((pattern) => ({ entity, ...pattern }))),
    ...Object.entries(extraPatterns).map(([entity, expression]) => toPattern(entity, expression)),
  ]);
}

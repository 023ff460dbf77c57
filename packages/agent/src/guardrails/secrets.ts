/**
 * secrets: keys and tokens, by the form their makers give them, and what is assigned to a name such as `api_key`. A password
 * that looks like a word is not found.
 */
import type { GuardrailPattern } from "@myelin/bus/run-events";
import { checkNames, type NamesOf } from "../definition/check-options.ts";
import type { Guardrail } from "../guardrail.ts";
import { patternGuardrail } from "./pattern-guardrail.ts";

const KEY = String.raw`(?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----`;
const ASSIGNED = String.raw`["']?\s{0,8}(?:=>|[=:])\s{0,8}["']?`;

/** Every repetition has a bound, so that a long text takes time by its length, not more. */
const PATTERNS: readonly GuardrailPattern[] = [
  { entity: "AWS_ACCESS_KEY", pattern: String.raw`(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])`, flags: "" },
  {
    entity: "AWS_SECRET_KEY",
    pattern: String.raw`(?:aws[_ -]?secret(?:[_ -]?access)?(?:[_ -]?key)?|secret[_ -]?access[_ -]?key)${ASSIGNED}(?<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])`,
    flags: "i",
  },
  // With its body, also when the end is missing: then up to the next line of dashes.
  {
    entity: "PRIVATE_KEY",
    pattern: String.raw`-----BEGIN ${KEY}(?:[^-]|-(?!----)){0,16384}(?:-----END ${KEY})?`,
    flags: "",
  },
  {
    entity: "GITHUB_TOKEN",
    pattern: String.raw`(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})`,
    flags: "",
  },
  { entity: "SLACK_TOKEN", pattern: String.raw`(?<![A-Za-z0-9])(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,250}`, flags: "" },
  { entity: "ANTHROPIC_KEY", pattern: String.raw`(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{20,250}`, flags: "" },
  // With a digit in it: `sk-` is also the beginning of names.
  {
    entity: "OPENAI_KEY",
    pattern: String.raw`(?<![A-Za-z0-9])sk-(?!ant-)(?=[A-Za-z_-]{0,100}\d)[A-Za-z0-9_-]{20,250}`,
    flags: "",
  },
  { entity: "GOOGLE_API_KEY", pattern: String.raw`(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}`, flags: "" },
  { entity: "STRIPE_KEY", pattern: String.raw`(?<![A-Za-z0-9])[rs]k_live_[A-Za-z0-9]{16,250}`, flags: "" },
  { entity: "HUGGING_FACE_TOKEN", pattern: String.raw`(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,100}`, flags: "" },
  {
    entity: "JWT",
    pattern: String.raw`(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{8,8192}(?:\.[A-Za-z0-9_-]{0,2048})?`,
    flags: "",
  },
  {
    entity: "GENERIC_API_KEY",
    pattern: String.raw`(?:api[_ -]?key|(?:access|auth|bearer)[_ -]?token|client[_ -]?secret|secret[_ -]?key)${ASSIGNED}(?<value>(?=[A-Za-z_./+=-]{0,255}\d)[A-Za-z0-9_./+=-]{16,256})`,
    flags: "i",
  },
];

export interface SecretsOptions {
  /** Default `block`. */
  readonly action?: Guardrail["action"] | undefined;
  /** Default `secrets`. */
  readonly name?: string | undefined;
}

const OPTIONS: NamesOf<SecretsOptions> = { action: true, name: true };

/** Looks for keys and tokens, both ways. Throws `AgentDefinitionError` for an option that is none. */
export function secrets(options: SecretsOptions = {}): Guardrail {
  checkNames("secrets", options, OPTIONS);
  const { action = "block", name = "secrets" } = options;
  return patternGuardrail({ name, action }, PATTERNS);
}

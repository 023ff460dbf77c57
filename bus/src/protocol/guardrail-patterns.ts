/**
 * Guardrail patterns: what a guardrail looks for, as data, so that it can be looked for wherever a text comes by: with the
 * caller before the TASK is appended, and with whoever submits a result.
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

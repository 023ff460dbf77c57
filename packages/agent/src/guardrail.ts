/**
 * Guardrail: what looks at a text on its way to the model or from it, and says what in it is not to pass. Built in are
 * `pii`, `secrets` and `promptInjection`; any object of this shape is one.
 */
import type { GuardrailPattern } from "@myelin/bus/run-events";

/** Something found, as a range of the text: `start` to `end` (exclusive), in UTF-16 units, as of `String.slice`. */
export interface Finding {
  /** What it is: `EMAIL_ADDRESS`. Becomes the name of its placeholder, `<<EMAIL_ADDRESS_1>>`. */
  readonly entity: string;
  readonly start: number;
  readonly end: number;
  /** How sure it is, 0 to 1. Not used, but kept for guardrails that wrap others. */
  readonly score?: number | undefined;
}

/** `incoming`: to the model (what the user said, what a tool gave). `outgoing`: from it (its text, the parameters of its calls). */
export type GuardrailDirection = "incoming" | "outgoing";

export interface Guardrail {
  /** Unique in an agent; named in the journal and in errors. */
  readonly name: string;
  /**
   * `redact`: a placeholder stands for what was found, in the journal and for the model. `block`: the run ends in ERROR
   * GUARDRAIL_BLOCKED. `warn`: it is noted in the journal.
   */
  readonly action: "redact" | "block" | "warn";
  /** Where it looks. Default: both ways. */
  readonly directions?: readonly GuardrailDirection[] | undefined;
  /**
   * All that `scan` looks for, when patterns can say it. Then it also works where only data comes: with a caller, before a
   * message is stored, and with whoever submits a result. Without: `scan` is called in the worker only.
   */
  readonly patterns?: readonly GuardrailPattern[] | undefined;
  /**
   * What is in a text. Called with each text by itself: a message, a string of a tool's result (once alone and once as
   * `key=value`). Concurrently, by all runs of a process. What it throws ends the run in ERROR GUARDRAIL_FAILED.
   */
  scan(text: string, signal: AbortSignal): readonly Finding[] | Promise<readonly Finding[]>;
}

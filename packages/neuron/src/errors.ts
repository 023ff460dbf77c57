/** What goes wrong in this package: a neuron's own failure, a contract that cannot work, a provider set up wrongly. A leaf. */

import { toVendorFailure } from "./vendor-error.ts";

/** Codes that `NeuronFailure.from` and the providers choose. A neuron may use any other code of its own. */
export type NeuronFailureCode =
  | "NEURON_EXCEPTION"
  | "CANCELLED"
  | "INPUT_INVALID"
  | "OUTCOME_INVALID"
  | StepErrorCode
  | "MODEL_RATE_LIMITED"
  | "MODEL_OVERLOADED"
  | "MODEL_UNAVAILABLE"
  | "MODEL_TIMEOUT"
  | "MODEL_REFUSED_REQUEST"
  | "TOOL_SOURCE_UNAVAILABLE"
  | "TOOL_SOURCE_INVALID";

/**
 * - `STEP_IN_DOUBT`: a step that must not be repeated was announced and has no result: it may have happened
 * - `STEP_ORDER_CHANGED`: the steps of this start come in another order than those in the run's journal
 * - `STEP_NAME_TAKEN`, `STEP_NAME_INVALID`: two steps of a run with one name; a name that is none
 * - `STEP_RESULT_NOT_JSON`: the journal could not keep the result · `STEP_KEY_OUTSIDE`: `ctx.stepKey` where no step runs
 */
export type StepErrorCode =
  | "STEP_IN_DOUBT"
  | "STEP_ORDER_CHANGED"
  | "STEP_NAME_TAKEN"
  | "STEP_NAME_INVALID"
  | "STEP_RESULT_NOT_JSON"
  | "STEP_KEY_OUTSIDE";

/** What a `NeuronFailure` may carry beside code and message. */
export interface NeuronFailureOptions {
  /** Whether the same input may succeed later, so that a retry is worth it. Default false. */
  readonly recoverable?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * Thrown by a neuron to choose the ERROR its caller gets: `code`, `message` and `recoverable` cross the wire, the cause
 * and the stack do not. Codes are `UPPER_SNAKE`; those of `NeuronFailureCode` have a meaning already.
 */
export class NeuronFailure extends Error {
  override readonly name: string = "NeuronFailure";
  readonly code: string;
  readonly recoverable: boolean;

  constructor(code: NeuronFailureCode | (string & {}), message: string, options: NeuronFailureOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.recoverable = options.recoverable ?? false;
  }

  /**
   * The failure for anything a neuron threw. Never throws. Rules, in order:
   * - a `NeuronFailure` is returned as it is;
   * - an abort (`AbortError`, or an SDK's own) is CANCELLED, not recoverable;
   * - an error of the `openai` or `@anthropic-ai/sdk` SDK, by status or by the type in a stream's error: 429 is
   *   MODEL_RATE_LIMITED, 529 MODEL_OVERLOADED, 408, 504 and timeouts MODEL_TIMEOUT, other 5xx, 409 and lost connections
   *   MODEL_UNAVAILABLE, all recoverable; other 4xx and an exhausted quota are MODEL_REFUSED_REQUEST, not recoverable;
   * - anything else is NEURON_EXCEPTION with its message, not recoverable.
   */
  static from(thrown: unknown): NeuronFailure {
    if (thrown instanceof NeuronFailure) return thrown;
    const vendor = toVendorFailure(thrown);
    if (vendor !== null) {
      return new NeuronFailure(vendor.code, messageOf(thrown), { recoverable: vendor.recoverable, cause: thrown });
    }
    const code = field(thrown, "name") === "AbortError" ? "CANCELLED" : "NEURON_EXCEPTION";
    return new NeuronFailure(code, messageOf(thrown), { cause: thrown });
  }
}

/** `ctx.step` was used in a way that cannot be kept. Not recoverable: the code must change. */
export class StepError extends NeuronFailure {
  override readonly name: string = "StepError";

  constructor(code: StepErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, options);
  }
}

/**
 * A step with `repeatable: false` was announced by an earlier start of the run, and what became of it is not known. Ask
 * the other side, by `stepKey`, whether it happened; uncaught, it ends the run in ERROR STEP_IN_DOUBT.
 */
export class StepInDoubtError extends StepError {
  override readonly name = "StepInDoubtError";
  readonly step: string;
  readonly stepKey: string;

  constructor(step: string, stepKey: string) {
    super(
      "STEP_IN_DOUBT",
      `step "${step}" was begun by an earlier start of the run and may have happened (key ${stepKey})`,
    );
    this.step = step;
    this.stepKey = stepKey;
  }
}

/** Never empty, and never throws: people throw strings, undefined, and objects whose `toJSON` fails. */
function messageOf(thrown: unknown): string {
  const text = typeof thrown === "string" ? thrown : field(thrown, "message") || field(thrown, "name");
  if (text) return text;
  try {
    return `the neuron threw ${JSON.stringify(thrown) ?? String(thrown)}`;
  } catch {
    return "the neuron threw something that cannot be shown";
  }
}

/** A text field of whatever was thrown. Not by `instanceof Error`: an abort's DOMException may come from another realm. */
function field(thrown: unknown, name: "name" | "message"): string | undefined {
  if (typeof thrown !== "object" || thrown === null) return undefined;
  try {
    const value: unknown = Reflect.get(thrown, name);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined; // a getter that throws: as good as none
  }
}

/** A neuron's definition that could never work: a bad id, or a schema that has no JSON Schema. Thrown by `defineNeuron`. */
export class ContractError extends Error {
  override readonly name = "ContractError";
  readonly code = "CONTRACT_INVALID";
}

/**
 * A model provider or tool source set up wrongly: a missing key or model, a number out of bounds. Thrown when it is made; when
 * called only for a setting of that call that the vendor has no word for.
 */
export class ProviderOptionsError extends Error {
  override readonly name = "ProviderOptionsError";
  readonly code = "PROVIDER_OPTIONS_INVALID";
}

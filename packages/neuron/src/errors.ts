/** What goes wrong in this package: a neuron's own failure, a contract that cannot work, a provider set up wrongly. A leaf. */

/** Codes that `NeuronFailure.from` and the providers choose. A neuron may use any other code of its own. */
export type NeuronFailureCode =
  | "NEURON_EXCEPTION"
  | "CANCELLED"
  | "INPUT_INVALID"
  | "OUTCOME_INVALID"
  | "MODEL_RATE_LIMITED"
  | "MODEL_OVERLOADED"
  | "MODEL_UNAVAILABLE"
  | "MODEL_TIMEOUT"
  | "MODEL_REFUSED_REQUEST";

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
  override readonly name = "NeuronFailure";
  readonly code: string;
  readonly recoverable: boolean;

  constructor(code: NeuronFailureCode | (string & {}), message: string, options: NeuronFailureOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.recoverable = options.recoverable ?? false;
  }

  /** The failure for anything a neuron threw. Never throws. */
  static from(thrown: unknown): NeuronFailure {
    if (thrown instanceof NeuronFailure) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new NeuronFailure("NEURON_EXCEPTION", message, { cause: thrown });
  }
}

/** A neuron's definition that could never work: a bad id, or a schema that has no JSON Schema. Thrown by `defineNeuron`. */
export class ContractError extends Error {
  override readonly name = "ContractError";
  readonly code = "CONTRACT_INVALID";
}

/** A model provider set up wrongly: a missing key or model, a number out of bounds. Thrown when it is made, not when called. */
export class ProviderOptionsError extends Error {
  override readonly name = "ProviderOptionsError";
  readonly code = "PROVIDER_OPTIONS_INVALID";
}

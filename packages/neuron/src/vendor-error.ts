/**
 * Vendor error: tells what kind of failure an error of a model SDK is, by its shape. A leaf: it loads no SDK, so it also
 * serves neurons that call `openai` or `@anthropic-ai/sdk` themselves, in whatever version.
 */

/** A failure of the model's side, in the words of an ERROR. */
export interface VendorFailure {
  readonly code:
    | "CANCELLED"
    | "MODEL_RATE_LIMITED"
    | "MODEL_OVERLOADED"
    | "MODEL_UNAVAILABLE"
    | "MODEL_TIMEOUT"
    | "MODEL_REFUSED_REQUEST";
  readonly recoverable: boolean;
}

/** The slice of `APIError` both SDKs share: https://github.com/openai/openai-node/blob/v6.49.0/src/core/error.ts */
interface ApiError {
  readonly constructor?: { readonly name: string };
  /** Undefined when there was no response, and for an error inside a stream. */
  readonly status: number | undefined;
  readonly requestID: unknown;
  readonly type?: unknown;
  readonly code?: unknown;
}

const CANCELLED: VendorFailure = { code: "CANCELLED", recoverable: false };
const RATE_LIMITED: VendorFailure = { code: "MODEL_RATE_LIMITED", recoverable: true };
const OVERLOADED: VendorFailure = { code: "MODEL_OVERLOADED", recoverable: true };
const UNAVAILABLE: VendorFailure = { code: "MODEL_UNAVAILABLE", recoverable: true };
const TIMEOUT: VendorFailure = { code: "MODEL_TIMEOUT", recoverable: true };
const REFUSED: VendorFailure = { code: "MODEL_REFUSED_REQUEST", recoverable: false };

/** Error types that a second try cannot cure, as both vendors name them. */
const REFUSALS = new Set([
  "invalid_request_error",
  "authentication_error",
  "permission_error",
  "billing_error",
  "not_found_error",
  "request_too_large",
  "insufficient_quota",
  "context_length_exceeded",
]);

/** What kind of vendor failure `error` is; null when it did not come from a model SDK. */
export function toVendorFailure(error: unknown): VendorFailure | null {
  if (!isApiError(error)) return null;
  const className: unknown = error.constructor?.name;
  if (className === "APIUserAbortError") return CANCELLED;
  if (className === "APIConnectionTimeoutError") return TIMEOUT;

  const words = [error.type, error.code].filter((word) => typeof word === "string");
  // Without a response there is no status; routers in front of several vendors put it in the stream's error as `code`.
  const status = error.status ?? (typeof error.code === "number" ? error.code : undefined);

  // An exhausted quota is a 429 too, but waiting does not refill it.
  if (words.includes("insufficient_quota")) return REFUSED;
  if (status === 429 || words.some((word) => word.startsWith("rate_limit"))) return RATE_LIMITED;
  if (status === 529 || words.some((word) => word.includes("overloaded"))) return OVERLOADED;
  if (status === 408 || status === 504 || words.includes("timeout_error")) return TIMEOUT;
  // 409 is a lock held by another request; both SDKs retry it.
  if (status === 409) return UNAVAILABLE;
  if (status !== undefined && status >= 400 && status < 500) return REFUSED;
  if (status === undefined && words.some((word) => REFUSALS.has(word))) return REFUSED;
  return UNAVAILABLE;
}

/** By shape, not by class: the SDKs may be installed twice, or bundled, and are not loaded here. */
function isApiError(error: unknown): error is ApiError {
  return typeof error === "object" && error !== null && "status" in error && "requestID" in error;
}

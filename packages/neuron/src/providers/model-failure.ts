/** Model failure: what went wrong at a model server, in a `NeuronFailure` that says where and what, and shows no secret. */

import { NeuronFailure } from "../errors.ts";
import type { NeuronFailureCode } from "../errors.ts";
import { toVendorFailure } from "../vendor-error.ts";

/** In characters. A proxy answers with a whole page, and the message travels in an ERROR. */
const LONGEST_MESSAGE = 1_000;

/** Where a call went, for messages. */
export interface CallPlace {
  readonly model: string;
  readonly baseURL: string;
  readonly secrets: readonly string[];
}

/** Without a cause: an SDK's error holds the server's answer, and a server may repeat the key it was sent. */
export function modelFailure(
  place: CallPlace,
  code: NeuronFailureCode,
  recoverable: boolean,
  problem: string,
): NeuronFailure {
  const message = `model "${place.model}" at ${hostOf(place.baseURL)}: ${problem}`;
  const safe = place.secrets.reduce((text, secret) => text.replaceAll(secret, "[redacted]"), message);
  return new NeuronFailure(code, safe.length > LONGEST_MESSAGE ? `${safe.slice(0, LONGEST_MESSAGE)}…` : safe, {
    recoverable,
  });
}

/** The failure for what an SDK threw. What is no error of an SDK is a broken connection or answer. */
export function toModelFailure(place: CallPlace, thrown: unknown): NeuronFailure {
  const { code, recoverable } = toVendorFailure(thrown) ?? { code: "MODEL_UNAVAILABLE", recoverable: true };
  return modelFailure(place, code, recoverable, describe(thrown));
}

/** An error inside a streamed answer that the SDK hands through as data; shaped as `toVendorFailure` reads them. */
export class StreamedError extends Error {
  override readonly name = "StreamedError";
  readonly status = undefined;
  readonly requestID = null;
  readonly code: string | null;

  constructor(code: string | null, message: string) {
    super(message);
    this.code = code;
  }
}

/** A proxy that goes away politely looks like an end; half an answer must not pass for a whole one. */
export function endedEarly(): StreamedError {
  return new StreamedError(null, "the answer ended before the model said it had finished");
}

function hostOf(baseURL: string): string {
  return URL.canParse(baseURL) ? new URL(baseURL).host : "an address that is no URL";
}

/** The message with those of its causes: "Connection error." alone helps nobody. */
function describe(thrown: unknown): string {
  const messages: string[] = [];
  let at = thrown;
  for (let depth = 0; depth < 4 && typeof at === "object" && at !== null; depth++) {
    const message = messageOf(at);
    if (message !== "" && !messages.includes(message)) messages.push(message);
    at = "cause" in at ? at.cause : undefined;
  }
  return messages.length === 0 ? String(thrown) : messages.join(": ");
}

function messageOf(error: object): string {
  const { message, code, status, apiMessage } = error as Record<string, unknown>;
  // Anthropic's SDK puts the whole body in `message`, and its sentence here.
  if (typeof apiMessage === "string") return typeof status === "number" ? `${status} ${apiMessage}` : apiMessage;
  if (typeof message === "string" && message !== "") return message;
  // A refused connection is an AggregateError with an empty message and a code.
  return typeof code === "string" ? code : "";
}

/** BusError: what can go wrong between a Signal and the log. A leaf: ids, numbers and strings only. */

/**
 * - `INVALID_ID`: an id, namespace or capability is outside its alphabet. Fix the value.
 * - `NOT_JSON`: a Signal cannot be written as JSON (BigInt, a cycle). Fix the payload.
 * - `PAYLOAD_TOO_LARGE`: the encoded Signal, or a key's value, is above `maxPayloadBytes`; nothing was sent.
 * - `WRONG_LAST_SEQ`: an append expected another last sequence on its subject; nothing was stored.
 * - `LOG_UNAVAILABLE`: the log did not acknowledge in time, or is full. Nothing is known to be stored; try again.
 * - `LOG_CONFIG`: the stream on the server is not the one this code needs; the message says the difference.
 * - `SERVER_UNSUITABLE`: no server there, one that refuses our credentials or whose certificate is not trusted, one older than
 *   2.10, or one without JetStream.
 * - `NOT_PERMITTED`: the server knows us and does not let us do this; the message says the permission that is missing.
 * - `CLOSED`: the Synapse was drained; connect again.
 * - `OBJECT_NOT_FOUND`: no object is stored under that reference.
 * - `INVALID_OPTION`: an option or URL has a wrong value.
 */
export type BusErrorCode =
  | "INVALID_ID"
  | "NOT_JSON"
  | "PAYLOAD_TOO_LARGE"
  | "WRONG_LAST_SEQ"
  | "LOG_UNAVAILABLE"
  | "LOG_CONFIG"
  | "SERVER_UNSUITABLE"
  | "NOT_PERMITTED"
  | "CLOSED"
  | "OBJECT_NOT_FOUND"
  | "INVALID_OPTION";

/** The one error class of the bus; branch on `code`. */
export class BusError extends Error {
  override readonly name: string = "BusError";
  readonly code: BusErrorCode;

  constructor(code: BusErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The encoded Signal is larger than `maxPayloadBytes`. Raised before anything is sent. */
export class PayloadTooLargeError extends BusError {
  override readonly name = "PayloadTooLargeError";
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(what: string, bytes: number, maxBytes: number) {
    super(
      "PAYLOAD_TOO_LARGE",
      `${what} is ${bytes} bytes, at most ${maxBytes} can be sent; send less, or a reference to where it is stored`,
    );
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}

/** An append expected another last sequence on its subject. `actualSeq` is null when the server did not say it. */
export class WrongLastSeqError extends BusError {
  override readonly name = "WrongLastSeqError";
  readonly expectedSeq: number;
  readonly actualSeq: number | null;

  constructor(expectedSeq: number, actualSeq: number | null) {
    super(
      "WRONG_LAST_SEQ",
      `expected ${expectedSeq} as the last sequence of the subject, it is ${actualSeq ?? "another"}`,
    );
    this.expectedSeq = expectedSeq;
    this.actualSeq = actualSeq;
  }
}

/** The log did not take an append: it is full, or did not acknowledge before the append's deadline. */
export class LogUnavailableError extends BusError {
  override readonly name = "LogUnavailableError";

  constructor(message: string, options?: { cause?: unknown }) {
    super("LOG_UNAVAILABLE", message, options);
  }
}

/** The server does not let this user publish or subscribe there. Which permission is missing is in the message. */
export class NotPermittedError extends BusError {
  override readonly name = "NotPermittedError";
  readonly operation: "publish" | "subscribe";
  readonly subject: string;

  constructor(what: string, operation: "publish" | "subscribe", subject: string, queue?: string) {
    const where = queue === undefined ? subject : `${subject} ${queue}`;
    super(
      "NOT_PERMITTED",
      `${what}: the server does not permit this user to ${operation === "publish" ? "publish on" : "subscribe to"} ` +
        `"${subject}"${queue === undefined ? "" : ` in the queue "${queue}"`}; add "${where}" to what its ${operation} ` +
        "permissions allow, or connect as a user whose role may",
    );
    this.operation = operation;
    this.subject = subject;
  }
}

/** The one error of this package: what could not be found or started, with the fix in its message. */

export type DevServerErrorCode =
  /** No usable binary of the server on this machine; the message says what to install. */
  | "not-found"
  /** A binary was given that is too old, or data that another major version wrote. */
  | "wrong-version"
  /** The bytes of a downloaded binary are not the ones we know; it was not run. */
  | "checksum-mismatch"
  /** A port was asked for and somebody else listens on it. */
  | "port-taken"
  /** Another server runs on this data directory. */
  | "data-dir-in-use"
  /** The data directory cannot be used: foreign files in it, or no permission. */
  | "data-dir-unusable"
  /** The server ended before it was ready, or was not ready in time; the message ends with its last lines. */
  | "start-failed"
  /** The caller's `signal` fired; everything started so far is gone. */
  | "aborted"
  /** `restart` or `kill` after `stop`. */
  | "stopped"
  /** An option that contradicts another. */
  | "invalid-option"
  /** No POSIX shell here (Windows): use WSL, or servers of your own. */
  | "unsupported-platform";

export class DevServerError extends Error {
  override readonly name = "DevServerError";
  readonly code: DevServerErrorCode;

  constructor(code: DevServerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Throw `aborted` when `signal` has fired; `what` names the step that will not happen. */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) {
    throw new DevServerError("aborted", `${what} was aborted`, { cause: signal.reason });
  }
}

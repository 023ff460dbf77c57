/** JetStream API requests: asked again while the answer is only "not now", until a deadline. */
import { errors } from "@nats-io/nats-core";
import { LogUnavailableError, NotPermittedError } from "../../protocol/errors.ts";
import { closedError, type NatsLink } from "./nats-link.ts";

/** A refusal that means it. `err_code` names the reason, `code` is its class, as in HTTP. */
export interface ApiError {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}
export type ApiReply<T> = { ok: true; value: T } | { ok: false; error: ApiError };

/** Codes of `err_code` that we branch on: https://github.com/nats-io/nats-server/blob/v2.11.6/server/errors.json */
export const API_CODE = {
  accountResourcesExceeded: 10002,
  consumerNotFound: 10014,
  insufficientResources: 10023,
  noMessageFound: 10037,
  jetStreamNotEnabledForAccount: 10039,
  storageExceeded: 10047,
  streamNameInUse: 10058,
  streamNotFound: 10059,
  subjectOverlap: 10065,
  wrongLastSequence: 10071,
  jetStreamNotEnabled: 10076,
  storeFailed: 10077,
  maxBytesRequired: 10113,
  consumerExists: 10148,
  duplicateInProcess: 10158,
  wrongLastSequenceInFlight: 10164,
  tooManyRequests: 10167,
} as const;

const ATTEMPT_MS = 2_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Ask, and ask again after no responders, no answer, a 503 and a reconnect. `timeoutMs` bounds all of it, default 5_000.
 * Rejects with `LogUnavailableError`, `NotPermittedError`, or `CLOSED`. What is asked must bear being done twice.
 */
export async function askApi<T>(
  link: NatsLink,
  subject: string,
  body: unknown,
  options: { timeoutMs?: number } = {},
): Promise<ApiReply<T>> {
  const { timeoutMs = 5_000 } = options;
  const giveUpAt = performance.now() + timeoutMs;
  const payload = body === undefined ? "" : JSON.stringify(body);
  let reason = "no answer";
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    if (link.isClosed) throw closedError();
    const leftMs = giveUpAt - performance.now();
    if (leftMs <= 0)
      throw new LogUnavailableError(`JetStream did not answer ${subject} in ${timeoutMs} ms (${reason})`);
    if (link.isUp) {
      try {
        const message = await link.nc.request(subject, payload, {
          timeout: Math.max(1, Math.min(leftMs, ATTEMPT_MS)),
        });
        const reply = message.json<T & { error?: ApiError }>();
        if (!reply.error) return { ok: true, value: reply };
        if (reply.error.code !== 503) return { ok: false, error: reply.error };
        reason = reply.error.description ?? "unavailable";
      } catch (error) {
        const violation = violationOf(error);
        if (violation) throw new NotPermittedError(describeRequest(subject), ...violation);
        reason = error instanceof Error ? error.message : String(error);
      }
    } else reason = "disconnected";
    await sleep(Math.min(pauseMs, Math.max(1, giveUpAt - performance.now())));
  }
}

/** What the server said it does not permit: our question, or the inbox for its answer. */
function violationOf(error: unknown): ["publish" | "subscribe", string] | null {
  const { cause } = error as { cause?: unknown };
  const violation = [error, cause].find((one) => one instanceof errors.PermissionViolationError);
  return violation ? [violation.operation === "publish" ? "publish" : "subscribe", violation.subject] : null;
}

/** `$JS.API.CONSUMER.CREATE.<stream>.<name>.<filter>` → `CONSUMER.CREATE of <stream>.<name>`. */
function describeRequest(subject: string): string {
  const [, verb = subject, of] =
    /^\$JS\.API\.((?:STREAM\.MSG|CONSUMER\.MSG|STREAM|CONSUMER)\.[A-Z]+)(?:\.([^.]+(?:\.[^.]+)?))?/.exec(subject) ?? [];
  return of === undefined ? verb : `${verb} of ${of}`;
}

export const describeError = (error: ApiError): string =>
  `${error.description ?? "no reason given"} (${error.err_code ?? error.code})`;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

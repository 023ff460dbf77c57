/**
 * Subscriptions to `log` and `live`: one callback each, on the server before `subscribe` resolves.
 *
 * A Signal that has to be fetched makes a line: what comes behind it waits, so that handlers are called in the order of the
 * messages. Without one a handler is called in the turn its message came.
 */
import type { Msg } from "@nats-io/nats-core";
import { NotPermittedError } from "../../protocol/errors.ts";
import { parseSignal, type ParsedSignal } from "../../protocol/signal.ts";
import { RunningHandlers } from "../running-handlers.ts";
import type { BusProblem, Received, SignalHandler, Subscription } from "../synapse.ts";
import type { NatsLargeSignals, Whole } from "./nats-large.ts";
import type { NatsSession } from "./nats-session.ts";

export interface SubscribeRequest {
  readonly channel: "log" | "live";
  /** The subject filter, on that channel. */
  readonly subject: string;
  readonly queue: string | undefined;
  readonly large: NatsLargeSignals;
  readonly onProblem: (problem: BusProblem) => void;
}

const LIVE: Received = Object.freeze({ channel: "live", seq: null });

export async function subscribeNats(
  session: NatsSession,
  request: SubscribeRequest,
  handler: SignalHandler,
): Promise<Subscription> {
  const { channel, subject, queue, large, onProblem } = request;
  const running = new RunningHandlers();
  let line: Promise<void> | null = null;
  const prefix = subject.split(".", 3).join(".") + ".";

  const onMessage = (message: Msg): void => {
    let received = LIVE;
    if (channel === "log") {
      // Whoever may make a consumer can have it deliver here. It keeps the subject of what it delivers, and so gives itself away.
      const seq = message.subject.startsWith(prefix) ? sequenceOf(message) : null;
      if (seq === null) return reportForged(message, onProblem);
      received = { channel, seq };
    }
    const { data: bytes } = message;
    const parsed = parseSignal(bytes);
    if (line === null && !mayBeTicket(parsed)) return handle(message, parsed, received);
    const turn = (line ?? Promise.resolve()).then(async () => {
      // Only now, so that one fetch of a subscription is under way, and one large Signal in memory.
      const whole = await large.fetch(bytes, parsed)?.catch((error: unknown) => unfetched(bytes, error));
      handle(message, whole?.parsed ?? parsed, received, whole?.bytes);
      if (line === turn) line = null;
    });
    line = turn;
    void running.track(() => turn);
  };

  // The subject is decoded only when somebody needs it.
  const handle = (message: Msg, parsed: ParsedSignal, received: Received, bytes = message.data): void => {
    if (!parsed.ok) return onProblem({ type: "bad-message", subject: message.subject, bytes, problem: parsed.problem });
    try {
      const result = handler(parsed.signal, received);
      // Most handlers are done when they return, and cost no promise.
      if (result instanceof Promise) running.watch(result, (error) => onHandlerError(message, error));
    } catch (error) {
      onHandlerError(message, error);
    }
  };
  const onHandlerError = ({ subject }: Msg, error: unknown) => onProblem({ type: "handler-error", subject, error });

  const subscription = session.link.nc.subscribe(subject, {
    ...(queue === undefined ? {} : { queue }),
    callback: (error, message) => {
      // An error here is a refused subscription; the link reports it as a status.
      if (!error) onMessage(message);
    },
  });
  await session.link.flush();
  // A refusal comes before the answer to the flush.
  if (subscription.isClosed()) {
    throw new NotPermittedError(`${channel} cannot be heard`, "subscribe", subject, queue);
  }

  const drain = session.own(async () => {
    // What this process has just published is on its way, too.
    session.link.outbox.flush();
    // Delivers what is on its way. It rejects only when the connection is gone, and then nothing is on its way.
    await subscription.drain().catch(() => {});
    await running.settled();
  });
  return { drain, [Symbol.asyncDispose]: drain };
}

/** A cheap no for nearly everything. */
const mayBeTicket = (parsed: ParsedSignal): boolean => !parsed.ok && parsed.problem.code === "WRONG_VERSION";

/** Nobody sends it again, and what waits behind it must not wait for ever. */
function unfetched(bytes: Uint8Array, error: unknown): Whole {
  const message = error instanceof Error ? error.message : String(error);
  return { bytes, parsed: { ok: false, problem: { code: "BAD_OBJECT", message: message.slice(0, 500) } } };
}

/**
 * The sequence the server has given the message it republished. The *last* header of that name: a publisher may send one
 * of its own, and the server appends its own behind it. Null when there is none: the message never was in the log.
 */
function sequenceOf(message: Msg): number | null {
  const seq = Number(message.headers?.last("Nats-Sequence"));
  return Number.isSafeInteger(seq) && seq > 0 ? seq : null;
}

function reportForged(message: Msg, onProblem: (problem: BusProblem) => void): void {
  const problem = {
    code: "WRONG_SHAPE",
    message: "published on log by a client, not by the server: deny publish on myelin.*.log.> in its permissions",
  } as const;
  onProblem({ type: "bad-message", subject: message.subject, bytes: message.data, problem });
}

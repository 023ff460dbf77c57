/**
 * Stream: one dispatch as an async iterable of every Signal of its trace, tokens included, to the one that ends it.
 *
 * The ending always comes (it is repaired from the log); what lies between is live, and may miss pieces when the
 * connection drops. Leaving the loop early aborts the dispatch.
 */
import { isEndType, isReplyType, type Signal } from "@myelin/bus";
import { DendriteError, NeuronError, NeuronPausedError } from "./errors.ts";
import type { OnPrepared } from "./dispatcher.ts";
import type { HandlerRegistration } from "./handlers.ts";
import type { WaitRequest } from "./requests.ts";

/** Signals that wait for the reader. Beyond it the reader is too slow, and the stream ends with `STREAM_OVERFLOW`. */
const MAX_BUFFERED = 10_000;

export interface StreamSource {
  /** Hear every Signal of a trace. */
  onTrace(traceId: string, handler: (signal: Signal) => void): HandlerRegistration;
  dispatchAndWait(request: WaitRequest, onPrepared: OnPrepared): Promise<Signal>;
}

export async function* streamDispatch(
  source: StreamSource,
  request: WaitRequest & { traceId: string },
): AsyncGenerator<Signal, void, void> {
  const buffered: Signal[] = [];
  let wake = () => {};
  let ended: { reply: Signal } | { error: unknown } | undefined;
  let runId: string | undefined;
  const leaving = new AbortController();

  /** What the wait brings is yielded by it, last and once. */
  const isEnding = (signal: Signal) =>
    signal.meta.run_id === runId && (request.onPause === "wait" ? isEndType(signal.type) : isReplyType(signal.type));
  const hear = (signal: Signal) => {
    if (isEnding(signal) || buffered.length > MAX_BUFFERED) return;
    buffered.push(signal);
    if (buffered.length > MAX_BUFFERED) {
      leaving.abort(new DendriteError("STREAM_OVERFLOW", `the reader is ${MAX_BUFFERED} Signals behind; read faster`));
    }
    wake();
  };
  const registrations: HandlerRegistration[] = [];
  const listenTo = (traceId: string): Promise<void> => {
    const registration = source.onTrace(traceId, hear);
    registrations.push(registration);
    return registration.ready;
  };
  const onPrepared: OnPrepared = async (task) => {
    runId = task.meta.run_id;
    // The run of an idempotency key has the trace of whoever was first.
    if (task.trace_id !== request.traceId) await listenTo(task.trace_id);
  };

  await listenTo(request.traceId);
  const signal = request.signal ? AbortSignal.any([request.signal, leaving.signal]) : leaving.signal;
  const waiting = source
    .dispatchAndWait({ onPause: "return", ...request, signal }, onPrepared)
    .then(
      (reply) => (ended = { reply }),
      (error: unknown) => (ended = endingOf(error)),
    )
    .finally(() => wake());

  try {
    for (;;) {
      const next = buffered.shift();
      if (next) yield next;
      else if (ended) break;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    if ("error" in ended) throw ended.error;
    yield ended.reply;
  } finally {
    leaving.abort(new DOMException("the reader of the stream left", "AbortError"));
    await waiting;
    for (const registration of registrations) registration[Symbol.dispose]();
  }
}

/** A failed or paused run ends its stream with the Signal that says so; only what has no Signal is thrown. */
function endingOf(error: unknown): { reply: Signal } | { error: unknown } {
  if (error instanceof NeuronError || error instanceof NeuronPausedError) return { reply: error.signal };
  return { error };
}
